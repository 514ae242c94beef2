"""Unit of work: (stage, method, dataset, seed) with a key over everything that can change its numbers.

A unit is done when `OUT/<stage>/<method>/<dataset>/<key12>/result.json` exists: it is written last and by rename.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from core import records
from core.files import make_way, sha256, sha256_of, write_json
from results.records import SCHEMA, RecordError, ResultRecord, read_result
from results.rows import Row, from_json, to_json
from suite.errors import UserError

MADE_FROM = "made_from"  # in a result's details: what the units it builds on had left then, see `made_from`


class Work(Protocol):
    """What a stage needs to do one unit: a frozen dataclass of the stage's own, which a worker can receive."""

    def decides(self) -> Mapping[str, Any]:
        """JSON-able: everything in it that can change the unit's numbers. Paths do not: they say nothing of content."""
        ...


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    version: the stage's version, raised whenever its numbers can change for a reason that its source does not show.
    code: hash of the source that computes it. work: the stage's own description; only what it decides enters the key.
    """

    stage: str
    method: str
    dataset: str
    seed: int
    version: int
    code: str
    work: Work = field(compare=False)
    upstream: tuple["Unit", ...] = ()

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What decides the numbers beside the address: the stage's settings and the source."""
        return {**self.work.decides(), "code": self.code}

    @cached_property
    def key(self) -> str:
        """sha256 hex."""
        return key_of(stage=self.stage, version=self.version, method=self.method, dataset=self.dataset, seed=self.seed,
                      settings=self.settings, upstream=[unit.key for unit in self.upstream])

    @cached_property
    def folder(self) -> str:
        """Relative to OUT."""
        return f"{self.stage}/{self.method}/{self.dataset}/{self.key[:12]}"

    def __str__(self) -> str:
        seed = f" seed {self.seed}" if self.seed else ""
        return f"{self.stage} {self.method} {self.dataset}{seed}"


def key_of(*, stage: str, version: int, method: str, dataset: str, seed: int, settings: Mapping[str, Any],
           upstream: Iterable[str]) -> str:
    """The key that follows from what a unit (or a stored result) says it is made of."""
    return sha256_of([stage, version, method, dataset, seed, settings, list(upstream)])


def key_of_result(result: ResultRecord) -> str:
    """The key that follows from what a stored result says it is made of."""
    return key_of(stage=result.stage, version=result.version, method=result.method, dataset=result.dataset,
                  seed=result.seed, settings=result.settings, upstream=result.upstream)


def seal_of(result: ResultRecord) -> str:
    """Hash of a result's content: its rows are taken over from disk only while they are what was written."""
    return sha256_of({**records.write(replace(result, artefacts={})), "seal": "", "artefacts": sorted(
        (name, digest) for name, (digest, *_) in result.artefacts.items())})


def write_result(out: Path, unit: Unit, rows: Iterable[Row], details: Mapping[str, Any],
                 provenance: Mapping[str, Any], artefacts: Mapping[str, str] | None = None) -> None:
    """Record a finished unit; the last thing that is written in its folder.

    Args:
        artefacts: file below the unit's folder -> sha256 of what was written there.
    Raises UserError for a file that holds something else by now.
    """
    folder = out / unit.folder
    for left_over in (*folder.glob(".*.tmp"), *(folder / "images").glob(".*.tmp")):  # of a killed run
        left_over.unlink(missing_ok=True)
    result = ResultRecord(
        schema=SCHEMA, stage=unit.stage, method=unit.method, dataset=unit.dataset, seed=unit.seed, key=unit.key,
        version=unit.version, settings=unit.settings, upstream=tuple(u.key for u in unit.upstream),
        rows=tuple(to_json(row) for row in rows), details=dict(details),
        artefacts={name: _recorded(folder / name, digest) for name, digest in (artefacts or {}).items()},
        provenance=dict(provenance))
    make_way(folder / "result.json")
    write_json(folder / "result.json", records.write(replace(result, seal=seal_of(result))))
    (folder / "failure.json").unlink(missing_ok=True)


def _recorded(path: Path, digest: str) -> tuple[str, int, int]:
    """[sha256, size, mtime_ns]"""
    if not path.is_file() or sha256(path) != digest:
        raise UserError(f"{path}: gone or changed since it was written; run the same command again, which makes it "
                        "again")
    return digest, *_stat(path)


def damaged(out: Path, unit: Unit, result: ResultRecord, *, thoroughly: bool = False) -> list[Path]:
    """Files of a finished unit that are gone or whose bytes changed.

    Only a file whose size or time changed is hashed again: a finished run is looked through in no time, and
    `run_all.py verify` hashes everything. thoroughly: hash all of them, for what is about to be read.
    """
    bad = []
    folder = str(out / unit.folder)  # a run has a million of them: no Path is made for one that is as it was
    for name, (digest, *then) in result.artefacts.items():
        found = _found(f"{folder}/{name}") if not _leads_out(name) else None
        if found is None or ((thoroughly or found != tuple(then)) and sha256(Path(folder, name)) != digest):
            bad.append(artefact_path(Path(folder), name))
    return bad


def _found(path: str) -> tuple[int, int] | None:
    """(size, mtime_ns) of a regular file, None for anything else."""
    try:
        state = os.stat(path)  # noqa: PTH116 - see `damaged`
    except (OSError, ValueError):
        return None
    return (state.st_size, state.st_mtime_ns) if stat.S_ISREG(state.st_mode) else None


def artefact_path(folder: Path, name: str) -> Path:
    """A file that a result lists, never outside the unit's folder. Raises RecordError for a name that leads out."""
    if _leads_out(name):
        raise RecordError(f"{folder}/result.json: artefact {name!r} leads out of the unit's folder; remove the file")
    return folder / name


def _leads_out(name: str) -> bool:
    """Looked at as text where that tells: "a/b.png" needs no Path."""
    return (".." in name or not name[:1].isalnum()) and (Path(name).is_absolute() or ".." in Path(name).parts)


def artefact_hashes(out: Path, unit: Unit) -> dict[str, str]:
    """file -> sha256 of what a finished unit left. Raises UserError where its result is gone or was changed."""
    result = stored_result(out, unit)
    if result is None:
        raise UserError(f"{out / unit.folder}/result.json: gone or changed since it was written; run the same command "
                        "again, which makes it again")
    return {name: digest for name, (digest, *_) in result.artefacts.items()}


def made_from(out: Path, unit: Unit) -> dict[str, str]:
    """Key of each unit that `unit` builds on -> hash over what it left. Raises UserError as artefact_hashes."""
    return {up.key: sha256_of(artefact_hashes(out, up)) for up in unit.upstream}


def hash_of_artefacts(result: ResultRecord) -> str:
    """Hash over what a unit left, as `made_from` records it."""
    return sha256_of({name: digest for name, (digest, *_) in result.artefacts.items()})


def _stat(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def stored_result(out: Path, unit: Unit) -> ResultRecord | None:
    """The stored result; None when there is none, it belongs to another key or schema, or was changed."""
    result = sealed_result(out / unit.folder / "result.json")
    return result if result is not None and result.key == unit.key else None


def sealed_result(path: Path) -> ResultRecord | None:
    """A result whose content is what was written; None for anything else."""
    try:
        result = read_result(path)
        if result.schema != SCHEMA or result.seal != seal_of(result):
            return None
        list(result_rows(result))
        if any(map(_leads_out, result.artefacts)):
            return None
    except (OSError, TypeError, ValueError):
        return None
    return result


def result_rows(result: ResultRecord) -> Iterator[Row]:
    return (from_json(values) for values in result.rows)


def write_failure(out: Path, unit: Unit, reason: str, detail: str) -> None:
    """Record why a unit failed; such a unit is never taken for done and is tried again by the next run."""
    make_way(out / unit.folder / "failure.json")
    write_json(out / unit.folder / "failure.json", {"key": unit.key, "reason": reason, "detail": detail})

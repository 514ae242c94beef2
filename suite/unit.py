"""Unit of work: (stage, method, dataset, seed) with a key over everything that can change its numbers.

A unit is done when `OUT/<stage>/<method>/<dataset>/<key12>/result.json` exists: it is written last and by rename.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from core.files import sha256, write_json
from results.rows import Row, from_json, to_json

SCHEMA = 1


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    settings: JSON-able; everything that can change the numbers (protocol, weights' hashes, manifest hash, ...).
    version: the stage's version, raised whenever its numbers can change.
    inputs: what the stage needs to find its data (paths): not part of the key.
    """

    stage: str
    method: str
    dataset: str
    seed: int
    version: int
    settings: Mapping[str, Any]
    upstream: tuple["Unit", ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def key(self) -> str:
        """sha256 hex."""
        return key_of({"stage": self.stage, "version": self.version, "method": self.method, "dataset": self.dataset,
                       "seed": self.seed, "settings": dict(self.settings), "upstream": [u.key for u in self.upstream]})

    @property
    def alone(self) -> bool:
        """A unit that measures time: nothing else runs beside it."""
        return self.stage == "measure"

    @cached_property
    def folder(self) -> str:
        """Relative to OUT."""
        return f"{self.stage}/{self.method}/{self.dataset}/{self.key[:12]}"

    def __str__(self) -> str:
        seed = f" seed {self.seed}" if self.seed else ""
        return f"{self.stage} {self.method} {self.dataset}{seed}"


def key_of(made_of: Mapping[str, Any]) -> str:
    """The key that follows from what a unit (or a stored result) says it is made of."""
    address = [made_of[name] for name in ("stage", "version", "method", "dataset", "seed", "settings", "upstream")]
    return hashlib.sha256(json.dumps(address, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_result(out: Path, unit: Unit, rows: Iterable[Row], details: Mapping[str, Any],
                 provenance: Mapping[str, Any]) -> None:
    """Record a finished unit; the last thing that is written in its folder."""
    folder = out / unit.folder
    for left_over in (*folder.glob(".*.tmp"), *(folder / "images").glob(".*.tmp")):  # of a killed run
        left_over.unlink(missing_ok=True)
    write_json(folder / "result.json", {
        "schema": SCHEMA, "stage": unit.stage, "method": unit.method, "dataset": unit.dataset, "seed": unit.seed,
        "key": unit.key, "version": unit.version, "settings": dict(unit.settings),
        "upstream": [u.key for u in unit.upstream], "rows": [to_json(row) for row in rows],
        "details": dict(details), "artefacts": artefacts(folder), "provenance": dict(provenance),
    })
    (folder / "failure.json").unlink(missing_ok=True)


def artefacts(folder: Path) -> dict[str, list]:
    """[sha256, size, mtime_ns] of every picture that the unit leaves behind.

    Other files in the folder are working state of the trainers; what counts of them is in the rows.
    """
    return {str(path.relative_to(folder)): [sha256(path), *_stat(path)]
            for path in sorted((folder / "images").glob("*.png"))}


def damaged(out: Path, unit: Unit, result: Mapping[str, Any]) -> list[Path]:
    """Pictures of a finished unit that are gone or whose bytes changed.

    Only a file whose size or time changed is hashed again: a finished run is looked through in no time, and
    `run_all.py verify` hashes everything.
    """
    bad = []
    for name, (digest, *stat) in result["artefacts"].items():
        path = out / unit.folder / "images" / Path(name).name  # never outside, whatever a result says
        if not path.exists() or (_stat(path) != stat and sha256(path) != digest):
            bad.append(path)
    return bad


def _stat(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def read_result(out: Path, unit: Unit) -> dict | None:
    """The stored result, or None when there is none or it belongs to another key or schema."""
    path = out / unit.folder / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    ours = isinstance(result, dict) and result.get("key") == unit.key and result.get("schema") == SCHEMA
    return result if ours else None


def result_rows(result: Mapping[str, Any]) -> list[Row]:
    return [from_json(values) for values in result["rows"]]


def write_failure(out: Path, unit: Unit, reason: str, detail: str) -> None:
    """Record why a unit failed; such a unit is never taken for done and is tried again by the next run."""
    folder = out / unit.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "failure.json", {"key": unit.key, "reason": reason, "detail": detail})

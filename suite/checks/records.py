"""Units, rows and provenance: does every record follow from what it says, and do they say the same?"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import IvfbenchError
from core.files import read_json, sha256, sha256_of
from reports.data import RunData
from results.records import FLOAT32, SCHEMA, ResultRecord, RunRecord, UnitRecord, read_result
from results.rows import Row, to_frame
from suite.checks.findings import Findings
from suite.unit import MADE_FROM, artefact_path, key_of_result, result_rows, seal_of, sealed_result

_HEAD = ("profile", "paper", "protocol", "precision", "command", "started", "finished")
_PROVENANCE = ("python", "platform", "packages", "device", "seconds", "threads")


def check_units(data: RunData, findings: Findings) -> dict[str, ResultRecord]:
    """Key -> stored result of every unit whose result can be used."""
    stored: dict[str, ResultRecord] = {}
    for unit in data.run.units:
        if unit.status != "done":
            findings.not_run.append(f"{unit.stage} {unit.method} {unit.dataset}: {unit.status}: {unit.reason}")
            path = data.out / unit.folder / "result.json"
            if unit.folder and sealed_result(path) is not None:
                findings.wrong.append(f"{path}: a whole result of a unit that run.json calls {unit.status}")
        elif (result := _usable(data.out, unit, data.run, findings)) is not None:
            stored[unit.key] = result
    for unit in data.run.units:
        if unit.key in stored:
            findings.wrong += _chain(data.out / unit.folder / "result.json", stored[unit.key], stored)
    return stored


def _usable(out: Path, unit: UnitRecord, run: RunRecord, findings: Findings) -> ResultRecord | None:
    findings.count("units: schema, key, seal and completeness")
    path = out / unit.folder / "result.json"
    try:
        result = read_result(path)
        list(result_rows(result))
        findings.wrong += _unit_faults(path, result, unit, run)
        if seal_of(result) != result.seal:  # what was edited by hand is not taken for anything else
            return None
        findings.wrong += _file_faults(path, result, findings)
        return result
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        findings.wrong.append(f"{path}: not the result of a unit ({type(error).__name__}: {error})")
        return None


def _unit_faults(path: Path, result: ResultRecord, unit: UnitRecord, run: RunRecord) -> Iterator[str]:
    if result.schema != SCHEMA or key_of_result(result) != result.key or result.key != unit.key:
        yield f"{path}: the key does not follow from what it was made of"
    address = (result.stage, result.method, result.dataset, result.seed)
    if address != (unit.stage, unit.method, unit.dataset, unit.seed) or \
            unit.folder != f"{unit.stage}/{unit.method}/{unit.dataset}/{unit.key[:12]}":
        yield f"{path}: of {' '.join(map(str, address))}; run.json has {unit.folder} there"
    if seal_of(result) != result.seal:
        yield f"{path}: its content was changed after it was written"
    lacking = [name for name in _PROVENANCE if name not in result.provenance or result.provenance[name] in ("", None)]
    if lacking:
        yield f"{path}: its provenance says nothing of {', '.join(lacking)}"
    if tuple(result.details.get("notes", ())) != unit.notes or result.provenance.get("seconds") != unit.seconds:
        yield f"{path}: notes and seconds are not those of run.json"
    strange = [row for row in result_rows(result) if not _of(row, result)]
    if strange:
        yield f"{path}: a row of something else: {strange[0]} ({len(strange)} in all)"
    missing = _items_wanted(result, run) - _items_there(result)
    if missing:
        yield f"{path}: nothing for {', '.join(sorted(missing)[:5])} ({len(missing)} in all)"


def _of(row: Row, result: ResultRecord) -> bool:
    """Whether a row is of the unit: by its address, of a score unit also by suite and variant."""
    address = (row.method, row.dataset, row.seed) == (result.method, result.dataset, result.seed)
    return address and (result.stage != "score" or
                        (row.suite, row.variant) == (result.settings["suite"], result.settings["variant"]))


def _file_faults(path: Path, result: ResultRecord, findings: Findings) -> Iterator[str]:
    """Every file that the result lists is what it says, and none lies beside them."""
    for name, (digest, *_) in result.artefacts.items():
        file = artefact_path(path.parent, name)
        if findings.bundled and not file.exists():
            continue
        findings.count("files of units: hashes")
        if not file.is_file() or sha256(file) != digest:
            yield f"{file}: gone or not the bytes that were recorded"
    for folder in ("images", "predictions"):
        for file in sorted((path.parent / folder).glob("*.png")):
            if f"{folder}/{file.name}" not in result.artefacts:
                yield f"{file}: not among what the unit recorded"


def _items_wanted(result: ResultRecord, run: RunRecord) -> set[str]:
    """What a complete unit has: a picture of every pair, or every metric of every pair."""
    if result.stage not in ("fuse", "score"):
        return set()
    pairs = [pair.id for pair in run.datasets[result.dataset].pairs]
    return set(pairs) if result.stage == "fuse" else {
        f"{metric} of {pair}" for pair in pairs for metric, _ in result.settings["metrics"]}


def _items_there(result: ResultRecord) -> set[str]:
    if result.stage == "fuse":
        return {Path(name).stem for name in result.artefacts}
    return {f"{row.metric} of {row.item}" for row in result_rows(result)}


def _chain(path: Path, result: ResultRecord, stored: Mapping[str, ResultRecord]) -> Iterator[str]:
    """Whether the units it builds on are of this run and left what it was made from."""
    then = result.details.get(MADE_FROM, {})
    for key in result.upstream:
        if key not in stored:
            yield f"{path}: made from a unit {key[:12]} that this run does not have whole"
            continue
        left = sha256_of({name: digest for name, (digest, *_) in stored[key].artefacts.items()})
        if then.get(key) != left:
            yield f"{path}: made from other files than {stored[key].stage} {stored[key].method} has left"


def check_rows(data: RunData, stored: Mapping[str, ResultRecord], findings: Findings) -> None:
    """rows.csv holds exactly the units' rows."""
    ours = to_frame(row for result in stored.values() for row in result_rows(result))
    listed = data.rows
    findings.count("rows: against the units' own", len(listed))
    order = list(ours.columns[:-1])
    try:
        pd.testing.assert_frame_equal(ours.sort_values(order, ignore_index=True),
                                      listed.sort_values(order, ignore_index=True), check_dtype=False, check_exact=True)
    except AssertionError as error:
        reason = " ".join(str(error).split())[:160]
        findings.wrong.append(f"{data.out}/rows.csv: differs from the units' rows ({reason})")


def check_provenance(data: RunData, stored: Mapping[str, ResultRecord], findings: Findings) -> None:
    """provenance.json says what the units' results and run.json say."""
    path, run = data.out / "provenance.json", data.run
    try:
        found: Any = read_json(path)
        head = {name: getattr(run, name) for name in _HEAD}
        said = {"precision": FLOAT32, **found["run"]}  # a run from before there was a choice says nothing of it
        differing = [f"run.{name}" for name, value in head.items() if said[name] != value]
        kept = {unit.folder: dict(stored[unit.key].provenance) for unit in run.units if unit.key in stored}
        differing += [folder for folder in {**kept, **found["units"]} if kept.get(folder) != found["units"].get(folder)]
    except (OSError, IvfbenchError, KeyError, TypeError, AttributeError) as error:
        findings.wrong.append(f"{path}: gone or no record of a run ({type(error).__name__}: {error})")
        return
    findings.count("provenance: provenance.json against results and run.json", len(kept))
    if differing:
        findings.wrong.append(f"{path}: says something else than run.json and the results of {differing[0]} "
                              f"({len(differing)} in all)")

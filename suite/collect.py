"""From finished units to OUT/rows.csv, OUT/run.json and OUT/provenance.json."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from core import records
from core.files import make_way, write_json
from fusion.images import ImageError
from fusion.method import Card, find
from fusion.pairs import Pair, PairSet
from results.records import (
    SCHEMA,
    DatasetRecord,
    MethodRecord,
    PairRecord,
    ResultRecord,
    RunRecord,
    SuiteRecord,
    UnitRecord,
    WeightRecord,
    write_run,
)
from results.rows import to_frame, write_csv_parts
from suite.planning import MethodInfo, Planning
from suite.stages import Outcome
from suite.stages.fuse import Fusing
from suite.suites import find_suite
from suite.unit import Unit, result_rows, stored_result


def collect(out: Path, plan: Planning, outcomes: Mapping[str, Outcome], run: Mapping[str, Any]) -> int:
    """Write the run's three files and OUT/labels/<data set>.json, true boxes, from the plan's units.

    Returns the number of rows.

    Args:
        outcomes: key -> outcome of the units that were tried in this run (units done before have none).
        run: what else run.json says (profile, protocol, precision, command, started, finished, ...).
    """
    units: list[UnitRecord] = []
    provenance = {}

    def frames() -> Iterator[pd.DataFrame]:
        """One for each unit that left rows; what it says of itself is kept by the way."""
        for unit in plan.units:
            result = stored_result(out, unit)
            units.append(_unit(plan, unit, result, outcomes.get(unit.key)))
            if result is not None:
                provenance[unit.folder] = result.provenance
                if result.rows:
                    yield to_frame(result_rows(result))

    make_way(out / "rows.csv")
    rows = write_csv_parts(out / "rows.csv", frames())
    units += [UnitRecord("-", skip.method, "-", 0, "", "", "skipped", skip.reason, suites=skip.suites)
              for skip in plan.skipped]
    for pairs in plan.datasets.values():
        for pair in pairs.pairs:
            try:
                pair.files8(out / "sources" / pairs.name)
            except ImageError:  # replaced since the run was planned: the units that read it have said so
                pass
    make_way(out / "run.json")
    write_run(out, RunRecord(schema=SCHEMA, **run, **described(out, plan), units=tuple(units)))
    for name, boxes in plan.boxes.items():
        path = out / "labels" / f"{name}.json"
        make_way(path)
        write_json(path, {key: [list(box) for box in found] for key, found in boxes.items()})
    make_way(out / "provenance.json")
    write_json(out / "provenance.json", {"schema": SCHEMA, "run": dict(run), "units": provenance,
                                         "labels": records.write(plan.label_statistics)})
    return rows


def described(out: Path, plan: Planning) -> dict[str, Any]:
    """What run.json says of the plan itself: its suites, data sets and methods."""
    methods = {skip.method: _method(find(skip.method).card, suites=skip.suites, reason=skip.reason)
               for skip in plan.skipped}
    methods |= {name: _ready_method(plan, info) for name, info in plan.methods.items()}
    suites = {name: find_suite(name) for name in plan.profile.suites}
    return {"suites": {name: SuiteRecord(s.title, s.kind, s.task) for name, s in suites.items()},
            "datasets": {name: _dataset(out, plan, pairs) for name, pairs in plan.datasets.items()},
            "methods": methods}


def _method(card: Card, **more: Any) -> MethodRecord:
    values = {"title": card.title, "network": card.title, "kind": card.kind, "parity": card.parity,
              "differs": card.differs, "trained_on_medical": card.trained_on_medical, "version": card.version,
              "weights_public": all(w.repository or w.url for w in card.weights if not w.optional), **more}
    return records.read(MethodRecord, records.write(values), f"method {card.name}")


def _ready_method(plan: Planning, info: MethodInfo) -> MethodRecord:
    return _method(info.card, title=info.title, protocol=info.protocol, precision=info.precision,
                   note=_note(plan, info), code=info.code,
                   suites=plan.methods_of.get(info.name, []),
                   weights=[WeightRecord(file, digest) for file, digest in info.weights])


def _note(plan: Planning, info: MethodInfo) -> str:
    """What the method says of itself, and how brought pictures were matched to each data set."""
    brought = {unit.dataset: unit.work.brought.note for unit in plan.units
               if unit.method == info.name and isinstance(unit.work, Fusing) and unit.work.brought is not None}
    return "; ".join(filter(None, [info.note, *(f"{name}: {note}" for name, note in brought.items() if note)]))


def _unit(plan: Planning, unit: Unit, result: ResultRecord | None, outcome: Outcome | None) -> UnitRecord:
    reason, seconds, status, notes = "not reached", 0.0, "stopped", ()
    if result is not None:
        status, reason, seconds = "done", "", float(result.provenance.get("seconds", 0))
        notes = tuple(result.details.get("notes", ()))
    elif outcome is not None:
        status, reason, seconds = outcome.status, outcome.reason, round(outcome.seconds, 3)
    return records.read(UnitRecord, {
        "stage": unit.stage, "method": unit.method, "dataset": unit.dataset, "seed": unit.seed, "key": unit.key,
        "folder": unit.folder, "status": status, "reason": reason, "seconds": seconds, "notes": list(notes),
        "suites": plan.needed_by[unit.key]}, str(unit))


def _dataset(out: Path, plan: Planning, pairs: PairSet) -> DatasetRecord:
    labels, teacher = plan.labels.get(pairs.name, ({}, False))
    return DatasetRecord(
        pairs.card.title, pairs.card.task, pairs.manifest, pairs.note, pairs.card.rendered,
        tuple(_pair(out, pair, pairs.name) for pair in pairs.pairs),
        {key: _path(out, path) for key, path in labels.items()}, teacher)


def _pair(out: Path, pair: Pair, dataset: str) -> PairRecord:
    ir, vi = (_path(out, path) for path in pair.names8(out / "sources" / dataset))
    return PairRecord(pair.id, ir, vi, pair.hashes)


def _path(out: Path, path: Path) -> str:
    """Relative to OUT where it lies inside, else absolute."""
    path = path.resolve()
    return str(path.relative_to(out)) if path.is_relative_to(out) else str(path)

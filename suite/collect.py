"""From finished units to OUT/rows.csv, OUT/run.json and OUT/provenance.json."""

from collections.abc import Mapping
from pathlib import Path

from core.files import write_json
from fusion.method import Card, find
from fusion.pairs import PairSet
from results.rows import Row, to_frame, write_csv
from results.run_file import SCHEMA
from suite.plan import MethodInfo, Plan
from suite.stages import Outcome
from suite.unit import Unit, read_result, result_rows


def collect(out: Path, plan: Plan, outcomes: Mapping[str, Outcome], run: Mapping) -> list[Row]:
    """Write the run's three files from the plan's units. Returns the rows.

    Args:
        outcomes: key -> outcome of the units that were tried in this run (units done before have none).
        run: what else run.json says (profile, protocol, command, started, finished).
    """
    rows, units, provenance = [], [], {}
    datasets = {name: _dataset_entry(out, pairs) for name, pairs in plan.datasets.items()}
    for unit in plan.units:
        # the reports draw errors against the test pictures' true classes; one split serves all rows and seeds
        if unit.stage == "segment" and "labels" not in datasets[unit.dataset]:
            found = unit.inputs["labels"]
            datasets[unit.dataset] |= {
                "teacher_labels": found.teacher,
                "labels": {key: _path(out, found.labels[key]) for key in unit.inputs["split"].test}}
        result = read_result(out, unit)
        if result is not None:
            rows += result_rows(result)
            provenance[unit.folder] = result["provenance"]
        units.append(_unit_entry(unit, result, outcomes.get(unit.key)))
    units += [{"stage": "-", "method": skip.method, "dataset": "-", "seed": 0, "key": "", "folder": "",
               "status": "skipped", "reason": skip.reason, "seconds": 0} for skip in plan.skipped]
    write_csv(out / "rows.csv", to_frame(rows))
    write_json(out / "run.json", {
        "schema": SCHEMA, **run,
        "datasets": datasets,
        "methods": {**{skip.method: _method_entry(find(skip.method).card) for skip in plan.skipped},
                    **{name: {**_method_entry(info.card), "title": info.title, "protocol": info.protocol,
                              "note": _note(plan, info),
                              "weights": [{"file": file, "sha256": digest} for file, digest in info.weights]}
                       for name, info in plan.methods.items()}},
        "units": units})
    write_json(out / "provenance.json", {"schema": SCHEMA, "run": dict(run), "units": provenance})
    return rows


def _method_entry(card: Card) -> dict:
    return {"title": card.title, "network": card.title, "kind": card.kind, "protocol": "", "note": "",
            "parity": card.parity, "differs": card.differs, "trained_on_medical": card.trained_on_medical,
            "weights": []}


def _note(plan: Plan, info: MethodInfo) -> str:
    """What the method says of itself, and how brought pictures were matched to each data set."""
    brought = {unit.dataset: unit.inputs["precomputed"].note for unit in plan.units
               if unit.method == info.name and "precomputed" in unit.inputs}
    return "; ".join(filter(None, [info.note, *(f"{name}: {note}" for name, note in brought.items() if note)]))


def _unit_entry(unit: Unit, result: Mapping | None, outcome: Outcome | None) -> dict:
    if result is not None:
        status, reason, seconds = "done", "", result["provenance"]["seconds"]
    elif outcome is not None:
        status, reason, seconds = outcome.status, outcome.reason, round(outcome.seconds, 3)
    else:
        status, reason, seconds = "stopped", "not reached", 0
    return {"stage": unit.stage, "method": unit.method, "dataset": unit.dataset, "seed": unit.seed, "key": unit.key,
            "folder": unit.folder, "status": status, "reason": reason, "seconds": seconds,
            "notes": result["details"].get("notes", []) if result else []}


def _dataset_entry(out: Path, pairs: PairSet) -> dict:
    return {"title": pairs.card.title, "task": pairs.card.task, "manifest": pairs.manifest, "note": pairs.note,
            "pairs": [{"id": p.id, "ir": _path(out, p.ir), "vi": _path(out, p.vi)} for p in pairs.pairs]}


def _path(out: Path, path: Path) -> str:
    """Relative to OUT where it lies inside, else absolute."""
    path = path.resolve()
    return str(path.relative_to(out)) if path.is_relative_to(out) else str(path)

"""What did not run, as the page tells it: by kind, each reason once with everything that it holds for."""

from dataclasses import dataclass

from reports.data import RunData
from reports.reasons import of_unit
from results.records import UnitRecord

_KINDS = {"skipped": "Left out: weights or something else that they need is missing",
          "failed": "Failed", "stopped": "Stopped, or not reached before the run was stopped"}


@dataclass(frozen=True)
class Group:
    """kind: heading. reasons: reason -> what it holds for."""

    kind: str
    count: int
    reasons: dict[str, list[str]]


def groups(data: RunData) -> list[Group]:
    """In the order of the kinds; methods that were left out as a whole stand once, not with each unit."""
    found: dict[str, dict[str, list[str]]] = {kind: {} for kind in _KINDS}
    for unit in problems(data):
        left_out = bool(data.method(unit.method).reason) and unit.status != "failed"
        kind = "skipped" if left_out else unit.status
        what = data.title(unit.method) if left_out or unit.dataset == unit.stage == "-" else _named(data, unit)
        listed = found[kind].setdefault(of_unit(data.run, unit), [])
        if what not in listed:
            listed.append(what)
    return [Group(_KINDS[kind], sum(map(len, reasons.values())), reasons) for kind, reasons in found.items() if reasons]


def _named(data: RunData, unit: UnitRecord) -> str:
    where = f" on {data.dataset_title(unit.dataset)}" if unit.dataset != "-" else ""
    seed = f", seed {unit.seed}" if unit.seed else ""
    return f"{data.title(unit.method)}, {unit.stage}{where}{seed}"


def statuses(data: RunData) -> dict[str, int]:
    """Status -> how many units; a method that was left out counts once."""
    counts: dict[str, int] = {}
    for unit in data.run.units:
        if not (data.method(unit.method).reason and unit.status == "stopped"):
            counts[unit.status] = counts.get(unit.status, 0) + 1
    if left_out := _left_out(data):
        counts["skipped"] = counts.get("skipped", 0) + len(left_out)
    return counts


def problems(data: RunData) -> list[UnitRecord]:
    """Units that are not done, and methods that were left out in the shape of units."""
    return [*(unit for unit in data.run.units if unit.status != "done"), *_left_out(data)]


def _left_out(data: RunData) -> list[UnitRecord]:
    named = {unit.method for unit in data.run.units if unit.status == "skipped"}
    return [UnitRecord("-", name, "-", 0, "", "", "skipped", record.reason)
            for name, record in data.run.methods.items() if record.reason and name not in named]

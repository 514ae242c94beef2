"""Why a method has no number: which of its reasons is the right one, and how much of it belongs into a paper."""

from dataclasses import dataclass

from results.records import MethodRecord, RunRecord, UnitRecord

NOT_RUN, NOT_PUBLIC = "not run", "weights not public"
# A unit that failed by itself says more than one that waited for it, and either more than one that nobody came to.
_SEVERITY = {"failed": 0, "skipped": 2, "stopped": 3, "done": 5}
_WAITED, _NOT_REACHED = "what it needs ", "not reached"


@dataclass(frozen=True)
class Why:
    """note: what a table to be pasted says, without paths and commands. detail: the whole reason, for the page."""

    note: str = ""
    detail: str = ""

    def __bool__(self) -> bool:
        return bool(self.note)


def why(run: RunRecord, suite: str, method: str, dataset: str) -> Why:
    """Why a method has no number on a data set; empty when nothing is known."""
    record = run.methods.get(method)
    if record is not None and record.reason:
        return Why(_printed(record), record.reason)
    bad = [unit for unit in run.units if unit.method == method and unit.status != "done"
           and suite in unit.suites and unit.dataset in (dataset, "-")]
    worst = min(bad, key=_severity, default=None)
    return Why(NOT_RUN, worst.reason or worst.status) if worst is not None else Why()


def of_unit(run: RunRecord, unit: UnitRecord) -> str:
    """Why a unit is not done. A unit that nobody came to has its method's reason, where the method has one."""
    record = run.methods.get(unit.method)
    if record is not None and record.reason and unit.status in ("skipped", "stopped"):
        return record.reason
    return unit.reason or unit.status


def _severity(unit: UnitRecord) -> int:
    return _SEVERITY[unit.status] + (unit.reason.startswith(_WAITED) or unit.reason == _NOT_REACHED)


def _printed(record: MethodRecord) -> str:
    return NOT_RUN if record.weights_public else NOT_PUBLIC

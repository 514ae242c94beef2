"""In-process executor: one unit after the other in this process and thread. For scripts, notebooks and debuggers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from suite.executors import Report
from suite.executors.queue import Demand, Queue
from suite.stages import Context, Outcome, execute
from suite.unit import Unit


def run_units(units: Sequence[Unit], finished: set[str], *, out: Path, device: str, jobs: int,
              environment: dict[str, Any], report: Report, stop: Callable[[], bool],
              demands: Mapping[str, Demand] | None = None, room: float = inf) -> Iterator[tuple[Unit, Outcome]]:
    """As suite.executors.local.run_units, without a worker; a Python error of a library ends its unit only."""
    from downstream.guard import prepare

    prepare(out / ".cache" / "ultralytics")
    import torch

    queue = Queue(units, finished, demands, room)
    while not stop() and (unit := queue.next()) is not None:
        report(unit, 0, 0, "")
        outcome = execute(unit, Context(
            out=out, device=device, environment={**environment, "threads": torch.get_num_threads()},
            progress=partial(_tell, report, unit), stop_requested=stop))
        if outcome.status == "done":
            finished.add(unit.key)
        yield unit, outcome
        yield from queue.ended(unit, outcome)
    yield from queue.refused()


def _tell(report: Report, unit: Unit, done: int, total: int, text: str = "") -> None:
    report(unit, done, total, text)

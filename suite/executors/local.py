"""Local executor: N worker processes on this machine, GPUs dealt out among them.

Each worker runs one unit at a time. A worker that dies (killed, out of memory) fails its unit only and is replaced.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import inf
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from core.plugins import folders, load_folders
from suite.executors import Report
from suite.executors.queue import Demand, Queue
from suite.executors.spawn import ALLOCATOR, die_with_parent, interrupts_blocked, main_hidden, variables_set
from suite.memory import give_back
from suite.stages import Context, Outcome, execute
from suite.unit import Unit


def run_units(units: Sequence[Unit], finished: set[str], *, out: Path, device: str, jobs: int,
              environment: dict[str, Any], report: Report, stop: Callable[[], bool],
              demands: Mapping[str, Demand] | None = None, room: float = inf) -> Iterator[tuple[Unit, Outcome]]:
    """Run `units` as soon as what they need is done, the longest first, no more at once than memory holds.

    Args:
        units: open units, each after its upstream.
        finished: keys of units that are done already.
        report: called with (unit, done, total, text) as work goes on.
        stop: True once the user asked to end.
        demands, room: what each unit asks for, and bytes of memory for those that run together (see Queue).
    Yields (unit, outcome) as units end.
    """
    queue = Queue(units, finished, demands, room)
    stopping = multiprocessing.get_context("spawn").Event()
    free = [_Worker(number, out, device, jobs, environment, stopping) for number in range(min(jobs, len(units)))]
    busy: dict[Any, tuple[_Worker, Unit]] = {}  # by connection
    patience = 0.0  # an error or a second Ctrl-C does not wait for anybody
    try:
        while True:
            if stop():
                stopping.set()
            while free and not stopping.is_set() and (unit := queue.next()) is not None:
                worker = free.pop().given(unit)
                busy[worker.connection] = (worker, unit)
                report(unit, 0, 0, "")
            yield from queue.refused()
            if not busy:
                break
            for ready in wait(list(busy), timeout=0.2):
                connection: Any = ready
                worker, unit = busy[connection]
                try:
                    message = connection.recv()
                except (EOFError, OSError):  # the worker is gone
                    message = Outcome("failed", worker.cause_of_death())
                    worker = worker.successor()
                if isinstance(message, Outcome):
                    del busy[connection]
                    free.append(worker)
                    if message.status == "done":
                        finished.add(unit.key)
                    yield unit, message
                    yield from queue.ended(unit, message)
                else:
                    report(unit, *message)
        patience = 10.0
    finally:
        for worker in [*free, *(worker for worker, _ in busy.values())]:
            worker.end(patience)


class _Worker:
    """A spawned process that receives units and sends progress tuples and one Outcome per unit."""

    def __init__(self, number: int, out: Path, device: str, jobs: int, environment: dict[str, Any], stopping: Any):
        self.arguments = (number, out, device, jobs, environment, stopping)
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, folders(), *self.arguments), daemon=False)
        variables = {"OMP_NUM_THREADS": str(threads(jobs)), **ALLOCATOR}
        if device == "cuda" and (gpus := _gpus()):
            variables["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
        with variables_set(variables), interrupts_blocked(), main_hidden():
            self.process.start()
        theirs.close()

    def cause_of_death(self) -> str:
        self.process.join()
        code = self.process.exitcode
        if code == -signal.SIGKILL:
            return "the worker was killed (SIGKILL; most often: out of memory). Use fewer --jobs or a smaller batch"
        return f"the worker ended with code {code}"

    def successor(self) -> "_Worker":
        return _Worker(*self.arguments)

    def given(self, unit: Unit) -> "_Worker":
        """Send the unit; the worker that has it: this one, or its successor where this one died while it waited."""
        try:
            self.connection.send(unit)
            return self
        except OSError:
            return self.successor().given(unit)

    def end(self, patience: float) -> None:
        """Ask the worker to go; after `patience` seconds make it go."""
        try:
            self.connection.send(None)
        except OSError:
            pass
        self.process.join(timeout=patience)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()


def threads(jobs: int) -> int:
    """Of a worker, where the user has set no number: the cores are shared."""
    return max(1, len(os.sched_getaffinity(0)) // jobs)


def _gpus() -> list[str]:
    """Ids to deal out: those of CUDA_VISIBLE_DEVICES where the user set it, else all."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [g for g in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if g]
    import torch

    return [str(i) for i in range(torch.cuda.device_count())]


def _work(connection: Connection, plugins: tuple[Path, ...], number: int, out: Path, device: str, jobs: int,
          environment: dict[str, Any], stopping: Any) -> None:
    """A worker's life. It is blind to SIGINT (see interrupts_blocked): the parent asks through `stopping`."""
    die_with_parent()
    load_folders(plugins)
    trouble = _prepare(out)
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    while True:
        try:
            unit = connection.recv()
        except EOFError:
            return
        if unit is None:
            return
        context = Context(
            out=out, device=device, environment={**environment, "threads": torch.get_num_threads()},
            progress=partial(_send, connection),
            stop_requested=stopping.is_set)
        connection.send(trouble or execute(unit, context))
        give_back()


def _send(connection: Connection, done: int, total: int, text: str = "") -> None:
    connection.send((done, total, text))


def _prepare(out: Path) -> Outcome | None:
    """Ready the libraries; where that fails (a full disk), the outcome of every unit that this worker is given."""
    from downstream.guard import prepare

    try:
        prepare(out / ".cache" / "ultralytics")
    except OSError as error:
        return Outcome("failed", f"a worker could not start: {error}")
    return None

"""How one unit is done: one module per stage with VERSION and `run(unit, context) -> Made`."""

import importlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from results.rows import Row
from suite.errors import Stopped
from suite.memory import peak_mib, reset_peak
from suite.unit import Unit, write_failure, write_result


@dataclass(frozen=True)
class Context:
    """Where and how a stage works.

    progress(done, total, text) reports; stop_requested() says whether the user wants to end after this picture.
    """

    out: Path
    device: str
    environment: dict
    progress: Callable[[int, int, str], None] = lambda done, total, text="": None
    stop_requested: Callable[[], bool] = lambda: False

    def checkpoint(self, done: int, total: int, text: str = "") -> None:
        """Between two pieces of work: report, and end here when the user asked to."""
        self.progress(done, total, text)
        if self.stop_requested():
            raise Stopped


def stage(name: str) -> ModuleType:
    return importlib.import_module(f"suite.stages.{name}")


@dataclass(frozen=True)
class Made:
    """What a stage made: rows, and JSON-able details that belong to the result but are no table's number."""

    rows: list[Row] = field(default_factory=list)
    details: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """status: "done", "failed" or "stopped"."""

    status: str
    reason: str = ""
    seconds: float = 0.0


def blocked(needed: Outcome) -> Outcome:
    """The outcome of a unit that cannot begin because something it needs ended like this."""
    return Outcome("failed", f"what it needs {needed.status}: {needed.reason}")


def execute(unit: Unit, context: Context) -> Outcome:
    """Run one unit to its result.json; an error is recorded beside and never stops the other units."""
    start = time.perf_counter()
    reset_peak()
    try:
        (context.out / unit.folder).mkdir(parents=True, exist_ok=True)
        made: Made = stage(unit.stage).run(unit, context)
        seconds = time.perf_counter() - start
        cost = {"cost": made.details["cost"]} if "cost" in made.details else {}
        write_result(context.out, unit, made.rows, made.details, {
            **context.environment, **cost, "device": context.device, "seconds": round(seconds, 3),
            "peak_memory_mib": peak_mib()})
        return Outcome("done", seconds=seconds)
    except Stopped:
        return Outcome("stopped", "stopped by the user", time.perf_counter() - start)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        try:
            write_failure(context.out, unit, reason, traceback.format_exc())
        except OSError as second:  # a full or read-only disk: the reason still reaches the summary
            reason += f" (and it could not be recorded: {second})"
        return Outcome("failed", reason, time.perf_counter() - start)

"""How one unit is done: a stage is a function over a unit, registered with what it needs of a machine."""

import importlib
import pkgutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import IvfbenchError
from core.inside import inside, remove_links
from core.names import nearest
from results.rows import Row
from suite.errors import Stopped
from suite.memory import Peak
from suite.unit import MADE_FROM, Unit, made_from, write_failure, write_result


def _no_progress(done: int, total: int, text: str = "") -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Context:
    """Where and how a stage works.

    progress(done, total, text) reports; stop_requested() says whether the user wants to end after this picture.
    """

    out: Path
    device: str
    environment: dict[str, Any]
    progress: Callable[[int, int, str], None] = _no_progress
    stop_requested: Callable[[], bool] = bool

    def checkpoint(self, done: int, total: int, text: str = "") -> None:
        """Between two pieces of work: report, and end here when the user asked to."""
        self.progress(done, total, text)
        if self.stop_requested():
            raise Stopped


@dataclass(frozen=True)
class StageResult:
    """What a stage made: rows, and JSON-able details that belong to the result but are no table's number.

    artefacts: file below the unit's folder that others build on or a reader may check -> sha256 of what was written.
    provenance: how this machine made it, JSON-able, which may differ on another.
    """

    rows: list[Row] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    artefacts: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A kind of work.

    Attributes:
        run: does one unit. version: raised when its numbers change for a reason that the source does not show.
        exclusive: nothing else runs beside it (it measures time).
        gpus: share of a GPU that one unit takes.
        epochs: its progress counts epochs of a training, whose cost is said after the first.
    """

    name: str
    run: Callable[[Unit, Context], StageResult]
    version: int = 1
    exclusive: bool = False
    gpus: float = 0.25
    epochs: bool = False


_STAGES: dict[str, Stage] = {}
_PACKAGES = ("suite.stages", "suite.suites")


def register_stage(stage: Stage) -> Stage:
    """Make a stage known. Raises IvfbenchError when another module holds its name."""
    taken = _STAGES.get(stage.name)
    if taken is not None and taken.run.__module__ != stage.run.__module__:
        raise IvfbenchError(f"stage {stage.name} is registered by {taken.run.__module__} and again by "
                            f"{stage.run.__module__}")
    _STAGES[stage.name] = stage
    return stage


def find_stage(name: str) -> Stage:
    """The stage of that name. Raises IvfbenchError for an unknown one."""
    if name not in _STAGES:
        for package in map(importlib.import_module, _PACKAGES):
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{module.name}")
    if name not in _STAGES:
        raise IvfbenchError(f"unknown stage {name!r}{nearest(name, _STAGES)}")
    return _STAGES[name]


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
    peak = Peak()
    try:
        folder = inside(context.out, unit.folder)
        folder.mkdir(parents=True, exist_ok=True)
        remove_links(folder)  # a trainer would write through them
        from_then = made_from(context.out, unit)
        made = find_stage(unit.stage).run(unit, context)
        seconds = time.perf_counter() - start
        cost = {"cost": made.details["cost"]} if "cost" in made.details else {}
        write_result(context.out, unit, made.rows, {**made.details, MADE_FROM: from_then}, {
            **context.environment, **cost, **made.provenance, "device": context.device, "seconds": round(seconds, 3),
            "peak_memory_mib": peak.mib(), "peak_memory": peak.how}, made.artefacts)
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

"""Suite complexity: what a method costs (Table V): parameters, multiply-accumulates, time and memory of one picture."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.source import source_hash
from fusion.method import FLOAT32, Method, MethodError, find
from results.rows import Row
from suite.errors import UserError
from suite.inputs import load_planned
from suite.memory import Peak
from suite.planning import Planning
from suite.stages import Context, Stage, StageResult, register_stage
from suite.suites import Suite, register_suite
from suite.unit import Unit

SECONDS = 20.0  # repeats stop after this long, but not before MINIMUM
MINIMUM, MAXIMUM = 3, 50


@dataclass(frozen=True)
class ComplexitySettings:
    """The picture's size."""

    height: int = 480
    width: int = 640

    def __post_init__(self) -> None:
        for name, value in (("height", self.height), ("width", self.width)):
            if value < 32:
                raise UserError(f"{name} = {value}; expected at least 32")


@dataclass(frozen=True)
class Measuring:
    """What is measured: a registered method on noise of a size, with its weights where they are at hand."""

    height: int
    width: int
    protocol: str
    version: int
    digests: tuple[str, ...]
    weights: Path | None
    precision: str = FLOAT32

    def decides(self) -> Mapping[str, Any]:
        return {"height": self.height, "width": self.width, "protocol": self.protocol, "method_version": self.version,
                "weights": list(self.digests), **({"precision": self.precision} if self.precision != FLOAT32 else {})}


def plan(planning: Planning, settings: ComplexitySettings) -> None:
    """One measurement per method; a network is counted even where its weights are missing."""
    for name, info in planning.methods.items():
        if info.card.kind == "source" or info.pictures or info.trained or info.instance:
            continue
        _add(planning, settings, name, info.protocol, tuple(digest for _, digest in info.weights), info.weights_path,
             info.precision)
    for skip in planning.skipped:
        if find(skip.method).complexity() is not None:
            _add(planning, settings, skip.method, planning.profile.protocol, (), None)


def _add(planning: Planning, settings: ComplexitySettings, name: str, protocol: str, digests: tuple[str, ...],
         weights: Path | None, precision: str = FLOAT32) -> None:
    cls = find(name)
    work = Measuring(settings.height, settings.width, protocol, cls.card.version, digests, weights, precision)
    planning.add(planning.unit("measure", name, "-", work, code=source_hash([cls.__module__])), "complexity")


def measure(unit: Unit, context: Context) -> StageResult:
    """Count the network and time `fuse` on a picture of noise: warm, median; without weights there is no time."""
    work = unit.work
    assert isinstance(work, Measuring), unit
    values = counts(find(unit.method), work.height, work.width)
    method, why = _timed(unit, work, context)
    repeats = 0
    if method is not None:
        timed = method
        rng = np.random.default_rng(0)
        ir, vi = (rng.random((work.height, work.width), dtype=np.float32) for _ in range(2))
        memory = _Memory(context.device)
        times = _times(lambda: timed.fuse(ir, vi), context)
        values |= {"time_s": statistics.median(times), "peak_mib": memory.peak()}
        repeats = len(times)
    variant = f"{work.width}x{work.height}, {context.device}, {context.environment['threads']} thread(s)"
    rows = [Row("complexity", unit.method, unit.dataset, "-", name, variant, unit.seed, float(value))
            for name, value in values.items()]
    return StageResult(rows, {"notes": [f"not timed: {why}"] if why else [], "repeats": repeats})


def counts(method: type[Method], height: int, width: int) -> dict[str, float]:
    """What is counted without weights: "params", "params_thop" and "macs_g"; nothing of a method that is no network."""
    counted = method.complexity(height, width)
    if counted is None:
        return {}
    return {"params": counted.parameters, "params_thop": counted.thop_parameters, "macs_g": counted.macs / 1e9}


def _timed(unit: Unit, work: Measuring, context: Context) -> tuple[Method | None, str]:
    """The network that was counted with its weights, or None and why there is no time."""
    try:
        method = load_planned(unit.method, work.weights, work.digests, context.device, work.protocol, work.precision)
    except MethodError as error:
        return None, str(error)
    if method.title != method.card.title:
        return None, f"the weights at hand are those of {method.title}"
    return method, ""


def _times(work: Callable[[], object], context: Context) -> list[float]:
    """Seconds of each repeat after one that warms up."""
    work()
    times: list[float] = []
    while len(times) < MINIMUM or (sum(times) < SECONDS and len(times) < MAXIMUM):
        start = time.perf_counter()
        work()  # returns an array in host memory: a GPU has finished by then
        times.append(time.perf_counter() - start)
        context.checkpoint(len(times), MAXIMUM)
    return times


class _Memory:
    """Peak memory of what follows: of the process on a CPU (above what it held before), of the device on a GPU."""

    def __init__(self, device: str) -> None:
        import torch

        self.device = device if device.startswith("cuda") else None
        if self.device:
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            self.before = Peak().mib()
            self.process = Peak()

    def peak(self) -> float:
        import torch

        if self.device:
            return float(torch.cuda.max_memory_allocated(self.device) / 2**20)
        return self.process.mib() - self.before


register_stage(Stage("measure", measure, version=2, exclusive=True))
register_suite(Suite("complexity", "Cost of a method", "cost", ComplexitySettings, plan, datasets="kept",
                     pictures=False))

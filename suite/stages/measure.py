"""Stage measure: what a method costs (Table V): parameters, multiply-accumulates, time and memory of one picture."""

import statistics
import time

import numpy as np

from fusion.method import Method, MethodError, find, load_method
from results.rows import Row
from suite.memory import peak_mib, reset_peak
from suite.stages import Context, Made
from suite.unit import Unit

VERSION = 2
SECONDS = 20.0  # repeats stop after this long, but not before MINIMUM
MINIMUM, MAXIMUM = 3, 50


def run(unit: Unit, context: Context) -> Made:
    """Count the network and time `fuse` on a picture of noise: warm, median; without weights there is no time."""
    height, width = unit.settings["height"], unit.settings["width"]
    counted = find(unit.method)
    values = {}
    if hasattr(counted, "complexity"):
        found = counted.complexity(height, width)
        values = {"params": found.parameters, "params_thop": found.thop_parameters, "macs_g": found.macs / 1e9}
    method, why = _timed(unit, context)
    repeats = 0
    if method is not None:
        rng = np.random.default_rng(0)
        pair = tuple(rng.random((height, width), dtype=np.float32) for _ in range(2))
        memory = _Memory(context.device)
        times = _times(lambda: method.fuse(*pair), context)
        values |= {"time_s": statistics.median(times), "peak_mib": memory.peak()}
        repeats = len(times)
    variant = f"{width}x{height}, {context.device}, {context.environment['threads']} thread(s)"
    rows = [Row("complexity", unit.method, unit.dataset, "-", name, variant, unit.seed, float(value))
            for name, value in values.items()]
    return Made(rows, {"notes": [f"not timed: {why}"] if why else [], "repeats": repeats})


def _timed(unit: Unit, context: Context) -> tuple[Method | None, str]:
    """The network that was counted with its weights, or None and why there is no time."""
    try:
        method = load_method(unit.method, weights=unit.inputs["weights"], device=context.device,
                             protocol=unit.settings["protocol"])
    except MethodError as error:
        return None, str(error)
    title = getattr(method, "title", method.card.title)
    if title != method.card.title:
        return None, f"the weights at hand are those of {title}"
    return method, ""


def _times(work, context: Context) -> list[float]:
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

    def __init__(self, device: str):
        import torch

        self.device = device if device.startswith("cuda") else None
        if self.device:
            torch.cuda.reset_peak_memory_stats(self.device)
        else:
            reset_peak()
        self.before = 0 if self.device else peak_mib()

    def peak(self) -> float:
        import torch

        if self.device:
            return torch.cuda.max_memory_allocated(self.device) / 2**20
        return peak_mib() - self.before

"""What one core reaches, and how long operations take at least on it (see `benchmarks.roofline`)."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf

import torch
import torch.nn.functional as F

from benchmarks import convolutions
from benchmarks.operations import CONV3, KINDS, PRODUCTS, Operation

SIDE = 2048  # of the matrices that are multiplied
LARGE, SMALL = 2**26, 2**18  # bytes of each of the three arrays of a sum: from memory, from the cache
PICTURE = (240, 320)  # that the 3x3 convolutions are measured on


@dataclass(frozen=True)
class Machine:
    """Rates of one core.

    matrix, direct, winograd: FLOP/s of a large matrix product, of torch's 3x3 convolution of 64 to 64 channels and of
    this project's, in products of the direct way. functions: /s, the faster of torch's exp and GELU. memory, cache:
    byte/s of a sum of two arrays, read and written.
    """

    matrix: float
    direct: float
    winograd: float
    functions: float
    memory: float
    cache: float

    def bounds(self, operations: Sequence[Operation]) -> tuple[float, float, float]:
        """Seconds: (memory, cache, products)."""
        peak = max(self.matrix, self.direct)
        eager, best = ({**dict.fromkeys(KINDS, peak), CONV3: rate} for rate in (self.direct, self.winograd))
        return (bound(operations, eager, self.functions, self.memory),
                bound(operations, best, self.functions, self.cache),
                bound((each for each in operations if each.kind in PRODUCTS), best, inf, inf))


def bound(operations: Iterable[Operation], rates: dict[str, float], functions: float, bandwidth: float) -> float:
    """Seconds that the operations take at least, one after the other."""
    return sum(max(each.flop / rates[each.kind] + each.functions / functions, each.bytes / bandwidth)
               for each in operations)


def measured(rounds: int = 5) -> Machine:
    """This core's, in some seconds; torch is to have one thread."""
    a = torch.ones(SIDE, SIDE)
    matrix = 2 * SIDE**3 / fastest(lambda: a @ a, rounds)
    found = convolutions.measured(64, 64, 3, PICTURE, rounds)
    direct, winograd = (2 * 9 * 64 * 64 * PICTURE[0] * PICTURE[1] / found.get(kind, found["torch"])[0]
                        for kind in ("torch", "Winograd"))
    memory, cache = (3 * length / fastest(_sum(length), rounds, LARGE // length) for length in (LARGE, SMALL))
    x = torch.linspace(-3, 3, SMALL // 4)
    functions = len(x) / min(fastest(lambda: x.exp(), rounds, 100), fastest(lambda: F.gelu(x), rounds, 100))
    return Machine(matrix, direct, winograd, functions, memory, cache)


def fastest(call: Callable[[], object], rounds: int, repeats: int = 1) -> float:
    """CPU seconds of a call, the least mean of `repeats` over the rounds."""
    best = inf
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(repeats):
            call()
        best = min(best, (time.process_time() - begun) / repeats)
    return best


def _sum(length: int) -> Callable[[], object]:
    a, b, out = (torch.ones(length // 4) for _ in range(3))
    return lambda: torch.add(a, b, out=out)

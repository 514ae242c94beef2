"""SD's fast path: from whole-number moments."""

import math

from metrics.definitions.sd import standard_deviation
from metrics.features import comoment
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(standard_deviation)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if not fused.is_8bit:
        return standard_deviation(fused.pixels, ir.pixels, vi.pixels)
    return math.sqrt(fused.of(comoment, fused)) / fused.size

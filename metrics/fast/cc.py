"""CC's fast path: from whole-number moments."""

import math

from metrics.definitions.cc import correlation_coefficient
from metrics.features import comoment
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(correlation_coefficient)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if not (fused.is_8bit and ir.is_8bit and vi.is_8bit):
        return correlation_coefficient(fused.pixels, ir.pixels, vi.pixels)
    return sum(ratio(fused.of(comoment, source), fused.of(comoment, fused), source.of(comoment, source))
               for source in (ir, vi)) / 2


def ratio(together: int, first: int, second: int) -> float:
    """Correlation from a covariance and two variances of one scale; nan when a variance is 0."""
    return together / (math.sqrt(first) * math.sqrt(second)) if first and second else math.nan

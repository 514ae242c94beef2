"""RMSE's fast path: from whole-number moments."""

import math

from metrics.definitions.rmse import distance_per_pixel
from metrics.fast.mse import squared_difference
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(distance_per_pixel)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if not (fused.is_8bit and ir.is_8bit and vi.is_8bit):
        return distance_per_pixel(fused.pixels, ir.pixels, vi.pixels)
    return sum(math.sqrt(fused.of(squared_difference, source)) for source in (ir, vi)) / (2 * fused.size)

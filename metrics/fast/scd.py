"""SCD's fast path: from whole-number moments."""

from metrics.definitions.scd import sum_of_correlations
from metrics.fast.cc import ratio
from metrics.features import comoment
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(sum_of_correlations)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if not (fused.is_8bit and ir.is_8bit and vi.is_8bit):
        return sum_of_correlations(fused.pixels, ir.pixels, vi.pixels)
    return _difference(fused, vi, ir) + _difference(fused, ir, vi)


def _difference(fused: Picture, taken: Picture, other: Picture) -> float:
    """r(fused - taken, other), from whole-number moments: nothing cancels however alike the pictures are."""
    together = fused.of(comoment, other) - other.of(comoment, taken)
    variance = fused.of(comoment, fused) - 2 * fused.of(comoment, taken) + taken.of(comoment, taken)
    return ratio(together, variance, other.of(comoment, other))

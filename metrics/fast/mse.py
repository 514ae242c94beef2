"""MSE's fast path: from whole-number moments."""

from metrics.definitions.mse import mean_squared_error
from metrics.features import product
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(mean_squared_error)
def fast(fused: Picture, ir: Picture, vi: Picture, *, full_scale: float = 1) -> float:
    return fused.of(half_sum, ir, vi) / fused.size / full_scale**2


def half_sum(fused: Picture, ir: Picture, vi: Picture) -> float:
    """Half the squared differences from both sources, summed over the pixels."""
    if not (fused.is_8bit and ir.is_8bit and vi.is_8bit):  # expanding the square would cancel
        return mean_squared_error(fused.pixels, ir.pixels, vi.pixels) * fused.size
    return sum(fused.of(squared_difference, source) for source in (ir, vi)) / 2


def squared_difference(picture: Picture, other: Picture) -> int:
    """Sum of the squared differences of two 8-bit pictures, exact."""
    return picture.of(product, picture) - 2 * picture.of(product, other) + other.of(product, other)

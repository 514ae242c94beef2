"""PSNR's fast path: from whole-number moments."""

import math

import numpy as np

from metrics.definitions.psnr import peak_ratio
from metrics.fast import mse
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(peak_ratio)
@np.errstate(divide="ignore", invalid="ignore")
def fast(fused: Picture, ir: Picture, vi: Picture, *, error: str = "mse") -> float:
    if not (fused.is_8bit and ir.is_8bit and vi.is_8bit):
        return peak_ratio(fused.pixels, ir.pixels, vi.pixels, error=error)
    if error == "norm":
        norms = sum(math.sqrt(fused.of(mse.squared_difference, source)) for source in (ir, vi))
        return float(20 * np.log10(255 / np.sqrt(norms / (2 * fused.size))))
    mean = np.float64(fused.of(mse.half_sum, ir, vi) / fused.size)
    if error == "unit-mse":
        return float(20 * np.log10(255 / np.sqrt(mean / 255**2)))
    return float(10 * np.log10(float(fused.image.max()) ** 2 / mean))

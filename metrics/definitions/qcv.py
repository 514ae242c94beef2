"""Qcv: Chen and Varshney's perceptual error, the visible difference from the sources where they are salient.

Pictures stretched to 0..255 and divided into blocks of 16 x 16 pixels, filled up with zeros at the right and lower
edge. For a source X

    saliency of a block    s = sum of g^5, g the Sobel gradient's strength, zeros outside the picture
    visible difference     D = mean over the 256 pixels of a block of (X - F filtered with C)^2
    contrast sensitivity   C(r) = 2.6 (.0192 + .144 r) exp(-(.144 r)^1.1),   r = hypot(u W / 8, v H / 8), u, v in -1..1

    Qcv = sum over sources and blocks of s D / sum of s

The filter works on the whole picture in the Fourier domain.
Range 0 upwards, lower is better; identical pictures give 0. nan when any picture is constant and not black (0/0), or
both sources are black.
Smallest picture 1x1. Chen, Varshney, "A human perception inspired quality metric for image fusion based on regional
information", Inf. Fusion 2007.
"""

import math
from functools import lru_cache

import numpy as np
from scipy import fft, ndimage

from metrics.definitions.qcb import radius
from metrics.registry import agreed, register
from metrics.stretching import stretched
from metrics.toolboxes import LIU, MEFB, VIFB

BLOCK, EXPONENT = 16, 5
DEGREES = 8.0  # pixels per degree of sight


def perceptual_error(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Qcv of float64 [H,W] in 0..255.

    >>> image = np.add.outer(np.arange(40.0), np.arange(40.0) ** 2 % 97)
    >>> perceptual_error(image, image, image)
    0.0
    """
    fused, ir, vi = stretched(fused), stretched(ir), stretched(vi)
    error = total = 0.0
    for source in (vi, ir):
        strength = np.hypot(*(ndimage.sobel(source, axis=axis, mode="constant") for axis in (0, 1)))
        saliency = block_sums(strength**EXPONENT)
        error += np.sum(saliency * block_sums(seen(fft.rfft2(source - fused), fused.shape) ** 2) / BLOCK**2)
        total += np.sum(saliency)
    return float(error / total) if total else math.nan


def seen(spectrum: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The filtered picture [H,W], from its Fourier coefficients [H,W//2+1]."""
    return np.asarray(fft.irfft2(spectrum * sensitivity(shape), s=shape))


@lru_cache(maxsize=4)
def sensitivity(shape: tuple[int, int]) -> np.ndarray:
    """C at every Fourier coefficient, after Mannos and Sakrison: [H,W//2+1]. Not to be written to."""
    cycles = radius(shape, DEGREES)
    return 2.6 * (0.0192 + 0.144 * cycles) * np.exp(-((0.144 * cycles) ** 1.1))


def block_sums(values: np.ndarray) -> np.ndarray:
    """Sums over blocks of 16 x 16, those at the edge over what there is of them: [H,W] -> [ceil(H/16),ceil(W/16)]."""
    for axis, side in enumerate(values.shape):
        values = np.add.reduceat(values, np.arange(0, side, BLOCK), axis=axis)
    return values


TITLE = "Chen-Varshney perceptual error"
SHARED = agreed({"vifb": f"{VIFB} metricsQcv.m", "mefb": f"{MEFB} metricsQcv.m", "liu": f"{LIU} metricChen.m"},
                (0, math.inf))
register("Qcv", title=TITLE, higher_is_better=False, function=perceptual_error,
         variants={name: SHARED[name] for name in ("vifb", "mefb")})
register("Q_CV", title=TITLE, higher_is_better=False, function=perceptual_error, variants={"liu": SHARED["liu"]})

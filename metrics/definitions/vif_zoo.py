"""VIF of variant zoo: visual information fidelity with zeros outside the image and windows off their centre.

Formula and scales as in `metrics.definitions.vif`, but

    every pixel has a window, zeros outside the image, so the frame counts as structure: 5 to 19 % above the usual value
    a window of n taps is exp(-x^2 / (2 (n/5)^2)) at n places evenly from -(n+1)/2 to (n-1)/2, scaled to sum 1

The toolbox computes in float32, which loses up to 7e-5; that is not kept.
Range 0 upwards, higher is better. nan for a black source, which is 0/0; a constant fused image does not give 0.
Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 2006.
"""

import math

import numpy as np
from scipy import ndimage

from metrics.definitions.vif import NOISE, TINY
from metrics.registry import Definition, register
from metrics.toolboxes import ZOO


def window(taps: int) -> np.ndarray:
    """One axis of the off-centre Gaussian, sum 1."""
    weights = np.exp(-np.linspace(-(taps + 1) // 2, taps // 2, taps) ** 2 / (2 * (taps / 5) ** 2))
    return np.asarray(weights / weights.sum())


WINDOWS = tuple(window(taps) for taps in (17, 9, 5, 3))


def padded_fidelity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Summed VIF of variant zoo of float64 [H,W] in 0..255.

    >>> image = np.add.outer(np.arange(64.0), np.arange(64.0) ** 2 % 97)
    >>> round(padded_fidelity(image, image, image), 6)
    2.0
    """
    return sum(_fidelity(source, fused) for source in (ir, vi))


def _fidelity(source: np.ndarray, fused: np.ndarray) -> float:
    kept = available = 0.0
    for scale, kernel in enumerate(WINDOWS):
        if scale:
            source, fused = (_smooth(image, kernel)[::2, ::2] for image in (source, fused))
        mean_s, mean_f = _smooth(source, kernel), _smooth(fused, kernel)
        variance_s = np.maximum(_smooth(source * source, kernel) - mean_s**2, 0)
        variance_f = np.maximum(_smooth(fused * fused, kernel) - mean_f**2, 0)
        covariance = _smooth(source * fused, kernel) - mean_s * mean_f
        gain = covariance / (variance_s + TINY)
        gain[(variance_s < TINY) | (variance_f < TINY) | (gain < 0)] = 0
        variance_s[variance_s < TINY] = 0
        rest = np.maximum(variance_f - gain * covariance, TINY)
        kept += float(np.sum(np.log10(1 + gain**2 * variance_s / (rest + NOISE))))
        available += float(np.sum(np.log10(1 + variance_s / NOISE)))
    return kept / available if available else math.nan


def _smooth(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        image = ndimage.correlate1d(image, kernel, axis=axis, mode="constant")
    return image


register("VIF", title="Visual information fidelity", higher_is_better=True, function=padded_fidelity,
         variants={"zoo": Definition(f"{ZOO} VIF_function", (0, math.inf))})

"""VIF: visual information fidelity in the pixel domain, of the fused image with each source, summed.

On four scales, X the source, F the fused image, windows Gaussian of 17, 9, 5, 3 taps (sigma = taps / 5):

    g = s_XF / s_X^2,   s_v^2 = s_F^2 - g s_XF
    VIF = sum log10( 1 + g^2 s_X^2 / (s_v^2 + s_n^2) ) / sum log10( 1 + s_X^2 / s_n^2 ),   s_n^2 = 2 on 0..255

Only windows inside the image count. Below the first, a scale is the one above, smoothed with its own window, every
second row and column kept.
Range 0 upwards (1 per source for a copy; more when contrast is raised), higher is better. A constant source is 0/0:
smfnet and cddfuse count it as 1, tang as nan. A constant fused image gives 0.
Smallest image 41x41: below that the fourth scale has no complete window.
Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 2006.
"""

import math

import numpy as np

from metrics import filters
from metrics.registry import Definition, agreed, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG

WINDOWS = tuple(filters.gaussian(size, size / 5) for size in (17, 9, 5, 3))
NOISE = 2.0
TINY = 1e-10  # variances below this count as none
# E[x^2] - E[x]^2 leaves some 1e-10 of rounding, and the gain divides by the variance: below this it is taken about the
# window's own mean
NEARLY_FLAT = 1e-5


def information_fidelity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, without_structure: float = 1.0) -> float:
    """Summed VIF of float64 [H,W] in 0..255, H, W >= 41.

    without_structure: what a source that carries no information counts.

    >>> image = np.add.outer(np.arange(64.0), np.arange(64.0) ** 2 % 97)
    >>> round(float(information_fidelity(image, image, image)), 6)
    2.0
    """
    return _plain_fidelity(ir, fused, without_structure) + _plain_fidelity(vi, fused, without_structure)


def _plain_fidelity(source: np.ndarray, fused: np.ndarray, without_structure: float) -> float:
    kept = available = 0.0
    for scale, window in enumerate(WINDOWS):
        if scale:
            source, fused = (filters.plain_valid(image, window)[::2, ::2] for image in (source, fused))
        gain, variance_s, rest = channel(source, fused, window)
        kept += np.sum(np.log10(1 + gain**2 * variance_s / (rest + NOISE)))
        available += np.sum(np.log10(1 + variance_s / NOISE))
    return kept / available if available else without_structure


def channel(source: np.ndarray, fused: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gain g, variance of the source and variance s_v^2 of what the gain leaves over, of every window inside."""
    mean_s, mean_f = filters.plain_valid(source, window), filters.plain_valid(fused, window)
    variance_s = np.maximum(filters.plain_valid(source * source, window) - mean_s**2, 0)
    variance_f = np.maximum(filters.plain_valid(fused * fused, window) - mean_f**2, 0)
    covariance = filters.plain_valid(source * fused, window) - mean_s * mean_f
    for row in np.flatnonzero((variance_s < NEARLY_FLAT).any(axis=1)):
        at = np.full_like(found := np.flatnonzero(variance_s[row] < NEARLY_FLAT), row), found
        variance_s[at], covariance[at] = about_the_mean(source, fused, window, at)
    gain = covariance / (variance_s + TINY)
    gain[(variance_s < TINY) | (variance_f < TINY) | (gain < 0)] = 0
    variance_s[variance_s < TINY] = 0
    return gain, variance_s, np.maximum(variance_f - gain * covariance, TINY)


def about_the_mean(source: np.ndarray, fused: np.ndarray, window: np.ndarray,
                    at: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(variance of the source, covariance) of the windows whose first row and column are given, exact in rounding."""
    weights = np.outer(window, window)
    parts = [np.lib.stride_tricks.sliding_window_view(image, weights.shape)[at] for image in (source, fused)]
    source, fused = (part - np.einsum("nij,ij->n", part, weights)[:, None, None] for part in parts)
    return np.einsum("nij,nij,ij->n", source, source, weights), np.einsum("nij,nij,ij->n", source, fused, weights)


BOUNDS = (0, math.inf)
register("VIF", title="Visual information fidelity", higher_is_better=True, smallest=41, function=information_fidelity,
         variants={
             **agreed({"smfnet": f"{SMFNET} Evaluator.VIFF", "smfnet-ablation": f"{SMFNET} Evaluator.VIFF",
                       "cddfuse": f"{CDDFUSE} Evaluator.VIFF"}, BOUNDS),
             "tang": Definition(f"{TANG} vifp_mscale.m", BOUNDS, {"without_structure": math.nan}),
         })

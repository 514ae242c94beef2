"""Q_M: P.-W. Wang's multiscale quality, how well the wavelet details of the sources are kept.

Orthonormal Haar wavelet over pairs of rows and columns (0, 1), (2, 3), ..., two levels, an odd last row or column left
out at each. Per level, H, V, D the details of a source S, dH, dV, dD those less the fused picture's:

    Q = sum_S sum W_S E_S / sum_S sum W_S,   W = H^2 + V^2 + D^2,   E = exp(-|dH|) + exp(-|dV|) + exp(-|dD|)
    Q_M = Q_1^(2/3) Q_2^(1/3)

Range 0..3 (liu does not divide by the three orientations), higher is better; identical pictures give 3. nan when the
sources have no details at a level.
Smallest picture 4x4. Wang, Liu, "A novel image fusion metric based on multi-scale analysis", ICSP 2008.
"""

import math

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import LIU

EXPONENTS = (2 / 3, 1 / 3)  # of the levels, the finer first


def multiscale_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_M of float64 [H,W].

    >>> image = np.add.outer(np.arange(8.0), np.arange(8.0) ** 2 % 7)
    >>> round(multiscale_quality(image, image, image), 12)
    3.0
    """
    result = 1.0
    for exponent in EXPONENTS:
        (fused, details_f), *sources = (haar(image) for image in (fused, ir, vi))
        kept = available = 0.0
        for _, details in sources:
            weight = np.sum(details**2, axis=0)
            kept += float(np.sum(weight * np.sum(np.exp(-np.abs(details - details_f)), axis=0)))
            available += float(np.sum(weight))
        ir, vi = (smaller for smaller, _ in sources)
        result *= (kept / available) ** exponent if available else math.nan
    return result


def haar(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One level: the smaller picture [H//2,W//2] and its horizontal, vertical and diagonal details [3,H//2,W//2]."""
    height, width = (side // 2 * 2 for side in image.shape)
    a, b, c, d = (image[row:height:2, column:width:2] for row in (0, 1) for column in (0, 1))
    return (a + b + c + d) / 2, np.stack([a + b - c - d, a - b + c - d, a - b - c + d]) / 2


register("Q_M", title="P.-W. Wang's multiscale quality", higher_is_better=True, smallest=4, function=multiscale_quality,
         variants={"liu": Definition(f"{LIU} metricPWW.m", (0, 3))})

"""Qy as IVIF_ZOO computes it: Q_Y with slips that leave little of it.

As `metrics.definitions.q_y`, with these differences: the window is one row of the Gaussian, repeated seven times
without being divided by seven; zeros outside; constants (.01)^2 and (.03)^2; 1e-10 added to s_A^2 + s_B^2; A the
infrared picture. Seven times the mean of the squares less 49 times the square of the mean is mostly negative, so
"variances" cancel and the value is near 1 whatever the picture.
Has no bounds (1.04 on noise); higher counts as better; identical pictures give 1.
Smallest picture 1x1.
"""

import math

import numpy as np
from scipy import ndimage

from metrics import filters
from metrics.definitions.q_y import ALIKE
from metrics.registry import Definition, register
from metrics.toolboxes import ZOO

ROW = filters.gaussian(7, 1.5)
C1, C2 = 0.01**2, 0.03**2
TINY = 1e-10


def slipped_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Qy of float64 [H,W] in 0..255.

    >>> image = np.arange(100.0).reshape(10, 10)
    >>> round(slipped_quality(image, image, image), 12)
    1.0
    """
    kept_a, kept_b = _similarity(ir, fused), _similarity(vi, fused)
    variance_a, variance_b = _covariance(ir, ir), _covariance(vi, vi)
    weight = variance_a / (variance_a + variance_b + TINY)
    return float(np.mean(np.where(_similarity(ir, vi) >= ALIKE, weight * kept_a + (1 - weight) * kept_b,
                                  np.maximum(kept_a, kept_b))))


def _similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    mean_1, mean_2 = _mean(first), _mean(second)
    above = (2 * mean_1 * mean_2 + C1) * (2 * _covariance(first, second) + C2)
    below = (mean_1**2 + mean_2**2 + C1) * (_covariance(first, first) + _covariance(second, second) + C2)
    return np.asarray(above / below)


def _covariance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(_mean(first * second) - _mean(first) * _mean(second))


def _mean(image: np.ndarray) -> np.ndarray:
    across = ndimage.correlate1d(image, ROW, axis=1, mode="constant")
    return np.asarray(ndimage.correlate1d(across, np.ones(len(ROW)), axis=0, mode="constant"))


register("Qy", title="Yang's fusion quality index, with slips", higher_is_better=True, function=slipped_quality,
         variants={"zoo": Definition(f"{ZOO} Qy_function", (-math.inf, math.inf))})

"""CC: Pearson correlation of the fused image with the sources, averaged over both.

    CC = ( r(F, A) + r(F, B) ) / 2

Range -1..1, higher is better. nan when the fused image or a source is constant: its correlation is not defined.
"""

import math

import numpy as np

from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG, ZOO


def correlation_coefficient(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Mean correlation of float64 [H,W] in 0..255.

    >>> image = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> round(float(correlation_coefficient(image, 2 * image, 9 - image)), 12)
    0.0
    """
    return (correlation(fused, ir) + correlation(fused, vi)) / 2


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's r of two arrays of one shape; nan when either is constant."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    first, second = first - first.mean(), second - second.mean()
    return float(np.sum(first * second) / np.sqrt(np.sum(first**2) * np.sum(second**2)))


register("CC", title="Correlation coefficient", higher_is_better=True, function=correlation_coefficient,
         variants=agreed({
             "smfnet": f"{SMFNET} Evaluator.CC", "smfnet-ablation": f"{SMFNET} Evaluator.CC",
             "cddfuse": f"{CDDFUSE} Evaluator.CC", "tang": f"{TANG} CC_evaluation.m", "zoo": f"{ZOO} CC_function",
         }, (-1, 1)))

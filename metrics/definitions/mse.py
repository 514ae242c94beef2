"""MSE: mean squared difference of the fused image from the sources, averaged over both.

    MSE = ( mean (F-A)^2 + mean (F-B)^2 ) / 2

Variant tang takes it on images in 0..1. Range 0..255^2 (tang 0..1), lower is better.
"""

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG


def mean_squared_error(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, full_scale: float = 1) -> float:
    """Mean squared error of float64 [H,W] in 0..255, each divided by full_scale first.

    >>> image = np.zeros((2, 2))
    >>> float(mean_squared_error(image, image + 2, image + 4))
    10.0
    """
    return (np.mean((ir - fused) ** 2) + np.mean((vi - fused) ** 2)) / 2 / full_scale**2


register("MSE", title="Mean squared error", higher_is_better=False, function=mean_squared_error, variants={
    "smfnet": Definition(f"{SMFNET} Evaluator.MSE", (0, 255**2)),
    "smfnet-ablation": Definition(f"{SMFNET} Evaluator.MSE", (0, 255**2)),
    "cddfuse": Definition(f"{CDDFUSE} Evaluator.MSE", (0, 255**2)),
    "tang": Definition(f"{TANG} MSE_evaluation.m", (0, 1), {"full_scale": 255}),
})

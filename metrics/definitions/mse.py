"""MSE: mean squared difference of the fused image from the sources, averaged over both.

    MSE = ( mean (F-A)^2 + mean (F-B)^2 ) / 2

Variants tang and zoo take it on images in 0..1. Range 0..255^2 (tang, zoo 0..1), lower is better.
"""

import numpy as np

from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG, ZOO


def mean_squared_error(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, full_scale: float = 1) -> float:
    """Mean squared error of float64 [H,W] in 0..255, each divided by full_scale first.

    >>> image = np.zeros((2, 2))
    >>> float(mean_squared_error(image, image + 2, image + 4))
    10.0
    """
    return float((np.mean((ir - fused) ** 2) + np.mean((vi - fused) ** 2)) / 2 / full_scale**2)


register("MSE", title="Mean squared error", higher_is_better=False, function=mean_squared_error, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.MSE", "smfnet-ablation": f"{SMFNET} Evaluator.MSE",
              "cddfuse": f"{CDDFUSE} Evaluator.MSE"}, (0, 255**2)),
    **agreed({"tang": f"{TANG} MSE_evaluation.m", "zoo": f"{ZOO} MSE_function"}, (0, 1), {"full_scale": 255}),
})

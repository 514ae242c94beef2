"""AG: average gradient of the fused image.

    AG = 1/D sum sqrt( (gx^2 + gy^2) / h ),   gx, gy: central differences, one-sided at the edges

Variants: smfnet h = 1, D = M*N; cddfuse and zoo h = 2, D = M*N; vifb, mefb and tang h = 2, D = (M-1)(N-1).
Higher is better. A constant image gives 0.
Cui, Feng, Xu, Li, Chen, "Detail preserved fusion of visible and infrared images", Opt. Commun. 2015.
"""

import math

import numpy as np

from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, MEFB, SMFNET, TANG, VIFB, ZOO


def average_gradient(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, halved: bool = False,
                     inner: bool = False) -> float:
    """Average gradient of float64 [H,W] in 0..255, H, W >= 2; the sources are not looked at.

    halved: h = 2 instead of 1. inner: divide by (H-1)(W-1) instead of H*W.

    >>> image = np.array([[0.0, 3.0], [4.0, 7.0]])
    >>> float(average_gradient(image, image, image))
    5.0
    """
    vertical, horizontal = np.gradient(fused)
    magnitude = np.sqrt((vertical**2 + horizontal**2) / (2 if halved else 1))
    return float(magnitude.sum() / divisor(fused.shape, inner))


def divisor(shape: tuple[int, int], inner: bool) -> int:
    height, width = shape
    return (height - 1) * (width - 1) if inner else height * width


BOUNDS = (0, 255 * math.sqrt(2))
HALVED = (0, 255)
register("AG", title="Average gradient", higher_is_better=True, smallest=2, function=average_gradient, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.AG1", "smfnet-ablation": f"{SMFNET} Evaluator.AG1"}, BOUNDS),
    **agreed({"cddfuse": f"{CDDFUSE} Evaluator.AG", "zoo": f"{ZOO} AG_function"}, HALVED, {"halved": True}),
    # on 2x2 pixels (M-1)(N-1) is a quarter of M*N
    **agreed({"vifb": f"{VIFB} metricsAvg_gradient.m", "mefb": f"{MEFB} metricsAvg_gradient.m",
              "tang": f"{TANG} AG_evaluation.m"}, (0, 4 * 255), {"halved": True, "inner": True}),
})

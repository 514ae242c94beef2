"""Qabf: gradient-based fusion performance, how well edge strength and orientation of the sources are kept.

Sobel with zeros outside the image; g strength, a = arctan(sy / sx) orientation (pi/2 where sx = 0). For a source X:

    G = min(g_X, g_F) / max(g_X, g_F)   (g_F where both are equal)      A = 1 - |a_X - a_F| / (pi/2)
    Q_XF = .9994 / (1 + exp(-15 (G - .5)))  *  .9879 / (1 + exp(-22 (A - .8)))
    Qabf = sum( Q_AF g_A + Q_BF g_B ) / sum( g_A + g_B )

Range 0..1 (at most .976), higher is better. nan when neither source has an edge (zeros outside: both are black).
Xydeas, Petrovic, "Objective image fusion performance measure", Electron. Lett. 2000.
"""

import math

import numpy as np
from scipy import ndimage

from metrics.registry import Definition, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG, VIFB

STRENGTH, STRENGTH_SLOPE, STRENGTH_MIDDLE = 0.9994, 15.0, 0.5
ANGLE, ANGLE_SLOPE, ANGLE_MIDDLE = 0.9879, 22.0, 0.8


def edge_preservation(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Qabf of float64 [H,W] in 0..255.

    >>> image = np.array([[0.0, 0.0, 90.0, 90.0]] * 4)
    >>> round(float(edge_preservation(image, image, image)), 4)
    0.9753
    """
    strength_f, angle_f = _plain_edges(fused)
    kept = available = 0.0
    for source in (ir, vi):
        strength, angle = _plain_edges(source)
        weaker, stronger = np.minimum(strength, strength_f), np.maximum(strength, strength_f)
        relative = np.where(strength == strength_f, strength_f, weaker / np.where(stronger == 0, 1, stronger))
        alike = 1 - np.abs(angle - angle_f) / (np.pi / 2)
        quality = (STRENGTH / (1 + np.exp(-STRENGTH_SLOPE * (relative - STRENGTH_MIDDLE)))
                   * ANGLE / (1 + np.exp(-ANGLE_SLOPE * (alike - ANGLE_MIDDLE))))
        kept += np.sum(quality * strength)
        available += np.sum(strength)
    return kept / available if available else math.nan


def _plain_edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # the authors convolve, which turns the horizontal operator round
    horizontal = -ndimage.sobel(image, axis=1, mode="constant")
    vertical = ndimage.sobel(image, axis=0, mode="constant")
    flat = horizontal == 0
    angle = np.where(flat, np.pi / 2, np.arctan(vertical / np.where(flat, 1, horizontal)))
    return np.sqrt(horizontal**2 + vertical**2), angle


register("Qabf", title="Gradient-based fusion performance", higher_is_better=True, smallest=3,
         function=edge_preservation, variants={
             "smfnet": Definition(f"{SMFNET} Evaluator.Qabf", (0, 1)),
             "smfnet-ablation": Definition(f"{SMFNET} Evaluator.Qabf", (0, 1)),
             "cddfuse": Definition(f"{CDDFUSE} Evaluator.Qabf", (0, 1)),
             "vifb": Definition(f"{VIFB} metricsQabf.m", (0, 1)),
             "tang": Definition(f"{TANG} analysis_Qabf.m", (0, 1)),
         })

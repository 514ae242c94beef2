"""Qabf: gradient-based fusion performance, how well edge strength and orientation of the sources are kept.

Sobel with zeros outside the image; g strength, a = arctan(sy / sx) orientation (pi/2 where sx = 0). For a source X:

    G = min(g_X, g_F) / max(g_X, g_F)   (g_F where both are equal)      A = 1 - |a_X - a_F| / (pi/2)
    Q_XF = .9994 / (1 + exp(-15 (G - .5)))  *  .9879 / (1 + exp(-22 (A - .8)))
    Qabf = sum( Q_AF g_A + Q_BF g_B ) / sum( g_A + g_B )

Variant huili takes images in 0..1: where both strengths are equal G = g_F is then nearly 0, so well-kept edges count
little (identical images give .947 instead of .975). Which are equal is left to rounding (up to 1e-3), so sums are taken
in the toolbox's order.
Range 0..1 (at most .976), higher is better. nan when neither source has an edge (zeros outside: both are black).
Xydeas, Petrovic, "Objective image fusion performance measure", Electron. Lett. 2000.
"""

import math

import numpy as np
from scipy import ndimage

from metrics.registry import Definition, agreed, register
from metrics.toolboxes import CDDFUSE, HUILI, MEFB, SMFNET, TANG, VIFB, ZOO

STRENGTH, STRENGTH_SLOPE, STRENGTH_MIDDLE = 0.9994, 15.0, 0.5
ANGLE, ANGLE_SLOPE, ANGLE_MIDDLE = 0.9879, 22.0, 0.8
SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def edge_preservation(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, unit: bool = False) -> float:
    """Qabf of float64 [H,W] in 0..255.

    unit: on images in 0..1, sums in huili's order.

    >>> image = np.array([[0.0, 0.0, 90.0, 90.0]] * 4)
    >>> round(float(edge_preservation(image, image, image)), 4)
    0.9753
    """
    strength_f, angle_f = _plain_edges(fused, unit)
    kept = available = 0.0
    for source in (ir, vi):
        strength, angle = _plain_edges(source, unit)
        weaker, stronger = np.minimum(strength, strength_f), np.maximum(strength, strength_f)
        relative = np.where(strength == strength_f, strength_f, weaker / np.where(stronger == 0, 1, stronger))
        alike = 1 - np.abs(angle - angle_f) / (np.pi / 2)
        quality = (STRENGTH / (1 + np.exp(-STRENGTH_SLOPE * (relative - STRENGTH_MIDDLE)))
                   * ANGLE / (1 + np.exp(-ANGLE_SLOPE * (alike - ANGLE_MIDDLE))))
        kept += np.sum(quality * strength)
        available += np.sum(strength)
    return float(kept / available) if available else math.nan


def _plain_edges(image: np.ndarray, unit: bool) -> tuple[np.ndarray, np.ndarray]:
    # the authors convolve, which turns the horizontal operator round
    if unit:
        padded = np.pad(image / 255, 1)
        horizontal, vertical = _ordered_sums(padded, -SOBEL), _ordered_sums(padded, SOBEL.T)
    else:
        horizontal = -ndimage.sobel(image, axis=1, mode="constant")
        vertical = ndimage.sobel(image, axis=0, mode="constant")
    flat = horizontal == 0
    angle = np.where(flat, np.pi / 2, np.arctan(vertical / np.where(flat, 1, horizontal)))
    return np.sqrt(horizontal**2 + vertical**2), angle


def _ordered_sums(padded: np.ndarray, operator: np.ndarray) -> np.ndarray:
    """3x3 sums, column by column and each from below: [H+2,W+2] -> [H,W]."""
    height, width = (side - 2 for side in padded.shape)
    total = np.zeros((height, width))
    for column in range(3):
        for row in (2, 1, 0):
            total += operator[row, column] * padded[row:row + height, column:column + width]
    return total


register("Qabf", title="Gradient-based fusion performance", higher_is_better=True, smallest=3,
         function=edge_preservation, variants={
             **agreed({"smfnet": f"{SMFNET} Evaluator.Qabf", "smfnet-ablation": f"{SMFNET} Evaluator.Qabf",
                       "cddfuse": f"{CDDFUSE} Evaluator.Qabf", "vifb": f"{VIFB} metricsQabf.m",
                       "mefb": f"{MEFB} metricsQabf.m", "tang": f"{TANG} analysis_Qabf.m", "zoo": f"{ZOO} get_Qabf"},
                      (0, 1)),
             "huili": Definition(f"{HUILI} analysis_Qabf.m", (0, 1), {"unit": True}),
         })

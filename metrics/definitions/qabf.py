"""Qabf: gradient-based fusion performance, how well edge strength and orientation of the sources are kept.

Sobel with zeros outside the image; g strength, a = arctan(sy / sx) orientation (pi/2 where sx = 0). For a source X:

    G = min(g_X, g_F) / max(g_X, g_F)   (g_F where both are equal)      A = 1 - |a_X - a_F| / (pi/2)
    Q_XF = .9994 / (1 + exp(-15 (G - .5)))  *  .9879 / (1 + exp(-22 (A - .8)))
    Qabf = sum( Q_AF g_A + Q_BF g_B ) / sum( g_A + g_B )

Range 0..1 (at most .976), higher is better. nan when neither source has an edge (zeros outside: both are black).
Xydeas, Petrovic, "Objective image fusion performance measure", Electron. Lett. 2000.
"""

import math

import cv2
import numpy as np
from scipy import ndimage

from metrics.features import derivatives
from metrics.picture import Picture, row_blocks
from metrics.registry import CDDFUSE, SMFNET, TANG, VIFB, Definition, register

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


def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    kept = available = 0.0
    for rows in row_blocks(*fused.shape):
        edges = _edges(fused, rows)
        for source in (ir, vi):
            strength, turn = source.part(_edges, rows, fused.shape[0])
            kept += _kept(*edges, strength, turn)
            available += strength.sum()
    return kept * STRENGTH * ANGLE / available if available else math.nan


@np.errstate(divide="ignore", invalid="ignore")
def _edges(picture: Picture, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Edge strength, and exp(c * orientation) with c = 2/pi times the slope of the orientation's sigmoid.

    Of the exponential of |a_X - a_F| in every pair of pictures only a division is then left.
    """
    horizontal, vertical = derivatives(picture, rows, 3, "zero")
    strength = cv2.magnitude(horizontal, vertical)
    vertical /= horizontal
    angle = np.arctan(vertical, out=vertical)
    angle *= -ANGLE_SLOPE * 2 / np.pi  # the authors convolve, which turns the horizontal operator round
    np.copyto(angle, ANGLE_SLOPE, where=horizontal == 0)
    return strength, cv2.exp(angle)


@np.errstate(invalid="ignore")
def _kept(strength_f: np.ndarray, turn_f: np.ndarray, strength_s: np.ndarray, turn_s: np.ndarray) -> float:
    """Sum of Q_XF g_X over a block of rows, without the constant factors."""
    relative = np.minimum(strength_f, strength_s)
    relative /= np.maximum(strength_f, strength_s)
    np.copyto(relative, strength_f, where=strength_f == strength_s)
    relative *= -STRENGTH_SLOPE
    relative += STRENGTH_SLOPE * STRENGTH_MIDDLE
    below = cv2.exp(relative)
    below += 1
    turn = turn_s / turn_f
    np.maximum(turn, 1 / turn, out=turn)  # exp(c |a_X - a_F|)
    turn *= math.exp(ANGLE_SLOPE * (ANGLE_MIDDLE - 1))
    turn += 1
    below *= turn
    return np.divide(strength_s, below, out=below).sum()


register("Qabf", title="Gradient-based fusion performance", higher_is_better=True, smallest=3,
         function=edge_preservation, fast=fast, variants={
             "smfnet": Definition(f"{SMFNET} Evaluator.Qabf", (0, 1)),
             "smfnet-ablation": Definition(f"{SMFNET} Evaluator.Qabf", (0, 1)),
             "cddfuse": Definition(f"{CDDFUSE} Evaluator.Qabf", (0, 1)),
             "vifb": Definition(f"{VIFB} metricsQabf.m", (0, 1)),
             "tang": Definition(f"{TANG} analysis_Qabf.m", (0, 1)),
         })

"""Qabf's fast path: derivatives by blocks of rows, the sources' edges once, one exponential for orientation."""

import math

import cv2
import numpy as np

from metrics.definitions.qabf import (
    ANGLE,
    ANGLE_MIDDLE,
    ANGLE_SLOPE,
    STRENGTH,
    STRENGTH_MIDDLE,
    STRENGTH_SLOPE,
    edge_preservation,
)
from metrics.features import derivatives
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of


@fast_path_of(edge_preservation)
def fast(fused: Picture, ir: Picture, vi: Picture, *, unit: bool = False) -> float:
    if unit:
        return edge_preservation(fused.pixels, ir.pixels, vi.pixels, unit=True)
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
    return float(np.divide(strength_s, below, out=below).sum())

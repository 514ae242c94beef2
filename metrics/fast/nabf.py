"""Nabf's fast path: derivatives by blocks of rows, the sources' edges once, one exponential for orientation."""

import math

import cv2
import numpy as np

from metrics.definitions.nabf import (
    ANGLE,
    ANGLE_SLOPE,
    FAINT,
    MIDDLE,
    SMFNET_RULES,
    STRENGTH,
    STRENGTH_SLOPE,
    Rules,
    fusion_artefacts,
)
from metrics.features import derivatives
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of


@fast_path_of(fusion_artefacts)
def fast(fused: Picture, ir: Picture, vi: Picture, *, rules: Rules = SMFNET_RULES,
         as_called: bool = False) -> float:
    if rules.unit:
        return fusion_artefacts(fused.pixels, ir.pixels, vi.pixels, rules=rules, as_called=as_called)
    if as_called:
        fused, ir, vi = ir, vi, fused
    lost = weights = 0.0
    for rows in row_blocks(*fused.shape):
        strength, horizontal, vertical = _strength(fused, rows, rules)
        edges = [source.part(_edges, rows, fused.shape[0], rules) for source in (ir, vi)]
        weights += sum(weight.sum() for _, _, weight in edges)
        added = strength > edges[0][0]
        if rules.above_both:
            added &= strength > edges[1][0]
        chosen = np.flatnonzero(added)
        if chosen.size:
            turn = _turn(horizontal.take(chosen), vertical.take(chosen), rules)
            strength = strength.take(chosen)
            lost += sum(_lost(strength, turn, *(array.take(chosen) for array in of)) for of in edges)
    return lost / weights if weights else math.nan


def _edges(picture: Picture, rows: slice, rules: Rules) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strength, exp(c * orientation), and weight as a source."""
    strength, horizontal, vertical = _strength(picture, rows, rules)
    turn = _turn(horizontal.ravel(), vertical.ravel(), rules).reshape(strength.shape)
    weight = strength * np.sqrt(strength)
    weight *= rules.weight
    np.copyto(weight, rules.faint_weight, where=strength < FAINT)
    return strength, turn, weight


def _strength(picture: Picture, rows: slice, rules: Rules) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strength, horizontal and vertical derivative."""
    horizontal, vertical = derivatives(picture, rows, 3, rules.border)
    if rules.scale != 1:
        horizontal *= rules.scale
        vertical *= rules.scale
    return cv2.magnitude(horizontal, vertical), horizontal, vertical


@np.errstate(divide="ignore", invalid="ignore")
def _turn(horizontal: np.ndarray, vertical: np.ndarray, rules: Rules) -> np.ndarray:
    """exp(c * orientation), flat; c = 2/pi times the slope of the orientation's sigmoid."""
    if rules.full_circle:  # arctan2, by the much faster arctan
        angle = np.arctan(vertical / horizontal)
        angle += np.copysign(np.pi, vertical) * (horizontal < 0)
    else:
        angle = np.arctan(horizontal / np.abs(vertical)) * np.where(vertical < 0, -1, 1)
    np.copyto(angle, 0, where=np.isnan(angle))  # both derivatives are 0
    angle *= ANGLE_SLOPE * 2 / np.pi
    turn: np.ndarray = cv2.exp(angle).ravel()
    return turn


def _lost(strength_f: np.ndarray, turn_f: np.ndarray, strength_s: np.ndarray, turn_s: np.ndarray,
          weight: np.ndarray) -> float:
    """Sum of (1 - Q) w over pixels where the fused image has an edge; flat arrays."""
    below = np.minimum(strength_f, strength_s)
    below /= np.maximum(strength_f, strength_s)
    below *= -STRENGTH_SLOPE
    below += STRENGTH_SLOPE * MIDDLE
    below = cv2.exp(below).ravel()
    below += 1
    apart = turn_s / turn_f
    np.maximum(apart, 1 / apart, out=apart)  # exp(c |a_X - a_F|)
    apart *= math.exp(-ANGLE_SLOPE)
    np.minimum(apart, 1 / apart, out=apart)  # exp(-c ||a_X - a_F| - pi/2|)
    apart *= math.exp(ANGLE_SLOPE * MIDDLE)
    apart += 1
    below *= apart
    quality = np.sqrt(np.divide(STRENGTH * ANGLE, below, out=below), out=below)
    return float(np.dot(np.subtract(1, quality, out=quality), weight))

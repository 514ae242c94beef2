"""Nabf: fusion artefacts, the edges of the fused image that neither source has, weighted by the sources' edge strength.

Sobel; g strength, a orientation. For a source X, with k = 1 where the fused image's edge counts as added, else 0:

    G = min(g_X, g_F) / max(g_X, g_F)      A = | |a_X - a_F| - pi/2 | * 2/pi
    Q_XF = sqrt( .9999 / (1 + exp(-19 (G - .5)))  *  .9995 / (1 + exp(-22 (A - .5))) )
    Nabf = sum k ( (1 - Q_AF) w_A + (1 - Q_BF) w_B ) / sum( w_A + w_B )

Variants:

    smfnet         unscaled Sobel, edge repeated; a = arctan2; w = .001 g^1.5 where g >= 2, else .001;
                   k where g_F > g_A, A being the infrared image (the visible one is not asked)
    tang-defined   Sobel / 8, image mirrored at its edge; a = arctan; w = g^1.5 where g >= 2, else .001;
                   k where g_F exceeds both
    tang           the same, but the toolbox hands its three images over in the wrong order: the infrared image is taken
                   for the fused one, the visible and the fused image for its sources. That is what it prints
    huili          as tang-defined, on images in 0..1: no edge reaches 2, all weights are .001. Where edges are equally
                   strong rounding decides (up to 1 %), so sums are taken in the toolbox's order
    zoo            as tang-defined, w = 0 below 2: nan where no source has an edge

Range 0..1, lower is better. Identical images give 0, and so does a constant fused image (not in tang).
Shreyamsha Kumar, "Multifocus and multispectral image fusion based on pixel significance", Signal Image Video P. 2013.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from metrics.registry import Definition, agreed, register
from metrics.toolboxes import HUILI, SMFNET, TANG, ZOO

STRENGTH, STRENGTH_SLOPE = 0.9999, 19.0
ANGLE, ANGLE_SLOPE = 0.9995, 22.0
MIDDLE = 0.5  # of both sigmoids
FAINT, FAINT_WEIGHT, EXPONENT = 2.0, 0.001, 1.5
SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Rules:
    """Where the two toolboxes differ."""

    scale: float  # of the Sobel operator
    border: str  # "reflect" (edge repeated) or "mirror"
    full_circle: bool  # arctan2 instead of arctan
    weight: float  # factor on g^1.5
    above_both: bool  # an added edge exceeds both sources, not just the infrared image
    faint_weight: float = FAINT_WEIGHT  # below FAINT
    unit: bool = False  # images in 0..1, sums in the toolbox's order


SMFNET_RULES = Rules(1.0, "reflect", full_circle=True, weight=FAINT_WEIGHT, above_both=False)
TANG_RULES = Rules(1 / 8, "mirror", full_circle=False, weight=1.0, above_both=True)
HUILI_RULES = replace(TANG_RULES, unit=True)
ZOO_RULES = replace(TANG_RULES, faint_weight=0.0)


def fusion_artefacts(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, rules: Rules = SMFNET_RULES,
                     as_called: bool = False) -> float:
    """Nabf of float64 [H,W] in 0..255.

    as_called: the infrared image is taken for the fused one, as tang's toolbox does.

    >>> image = np.array([[0.0, 0.0, 90.0, 90.0]] * 4)
    >>> float(fusion_artefacts(image, image, image))
    0.0
    """
    if as_called:
        fused, ir, vi = ir, vi, fused
    strength_f, angle_f = _plain_edges(fused, rules)
    strength_a, strength_b = _plain_edges(ir, rules)[0], _plain_edges(vi, rules)[0]
    added = strength_f > strength_a
    if rules.above_both:
        added &= strength_f > strength_b
    lost = weights = 0.0
    for source in (ir, vi):
        strength, angle = _plain_edges(source, rules)
        stronger = np.maximum(strength, strength_f)
        relative = np.minimum(strength, strength_f) / np.where(stronger == 0, 1, stronger)
        alike = np.abs(np.abs(angle - angle_f) - np.pi / 2) * 2 / np.pi
        quality = np.sqrt(STRENGTH / (1 + np.exp(-STRENGTH_SLOPE * (relative - MIDDLE)))
                          * ANGLE / (1 + np.exp(-ANGLE_SLOPE * (alike - MIDDLE))))
        weight = np.where(strength >= FAINT, rules.weight * strength**EXPONENT, rules.faint_weight)
        lost += np.sum(((1 - quality) * weight)[added])
        weights += np.sum(weight)
    return float(lost / weights) if weights else math.nan


def _plain_edges(image: np.ndarray, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    if rules.unit:
        padded = np.pad(image / 255, 1, mode="reflect")  # numpy's reflect is the mirror, edge not repeated
        horizontal, vertical = (_ordered_sums(padded, operator * rules.scale) for operator in (SOBEL, SOBEL.T))
    else:
        horizontal, vertical = (ndimage.sobel(image, axis=axis, mode=rules.border) * rules.scale for axis in (1, 0))
    strength = np.sqrt(horizontal**2 + vertical**2)
    if rules.full_circle:
        return strength, np.arctan2(vertical, horizontal)
    # Tang's gv is the derivative along rows: atan(gv / gh), 0 where both are 0
    upright = vertical == 0
    limit = np.where(horizontal == 0, 0, np.copysign(np.pi / 2, horizontal))
    return strength, np.where(upright, limit, np.arctan(horizontal / np.where(upright, 1, vertical)))


def _ordered_sums(padded: np.ndarray, operator: np.ndarray) -> np.ndarray:
    """3x3 sums, the columns of each window first: [H+2,W+2] -> [H,W]."""
    height, width = (side - 2 for side in padded.shape)
    total = np.zeros((height, width))
    for column in range(3):
        total += sum(operator[row, column] * padded[row:row + height, column:column + width] for row in range(3))
    return total


register("Nabf", title="Fusion artefacts", higher_is_better=False, smallest=3, function=fusion_artefacts, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.Nabf", "smfnet-ablation": f"{SMFNET} Evaluator.Nabf"}, (0, 1),
             {"rules": SMFNET_RULES}),
    "tang": Definition(f"{TANG} analysis_nabf.m, as analysis_Reference.m calls it", (0, 1),
                       {"rules": TANG_RULES, "as_called": True}),
    "tang-defined": Definition(f"{TANG} analysis_nabf.m", (0, 1), {"rules": TANG_RULES}),
    "huili": Definition(f"{HUILI} analysis_nabf.m", (0, 1), {"rules": HUILI_RULES}),
    "zoo": Definition(f"{ZOO} get_Nabf", (0, 1), {"rules": ZOO_RULES}),
})

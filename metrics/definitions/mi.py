"""MI: mutual information of the fused image with each source, summed.

    MI = I(F, A) + I(F, B),   I(X, Y) = sum p(x, y) log( p(x, y) / (p(x) p(y)) )   on the joint 256-level histogram

Variants:

    smfnet, cddfuse   nats
    vifb              nats, after each image was stretched to 0..255 by its minimum and maximum
    zoo               bits: 1/ln 2 = 1.442695 times larger
    tang              bits, as H(X) + H(Y) - H(X, Y) with levels 254 and 255 counted as one in the joint histogram alone
                      (MATLAB's uint8 arithmetic saturates): up to 3 % larger on bright pictures, not 0 for a constant
    huili             2 EN(F): the toolbox counts rows where it means pixels, so both joint entropies cancel out

Pixels are rounded to whole levels. Range 0..2 ln 256 nats (16 bits), higher is better. A constant image carries no
information: 0 (but for tang).
Qu, Zhang, Yan, "Information measure for performance of image fusion", Electron. Lett. 2002.
"""

import math

import numpy as np

from metrics.definitions.en import entropy
from metrics.registry import Definition, agreed, register
from metrics.toolboxes import CDDFUSE, HUILI, SMFNET, TANG, VIFB, ZOO


def mutual_information(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, bits: bool = False,
                       stretched: bool = False, saturated: bool = False) -> float:
    """Summed mutual information of float64 [H,W] in 0..255.

    bits: logarithm to base 2 instead of e. stretched: stretch each image to 0..255 first. saturated: levels 254 and 255
    are one in the joint histogram, two in the single ones.

    >>> image = np.array([[0.0, 0.0], [255.0, 255.0]])
    >>> float(mutual_information(image, image, 255 - image, bits=True))
    2.0
    """
    def levels(image: np.ndarray) -> np.ndarray:
        return np.round(stretch(image) if stretched else image)

    total = 0.0
    for source in (ir, vi):
        joint, _, _ = np.histogram2d(levels(fused).ravel(), levels(source).ravel(), bins=256, range=[[0, 256]] * 2)
        single = nats(joint.sum(axis=1)) + nats(joint.sum(axis=0))
        total += single - nats(merged(joint) if saturated else joint)
    return total / math.log(2) if bits else total


def nats(counts: np.ndarray) -> float:
    """Entropy of what was counted, in nats."""
    share = counts[counts > 0] / counts.sum()
    return -float(np.sum(share * np.log(share)))


def merged(joint: np.ndarray) -> np.ndarray:
    """A joint histogram [256,256] with levels 254 and 255 counted as one, [255,255]."""
    return np.add.reduceat(np.add.reduceat(joint, np.arange(255), axis=0), np.arange(255), axis=1)


def twice_the_entropy(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """2 EN of float64 [H,W] in 0..255; the sources are not looked at.

    >>> image = np.array([[0.0, 0.0], [255.0, 255.0]])
    >>> twice_the_entropy(image, image, image)
    2.0
    """
    return 2 * entropy(fused, ir, vi)


def stretch(image: np.ndarray) -> np.ndarray:
    """Image scaled so that its minimum becomes 0 and its maximum 255; a constant image becomes 0."""
    low, high = image.min(), image.max()
    # halves are rounded up, as MATLAB does; numpy would round them to even
    return np.floor((image - low) / (high - low) * 255 + 0.5) if high > low else np.zeros_like(image)


NATS = (0, 2 * math.log(256))
register("MI", title="Mutual information", higher_is_better=True, function=mutual_information, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.MI", "smfnet-ablation": f"{SMFNET} Evaluator.MI",
              "cddfuse": f"{CDDFUSE} Evaluator.MI"}, NATS),
    "vifb": Definition(f"{VIFB} metricsMutinf.m", NATS, {"stretched": True}),
    "tang": Definition(f"{TANG} MI_evaluation.m", (0, 20), {"bits": True, "saturated": True}),
    "zoo": Definition(f"{ZOO} MI_function", (0, 16), {"bits": True}),
})
register("MI", title="Twice the entropy", higher_is_better=True, function=twice_the_entropy,
         variants={"huili": Definition(f"{HUILI} analysis_MI.m", (0, 16))})

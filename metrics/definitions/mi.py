"""MI: mutual information of the fused image with each source, summed.

    MI = I(F, A) + I(F, B),   I(X, Y) = sum p(x, y) log( p(x, y) / (p(x) p(y)) )   on the joint 256-level histogram

Variants: smfnet and cddfuse in nats; tang in bits (1/ln 2 = 1.442695 times larger); vifb in nats after each image was
stretched to 0..255 by its minimum and maximum. Pixels are rounded to whole levels. Range 0..2 ln 256 nats (16 bits),
higher is better. A constant image carries no information: 0.
Tang's `Hab` merges levels 254 and 255 (MATLAB's uint8 arithmetic saturates); that slip is not reproduced.
Qu, Zhang, Yan, "Information measure for performance of image fusion", Electron. Lett. 2002.
"""

import math

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG, VIFB


def mutual_information(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, bits: bool = False,
                       stretched: bool = False) -> float:
    """Summed mutual information of float64 [H,W] in 0..255.

    bits: logarithm to base 2 instead of e. stretched: stretch each image to 0..255 first.

    >>> image = np.array([[0.0, 0.0], [255.0, 255.0]])
    >>> float(mutual_information(image, image, 255 - image, bits=True))
    2.0
    """
    def levels(image: np.ndarray) -> np.ndarray:
        return np.round(stretch(image) if stretched else image)

    def information(first: np.ndarray, second: np.ndarray) -> float:
        joint, _, _ = np.histogram2d(first.ravel(), second.ravel(), bins=256, range=[[0, 256], [0, 256]])
        joint /= joint.sum()
        independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        seen = joint > 0
        return np.sum(joint[seen] * np.log(joint[seen] / independent[seen]))

    total = information(levels(fused), levels(ir)) + information(levels(fused), levels(vi))
    return total / math.log(2) if bits else total


def stretch(image: np.ndarray) -> np.ndarray:
    """Image scaled so that its minimum becomes 0 and its maximum 255; a constant image becomes 0."""
    low, high = image.min(), image.max()
    # halves are rounded up, as MATLAB does; numpy would round them to even
    return np.floor((image - low) / (high - low) * 255 + 0.5) if high > low else np.zeros_like(image)


NATS = (0, 2 * math.log(256))
register("MI", title="Mutual information", higher_is_better=True, function=mutual_information, variants={
    "smfnet": Definition(f"{SMFNET} Evaluator.MI", NATS),
    "smfnet-ablation": Definition(f"{SMFNET} Evaluator.MI", NATS),
    "cddfuse": Definition(f"{CDDFUSE} Evaluator.MI", NATS),
    "vifb": Definition(f"{VIFB} metricsMutinf.m", NATS, {"stretched": True}),
    "tang": Definition(f"{TANG} MI_evaluation.m", (0, 16), {"bits": True}),
})

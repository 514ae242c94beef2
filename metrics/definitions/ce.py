"""CE: cross entropy, how the fused image's histogram differs from those of the sources.

    CE = ( C(A, F) + C(B, F) ) / 2,   C(S, F) = sum p_S(l) log2( p_S(l) / p_F(l) )   over levels l that both have

Levels that the fused image never uses are left out, so it can be negative.
Lower is better; identical images give 0, and so do images that share no level.
Variant zoo is something else, and no measure of fusion: the binary cross entropy of 1 / (1 + e^-F) with the mean of the
same of the sources, levels in 0..255. Only pixels darker than about 17 count in it. The toolbox computes it in float32,
where the sigmoid of 17 is 1; that is kept, but for the order of the sum.
Bulanon, Burks, Alchanatis, "Image fusion of visible and thermal images for fruit detection", Biosyst. Eng. 2009.
"""

import math

import numpy as np

from metrics.registry import Definition, agreed, register
from metrics.toolboxes import MEFB, VIFB, ZOO

LEAST = np.float32(1e-7)  # of a probability in variant zoo
ONE = np.float32(1)


def cross_entropy(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Mean cross entropy in bits of float64 [H,W] in 0..255.

    >>> image = np.array([[0.0, 0.0], [85.0, 170.0]])
    >>> round(cross_entropy(np.array([[0.0, 85.0], [85.0, 85.0]]), image, image), 9)
    0.103759375
    """
    def counts(image: np.ndarray) -> np.ndarray:
        return np.bincount(np.round(image).astype(np.uint8).ravel(), minlength=256)

    return (of_histograms(counts(ir), counts(fused)) + of_histograms(counts(vi), counts(fused))) / 2


def of_histograms(source: np.ndarray, fused: np.ndarray) -> float:
    """C(S, F) from numbers of pixels of each level."""
    both = (source > 0) & (fused > 0)
    share_s, share_f = source[both] / source.sum(), fused[both] / fused.sum()
    return float(np.sum(share_s * np.log2(share_s / share_f)))


def of_sigmoids(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Variant zoo of float64 [H,W] in 0..255.

    >>> image = np.full((2, 2), 4.0)
    >>> round(of_sigmoids(image, image, image), 6)
    0.090095
    """
    shown, expected = sigmoid(fused), (sigmoid(ir) + sigmoid(vi)) / np.float32(2)
    shown, expected = (np.clip(share, LEAST, ONE - LEAST) for share in (shown, expected))
    loss = expected * np.log(shown) + (ONE - expected) * np.log(ONE - shown)
    return -float(np.mean(loss, dtype=np.float64))


def sigmoid(levels: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-levels), float32."""
    return ONE / (ONE + np.exp(-levels.astype(np.float32)))


register("CE", title="Cross entropy", higher_is_better=False, function=cross_entropy,
         variants=agreed({"vifb": f"{VIFB} metricsCross_entropy.m", "mefb": f"{MEFB} metricsCross_entropy.m"},
                         (-math.inf, math.inf)))
register("CE", title="Cross entropy of sigmoids", higher_is_better=False, function=of_sigmoids,
         variants={"zoo": Definition(f"{ZOO} CE_function", (0, 17))})

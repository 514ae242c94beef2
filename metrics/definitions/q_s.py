"""Q_S: Piella's fusion quality index, SSIM with each source, weighted by the source's local variance.

    l = s_A^2 / (s_A^2 + s_B^2)  (1/2 where both are 0),   q = l SSIM(F, A) + (1 - l) SSIM(F, B),   Q_S = mean q

SSIM on 11x11 Gaussian windows, sigma 1.5, inside the picture, L = 255.
Range -1..1, higher is better; identical pictures give 1. Flat pictures are no special case: a constant fused picture
gives nearly 0, three constants the similarity of their levels.
Smallest picture 11x11. Piella, Heijmans, "A new quality metric for image fusion", IEEE ICIP 2003.
"""

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import LIU
from metrics.windows import WANG, Local, share


def fusion_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_S of float64 [H,W] in 0..255.

    >>> image = np.arange(144.0).reshape(12, 12)
    >>> round(float(fusion_quality(image, image, image)), 12)
    1.0
    """
    return float(np.mean(quality_map(*(Local(image, WANG) for image in (fused, ir, vi)))))


def quality_map(fused: Local, ir: Local, vi: Local) -> np.ndarray:
    """q of every window."""
    weight = share(vi.variance, ir.variance)
    return np.asarray(weight * fused.similarity(vi) + (1 - weight) * fused.similarity(ir))


register("Q_S", title="Piella's fusion quality index", higher_is_better=True, smallest=11, function=fusion_quality,
         variants={"liu": Definition(f"{LIU} metricPeilla.m, case 1", (-1, 1))})

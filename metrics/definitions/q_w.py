"""Q_W: Piella's weighted fusion quality index, Q_S in which windows of large variance count for more.

    Q_W = sum c q / sum c,   c = max(s_A^2, s_B^2),   q as in Q_S

Where both sources are black c = 1/2: liu puts 1/2 in the place of two variances that are 0, which rounding leaves them
in black windows only.
Range -1..1, higher is better; identical pictures give 1. Where neither source has any variance all windows count alike.
Smallest picture 11x11. Piella, Heijmans, "A new quality metric for image fusion", IEEE ICIP 2003.
"""

import numpy as np

from metrics.definitions.q_s import quality_map
from metrics.registry import Definition, register
from metrics.toolboxes import LIU
from metrics.windows import WANG, Local


def weighted_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_W of float64 [H,W].

    >>> image = np.arange(144.0).reshape(12, 12)
    >>> round(float(weighted_quality(image, image, image)), 12)
    1.0
    """
    local_f, local_a, local_b = (Local(image, WANG) for image in (fused, vi, ir))
    importance = np.where(local_a.exact & local_b.exact, 0.5, np.maximum(local_a.variance, local_b.variance))
    return float(np.sum(importance * quality_map(local_f, local_b, local_a)) / importance.sum())


register("Q_W", title="Piella's weighted fusion quality index", higher_is_better=True, smallest=11,
         function=weighted_quality, variants={"liu": Definition(f"{LIU} metricPeilla.m, case 2", (-1, 1))})

"""Q_E: Piella's edge-dependent fusion quality index, and its edge factor alone (Qw of mefb).

    Q_E = Q_W(F, A, B) * Q_W(F', A', B'),   X' = strength of X's Prewitt gradient, zeros outside the picture

Variants: liu as above (metricPeilla.m's own case 3 stops with an error; two calls of its case 2 give this); mefb calls
the second factor "Qw".
Range -1..1, higher is better; identical pictures give 1. The zeros outside give every picture that is not black edges
at its border.
Smallest picture 11x11. Piella, Heijmans, "A new quality metric for image fusion", IEEE ICIP 2003.
"""

import numpy as np
from scipy import ndimage

from metrics.definitions.q_w import weighted_quality
from metrics.registry import Definition, register
from metrics.toolboxes import LIU, MEFB


def edge_dependent_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_E of float64 [H,W] in 0..255.

    >>> image = np.arange(144.0).reshape(12, 12)
    >>> round(float(edge_dependent_quality(image, image, image)), 12)
    1.0
    """
    return weighted_quality(fused, ir, vi) * edge_quality(fused, ir, vi)


def edge_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_W of the edge pictures of float64 [H,W] in 0..255."""
    return weighted_quality(*(edges(image) for image in (fused, ir, vi)))


def edges(image: np.ndarray) -> np.ndarray:
    """Strength of the Prewitt gradient, float64 [H,W]."""
    return np.asarray(np.hypot(*(ndimage.prewitt(image, axis=axis, mode="constant") for axis in (0, 1))))


register("Q_E", title="Piella's edge-dependent fusion quality index", higher_is_better=True, smallest=11,
         function=edge_dependent_quality,
         variants={"liu": Definition(f"{LIU} metricPeilla.m, case 2 twice", (-1, 1))})
register("Qw", title="Piella's weighted fusion quality index of the edge pictures", higher_is_better=True, smallest=11,
         function=edge_quality, variants={"mefb": Definition(f"{MEFB} metricsQw.m", (-1, 1))})

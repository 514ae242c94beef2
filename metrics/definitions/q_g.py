"""Q_G: gradient-based fusion performance as Zheng Liu's toolbox has it, averaged per pixel, not summed as Qabf is.

Sobel with zeros outside the image; g strength, a = arctan(gy / gx) orientation; zeros in gx and in g count as 1e-5, but
where the fused image alone has no edge: there G is 0 for the visible source (1e-5 / g for the infrared one).
For a source S:

    G = min(g_S, g_F) / max(g_S, g_F)      A = | |a_S - a_F| - pi/2 | * 2/pi
    Q_S = 1 / (1 + exp(-10 (G - .5)))  *  1 / (1 + exp(-20 (A - .75)))
    Q_G = mean ( Q_A g_A + Q_B g_B ) / ( g_A + g_B )

Range 0..1 (at most .987), higher is better; identical images give .987.
Xydeas, Petrovic, "Objective image fusion performance measure", Electron. Lett. 2000.
"""

import numpy as np
from scipy import ndimage

from metrics.registry import Definition, register
from metrics.toolboxes import LIU

STRENGTH_SLOPE, STRENGTH_MIDDLE = 10.0, 0.5
ANGLE_SLOPE, ANGLE_MIDDLE = 20.0, 0.75
FAINT = 1e-5  # stands for 0


def mean_edge_preservation(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_G of float64 [H,W] in 0..255.

    >>> image = np.array([[0.0, 0.0, 90.0, 90.0]] * 4)
    >>> round(mean_edge_preservation(image, image, image), 4)
    0.9867
    """
    strength_f, angle_f = _edges(fused)
    kept, available = np.zeros_like(fused), np.zeros_like(fused)
    for source in (vi, ir):
        strength, angle = _edges(source)
        weaker = np.minimum(strength, strength_f)  # the fused image's zeros are still zeros for the visible source
        strength, strength_f = (np.where(of == 0, FAINT, of) for of in (strength, strength_f))
        weaker = np.where(strength > strength_f, weaker, strength)
        relative = weaker / np.maximum(strength, strength_f)
        alike = np.abs(np.abs(angle - angle_f) - np.pi / 2) * 2 / np.pi
        quality = 1 / ((1 + np.exp(-STRENGTH_SLOPE * (relative - STRENGTH_MIDDLE)))
                       * (1 + np.exp(-ANGLE_SLOPE * (alike - ANGLE_MIDDLE))))
        kept += quality * strength
        available += strength
    return float(np.mean(kept / available))


def _edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Strength and orientation."""
    horizontal, vertical = (ndimage.sobel(image, axis=axis, mode="constant") for axis in (1, 0))
    angle = np.arctan(vertical / np.where(horizontal == 0, FAINT, horizontal))
    return np.sqrt(horizontal**2 + vertical**2), angle


register("Q_G", title="Gradient-based fusion performance", higher_is_better=True, function=mean_edge_preservation,
         variants={"liu": Definition(f"{LIU} metricXydeas.m", (0, 1))})

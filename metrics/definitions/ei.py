"""EI: edge intensity, the mean Sobel strength of the fused image.

    EI = mean sqrt( gx^2 + gy^2 ),   gx, gy: Sobel, unscaled ([1 2 1] x [-1 0 1])

Outside the image the edge is repeated; variant zoo has zeros there, which count as an edge.
Range 0..1020 sqrt(2), higher is better. A constant image gives 0 (zoo: its frame).
Rajalingam, Priya, "Hybrid multimodality medical image fusion technique for feature enhancement in medical diagnosis",
Int. J. Eng. Sci. Invent. 2018 (the reference the field gives).
"""

import math

import numpy as np
from scipy import ndimage

from metrics.registry import Definition, agreed, register
from metrics.toolboxes import MEFB, VIFB, ZOO


def edge_intensity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, border: str = "reflect") -> float:
    """Edge intensity of float64 [H,W] in 0..255; the sources are not looked at.

    border: how the image goes on outside: "reflect" (edge repeated) or "zero".

    >>> image = np.array([[0.0, 10.0]] * 3)
    >>> edge_intensity(image, image, image)
    40.0
    """
    mode = "constant" if border == "zero" else "nearest"
    horizontal, vertical = (ndimage.sobel(fused, axis=axis, mode=mode) for axis in (1, 0))
    return float(np.mean(np.sqrt(horizontal**2 + vertical**2)))


BOUNDS = (0, 1020 * math.sqrt(2))
register("EI", title="Edge intensity", higher_is_better=True, function=edge_intensity, variants={
    **agreed({"vifb": f"{VIFB} metricsEdge_intensity.m", "mefb": f"{MEFB} metricsEdge_intensity.m"}, BOUNDS),
    "zoo": Definition(f"{ZOO} EI_function", BOUNDS, {"border": "zero"}),
})

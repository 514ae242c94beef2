"""RMSE as VIFB has it: Euclidean distances from the sources, divided by the number of pixels.

    RMSE = ( ||F - A|| + ||F - B|| ) / (2 M N)

No root mean square error: the divisor is M N, not its root, so the value shrinks with the size of the picture; compare
it on pictures of one size only. Range 0..255, lower is better; identical images give 0.
Zhang, Ye, Xiao, "VIFB: a visible and infrared image fusion benchmark", CVPR Workshops 2020.
"""

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import VIFB


def distance_per_pixel(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """RMSE of float64 [H,W] in 0..255.

    >>> image = np.zeros((2, 2))
    >>> distance_per_pixel(image, image + 2, image + 4)
    1.5
    """
    return float(np.sqrt(np.sum((ir - fused) ** 2)) + np.sqrt(np.sum((vi - fused) ** 2))) / (2 * fused.size)


register("RMSE", title="Distance per pixel (VIFB's root mean square error)", higher_is_better=False,
         function=distance_per_pixel, variants={"vifb": Definition(f"{VIFB} metricsRmse.m", (0, 255))})

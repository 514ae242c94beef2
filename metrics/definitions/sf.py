"""SF: spatial frequency, the root mean square of first differences along rows and columns.

    SF = sqrt( RF^2 + CF^2 ),   RF^2 = mean over the M x (N-1) differences along rows, CF^2 = over the (M-1) x N others

Variants vifb and mefb divide both sums by M*N. Range 0..255*sqrt(2), higher is better. A constant image gives 0.
Eskicioglu, Fisher, "Image quality measures and their performance", IEEE Trans. Commun. 1995.
"""

import math

import numpy as np

from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, MEFB, SMFNET, TANG, VIFB, ZOO


def spatial_frequency(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, over_all_pixels: bool = False) -> float:
    """Spatial frequency of float64 [H,W] in 0..255, H, W >= 2; the sources are not looked at.

    over_all_pixels: divide both sums of squares by H*W instead of the number of differences.

    >>> image = np.array([[0.0, 3.0], [4.0, 7.0]])
    >>> float(spatial_frequency(image, image, image))
    5.0
    """
    along_rows, along_columns = np.diff(fused, axis=1) ** 2, np.diff(fused, axis=0) ** 2
    if over_all_pixels:
        return float(np.sqrt((along_rows.sum() + along_columns.sum()) / fused.size))
    return float(np.sqrt(along_rows.mean() + along_columns.mean()))


BOUNDS = (0, 255 * math.sqrt(2))
register("SF", title="Spatial frequency", higher_is_better=True, smallest=2, function=spatial_frequency, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.SF", "smfnet-ablation": f"{SMFNET} Evaluator.SF",
              "cddfuse": f"{CDDFUSE} Evaluator.SF", "tang": f"{TANG} SF_evaluation.m", "zoo": f"{ZOO} SF_function"},
             BOUNDS),
    **agreed({"vifb": f"{VIFB} metricsSpatial_frequency.m", "mefb": f"{MEFB} metricsSpatial_frequency.m"}, BOUNDS,
             {"over_all_pixels": True}),
})

"""SF: spatial frequency, the root mean square of first differences along rows and columns.

    SF = sqrt( RF^2 + CF^2 ),   RF^2 = mean over the M x (N-1) differences along rows, CF^2 = over the (M-1) x N others

Variant vifb divides both sums by M*N. Range 0..255*sqrt(2), higher is better. A constant image gives 0.
Eskicioglu, Fisher, "Image quality measures and their performance", IEEE Trans. Commun. 1995.
"""

import math

import numpy as np

from metrics.picture import Picture, row_blocks
from metrics.registry import CDDFUSE, SMFNET, TANG, VIFB, Definition, register


def spatial_frequency(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, over_all_pixels: bool = False) -> float:
    """Spatial frequency of float64 [H,W] in 0..255, H, W >= 2; the sources are not looked at.

    over_all_pixels: divide both sums of squares by H*W instead of the number of differences.

    >>> image = np.array([[0.0, 3.0], [4.0, 7.0]])
    >>> float(spatial_frequency(image, image, image))
    5.0
    """
    along_rows, along_columns = np.diff(fused, axis=1) ** 2, np.diff(fused, axis=0) ** 2
    if over_all_pixels:
        return np.sqrt((along_rows.sum() + along_columns.sum()) / fused.size)
    return np.sqrt(along_rows.mean() + along_columns.mean())


def fast(fused: Picture, ir: Picture, vi: Picture, *, over_all_pixels: bool = False) -> float:
    height, width = fused.shape
    along_rows = along_columns = 0.0
    for rows in row_blocks(height, width):
        block = fused.rows(rows.start, rows.stop + 1)
        along_rows += _squares(np.diff(block[:rows.stop - rows.start], axis=1))
        along_columns += _squares(np.diff(block, axis=0))
    if over_all_pixels:
        return math.sqrt((along_rows + along_columns) / fused.size)
    return math.sqrt(along_rows / (height * (width - 1)) + along_columns / ((height - 1) * width))


def _squares(differences: np.ndarray) -> float:
    return np.dot(differences.ravel(), differences.ravel())


BOUNDS = (0, 255 * math.sqrt(2))
register("SF", title="Spatial frequency", higher_is_better=True, smallest=2, function=spatial_frequency, fast=fast,
         variants={
             "smfnet": Definition(f"{SMFNET} Evaluator.SF", BOUNDS),
             "smfnet-ablation": Definition(f"{SMFNET} Evaluator.SF", BOUNDS),
             "cddfuse": Definition(f"{CDDFUSE} Evaluator.SF", BOUNDS),
             "vifb": Definition(f"{VIFB} metricsSpatial_frequency.m", BOUNDS, {"over_all_pixels": True}),
             "tang": Definition(f"{TANG} SF_evaluation.m", BOUNDS),
         })

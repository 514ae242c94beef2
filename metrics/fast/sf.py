"""SF's fast path: a block of rows at a time."""

import math

import numpy as np

from metrics.definitions.sf import spatial_frequency
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of


@fast_path_of(spatial_frequency)
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
    return float(np.dot(differences.ravel(), differences.ravel()))

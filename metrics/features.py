"""Features of pictures that several metrics share, used as `picture.of(feature, ...)`, and derivatives."""

import cv2
import numpy as np

from metrics.picture import Picture, row_blocks

LEVELS = np.arange(256.0)


def histogram(picture: Picture) -> np.ndarray:
    """Number of pixels of each level, float64 [256]."""
    return _count([picture.levels])


def joint_histogram(picture: Picture, other: Picture) -> np.ndarray:
    """Number of pixels of each pair of levels, float64 [256, 256]; rows are the picture's."""
    return _count([picture.levels, other.levels])


def _count(levels: list[np.ndarray]) -> np.ndarray:
    bins, limits = [256] * len(levels), [0, 256] * len(levels)
    (height, width), counts = levels[0].shape, np.zeros(bins)
    for rows in row_blocks(height, width, pixels=2**24):  # OpenCV counts in float32: exact up to 2^24
        counts += cv2.calcHist([part[rows] for part in levels], list(range(len(levels))), None, bins, limits,
                               ).astype(np.float64).reshape(bins)
    return counts


def product(picture: Picture, other: Picture) -> int:
    """Sum of the products of two 8-bit pictures, exact."""
    if other is picture:
        return int(LEVELS**2 @ picture.of(histogram))
    return int(LEVELS @ picture.of(joint_histogram, other) @ LEVELS)


def comoment(picture: Picture, other: Picture) -> int:
    """n^2 times the covariance of two 8-bit pictures, exact."""
    total, other_total = (int(LEVELS @ one.of(histogram)) for one in (picture, other))
    return int(picture.size * picture.of(product, other) - total * other_total)


def derivatives(picture: Picture, rows: slice, size: int, border: str) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical derivative of some rows, unscaled, new float64 arrays [rows,W].

    size: 3 for the Sobel operator, 1 for the difference of the neighbours on both sides.
    border: how the picture goes on outside: "zero", "reflect" (edge repeated) or "mirror" (edge not repeated).
    """
    mode = {"zero": cv2.BORDER_CONSTANT, "reflect": cv2.BORDER_REFLECT, "mirror": cv2.BORDER_REFLECT_101}[border]
    start, stop = max(rows.start - 1, 0), min(rows.stop + 1, picture.shape[0])
    inside = slice(rows.start - start, rows.stop - start)
    depth = cv2.CV_16S if picture.is_8bit else cv2.CV_64F  # whole numbers up to 1020: exact in 16 bits, and faster
    horizontal, vertical = (cv2.Sobel(picture.image[start:stop], depth, dx, dy, ksize=size, borderType=mode)[inside]
                            .astype(np.float64) for dx, dy in ((1, 0), (0, 1)))
    return horizontal, vertical

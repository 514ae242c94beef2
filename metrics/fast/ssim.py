"""SSIM's fast path: moments by blocks of rows, those of the sources once; sums over 8-bit pixels are exact."""

import cv2
import numpy as np

from metrics import filters
from metrics.definitions.ssim import FLAT, UNIFORM, Window, structural_similarity
from metrics.picture import Arrays, Picture, row_blocks
from metrics.registry import fast_path_of


@fast_path_of(structural_similarity)
def fast(fused: Picture, ir: Picture, vi: Picture, *, window: Window = UNIFORM, data_range: float = 255,
         halved: bool = False) -> float:
    total = 0.0
    height, width = (side - (0 if window.whole_image else len(window.kernel) - 1) for side in fused.shape)
    exact = all(_exact(picture, window) for picture in (fused, ir, vi))
    for rows in row_blocks(height, width):
        block = _block(fused, rows, window)
        moments = fused.part(_moments, rows, height, window)
        for source in (ir, vi):
            moments_s = source.part(_moments, rows, height, window)
            covariance = _product_sums(block, _block(source, rows, window), window, exact)
            covariance *= window.weight
            product = moments[0] * moments_s[0]
            covariance -= product
            if not exact:
                np.copyto(covariance, 0, where=(moments[1] == 0) | (moments_s[1] == 0))
            total += _similarity(moments, moments_s, product, covariance, window, data_range)
    mean: float = total / (height * width)
    return mean / 2 if halved else mean


def _exact(picture: Picture, window: Window) -> bool:
    """Sums over whole numbers, unscaled: no rounding, so flat windows have no variance and no covariance."""
    return picture.is_8bit and not window.gaussian


def _product_sums(first: np.ndarray, second: np.ndarray, window: Window, exact: bool) -> np.ndarray:
    """Weighted sums of the product over every window."""
    if exact:
        return filters.window_sums(cv2.multiply(first, second, dtype=cv2.CV_16U), len(window.kernel))
    return filters.valid(first.astype(np.float64) * second, window.kernel)


def _block(picture: Picture, rows: slice, window: Window) -> np.ndarray:
    """The pixels that some rows of windows look at, less the offset; uint8 where the sums are exact."""
    size = len(window.kernel)
    if _exact(picture, window):
        return picture.image[rows.start:rows.stop + size - 1]
    if not window.whole_image:
        return picture.rows(rows.start, rows.stop + size - 1) - window.offset
    edge, (height, width) = size // 2, picture.shape
    around = np.clip(np.arange(rows.start - edge, rows.stop + edge), 0, height - 1)
    across = np.clip(np.arange(-edge, width + edge), 0, width - 1)
    return np.asarray(picture.image[around][:, across] - window.offset)


def _moments(picture: Picture, rows: slice, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Per window: the sum w m of the pixels less the offset, and w^2 times the variance before the correction."""
    block, exact = _block(picture, rows, window), _exact(picture, window)
    sums = filters.window_sums(block, len(window.kernel)) if exact else filters.valid(block, window.kernel)
    variance = _product_sums(block, block, window, exact)
    variance *= window.weight
    variance -= sums * sums
    if not exact:
        np.copyto(variance, 0, where=variance < FLAT * window.weight**2)
    return sums, variance


def _similarity(moments_f: Arrays, moments_s: Arrays, product: np.ndarray, covariance: np.ndarray, window: Window,
                data_range: float) -> float:
    """Sum of S over a block of windows; both factors above and below the line are w^2 times those of the formula.

    product: of the two sums of pixels less the offset. It and `covariance` are written to.
    """
    (sums_f, variance_f), (sums_s, variance_s) = moments_f, moments_s
    scale = window.weight**2
    c1, c2 = (0.01 * data_range) ** 2 * scale, (0.03 * data_range) ** 2 * scale / window.correction
    if window.offset:
        sums_f, sums_s = sums_f + window.weight * window.offset, sums_s + window.weight * window.offset
        product = sums_f * sums_s
    below = sums_f * sums_f
    below += sums_s * sums_s
    below += c1
    spread = variance_f + variance_s
    spread += c2
    below *= spread
    covariance += c2 / 2  # the two factors 2 above the line are taken out of the sum
    product += c1 / 2
    covariance *= product
    covariance /= below
    return float(4 * covariance.sum())

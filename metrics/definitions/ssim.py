"""SSIM: structural similarity of the fused image with each source, summed.

    S = (2 m_X m_Y + C1) (2 s_XY + C2) / ( (m_X^2 + m_Y^2 + C1) (s_X^2 + s_Y^2 + C2) ),   C1 = (.01 L)^2, C2 = (.03 L)^2
    SSIM = mean S(F, A) + mean S(F, B)

Variants, L being the data range:

    smfnet                     7x7 uniform window, sample covariance (48 for 49), windows inside the image, L = 255
    smfnet-ablation, cddfuse   the same with L = 2, scikit-image's silent default for float images before 0.20
    vifb                       11x11 Gaussian, sigma 1.5, windows inside the image, L = 255
    tang                       11x11 Gaussian, sigma 1.5, edge repeated, L = 1 (MATLAB's default for doubles, though
                               the images are in 0..255), and half the sum

Range -2..2 (tang -1..1), higher is better. Identical images give 2 (tang 1). Windows with a variance below 1e-9 count
as flat. Smallest image 7x7, 11x11 for the Gaussians.
Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", IEEE Trans. Image Process. 2004.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from metrics import filters
from metrics.picture import Picture, row_blocks
from metrics.registry import CDDFUSE, SMFNET, TANG, VIFB, Definition, register


@dataclass(frozen=True)
class Window:
    """How local moments are taken."""

    gaussian: bool
    whole_image: bool = False

    @property
    def kernel(self) -> np.ndarray:
        # the uniform window is left unscaled: sums over 8-bit pixels are then exact
        return filters.gaussian(11, 1.5) if self.gaussian else np.ones(7)

    @property
    def weight(self) -> float:
        return 1.0 if self.gaussian else 49.0

    @property
    def correction(self) -> float:
        return 1.0 if self.gaussian else 49 / 48

    @property
    def offset(self) -> float:
        """Taken off the pixels first: covariances stay as they are and lose fewer digits."""
        return 128.0 if self.gaussian else 0.0


# Rounding leaves some 1e-11 in a flat window, which C2 = 9e-4 (L = 1) would not hide. 8-bit pixels have no variance
# between 0 and 1e-6.
FLAT = 1e-9
UNIFORM, GAUSSIAN, GAUSSIAN_WHOLE = Window(False), Window(True), Window(True, whole_image=True)


def structural_similarity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, window: Window = UNIFORM,
                          data_range: float = 255, halved: bool = False) -> float:
    """Summed SSIM of float64 [H,W] in 0..255.

    halved: half the sum.

    >>> image = np.arange(100.0).reshape(10, 10)
    >>> round(float(structural_similarity(image, image, image)), 12)
    2.0
    """
    smooth = filters.plain_replicate if window.whole_image else filters.plain_valid

    def average(image: np.ndarray) -> np.ndarray:
        return smooth(image, window.kernel) / window.weight

    def similarity(first: np.ndarray, second: np.ndarray) -> float:
        first, second = first - window.offset, second - window.offset
        mean_1, mean_2 = average(first), average(second)
        variance_1 = (average(first * first) - mean_1 * mean_1) * window.correction
        variance_2 = (average(second * second) - mean_2 * mean_2) * window.correction
        covariance = (average(first * second) - mean_1 * mean_2) * window.correction
        flat_1, flat_2 = variance_1 < FLAT, variance_2 < FLAT
        variance_1[flat_1], variance_2[flat_2], covariance[flat_1 | flat_2] = 0, 0, 0
        mean_1, mean_2 = mean_1 + window.offset, mean_2 + window.offset
        c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
        return np.mean((2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
                       / ((mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2)))

    total = similarity(fused, ir) + similarity(fused, vi)
    return total / 2 if halved else total


def fast(fused: Picture, ir: Picture, vi: Picture, *, window: Window = UNIFORM, data_range: float = 255,
         halved: bool = False) -> float:
    height, width = (side - (0 if window.whole_image else len(window.kernel) - 1) for side in fused.shape)
    exact = all(_exact(picture, window) for picture in (fused, ir, vi))
    total = 0.0
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
    total /= height * width
    return total / 2 if halved else total


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
    return picture.image[around][:, across] - window.offset


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


def _similarity(moments_f: tuple[np.ndarray, np.ndarray], moments_s: tuple[np.ndarray, np.ndarray],
                product: np.ndarray, covariance: np.ndarray, window: Window, data_range: float) -> float:
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
    return 4 * covariance.sum()


LEGACY = {"window": UNIFORM, "data_range": 2}
for smallest, variants in (
    (7, {
        "smfnet": Definition(f"{SMFNET} Evaluator.SSIM (data_range=255)", (-2, 2)),
        "smfnet-ablation": Definition(f"{SMFNET} Evaluator.SSIM (data_range=2; found by running)", (-2, 2), LEGACY),
        "cddfuse": Definition(f"{CDDFUSE} Evaluator.SSIM", (-2, 2), LEGACY),
    }),
    (11, {
        "vifb": Definition(f"{VIFB} metricsSsim.m", (-2, 2), {"window": GAUSSIAN}),
        "tang": Definition(f"{TANG} analysis_Reference.m", (-1, 1),
                           {"window": GAUSSIAN_WHOLE, "data_range": 1, "halved": True}),
    }),
):
    register("SSIM", title="Structural similarity", higher_is_better=True, smallest=smallest,
             function=structural_similarity, fast=fast, variants=variants)

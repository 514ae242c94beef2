"""MS-SSIM: Wang's multiscale structural similarity of the fused image with each source, summed.

    CS = (2 s_XY + C2) / (s_X^2 + s_Y^2 + C2),   S = (2 m_X m_Y + C1) / (m_X^2 + m_Y^2 + C1) * CS
    MS-SSIM = (mean CS_1)^w1 ... (mean CS_4)^w4 (mean S_5)^w5,   w = .0448, .2856, .3001, .2363, .1333

on five scales, 11x11 Gaussian windows of sigma 1.5, C1 = (.01 L)^2, C2 = (.03 L)^2.

Variants:

    zoo            windows inside; a scale is the means of 2 x 2 pixels of the one above, an odd side with a line of
                   zeros before it; means below 0 count as 0; L = 1 for images in 0..255 (the toolbox multiplies both
                   by 255)
    smfnet-unused  windows over the whole image, mirrored at its edge; scales by OpenCV's bilinear resizing; L = 255;
                   only the half of the infrared image, as that of the visible one comes out as 0 (its scales are
                   overwritten and their CS never stored); nan where a mean is below 0

Both toolboxes compute in float32, zoo on squares up to 4e9: its own digits are good to 4e-4.
Range 0..2 (smfnet-unused 0..1), higher is better; identical images give 2 (1), and so do constants of one level.
Smallest image: zoo 161x161, smfnet-unused 16x16. tang's and huili's "MS_SSIM" is `metrics.definitions.mef_ssim`.
Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from metrics import filters
from metrics.registry import Definition, register
from metrics.toolboxes import SMFNET, ZOO

KERNEL = filters.gaussian(11, 1.5)
OFFSET = 128.0  # taken off the pixels first: variances stay as they are and lose fewer digits
FLAT = 1e-9  # variances below this are rounding, which C2 = 9e-4 (L = 1) would not hide
WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


@dataclass(frozen=True)
class Rules:
    """Where the two toolboxes differ."""

    whole_image: bool  # windows over the whole image, scales by resizing; else windows inside, scales by means
    data_range: float
    both_sources: bool

    @property
    def constants(self) -> tuple[float, float]:
        return (0.01 * self.data_range) ** 2, (0.03 * self.data_range) ** 2

    def halved(self, image: np.ndarray) -> np.ndarray:
        """The next scale: [H,W] -> [H//2,W//2], or ceil(H/2), ceil(W/2) by means."""
        height, width = image.shape
        if self.whole_image:
            return cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_LINEAR)
        image = np.pad(image, [(side % 2, 0) for side in image.shape])
        return np.asarray((image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4)

    def product(self, of_scales: list[float]) -> float:
        """Of one source's means, CS on all scales but the last, S there."""
        means = np.array(of_scales)
        if self.whole_image:
            return math.nan if means.min() < 0 else float(np.prod(means**WEIGHTS))
        return float(np.prod(np.maximum(means, 0) ** WEIGHTS))


SMFNET_RULES = Rules(whole_image=True, data_range=255, both_sources=False)
ZOO_RULES = Rules(whole_image=False, data_range=1, both_sources=True)


def multiscale_similarity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, rules: Rules = SMFNET_RULES) -> float:
    """Summed MS-SSIM of float64 [H,W] in 0..255.

    >>> image = np.add.outer(np.arange(32.0), np.arange(32.0) ** 2 % 97)
    >>> round(multiscale_similarity(image, image, image), 12)
    1.0
    """
    return sum(_of_source(fused, source, rules) for source in ((ir, vi) if rules.both_sources else (ir,)))


def _of_source(fused: np.ndarray, source: np.ndarray, rules: Rules) -> float:
    of_scales = []
    for scale in range(len(WEIGHTS)):
        if scale:
            fused, source = rules.halved(fused), rules.halved(source)
        of_scales.append(_mean(fused, source, rules, with_luminance=scale == len(WEIGHTS) - 1))
    return rules.product(of_scales)


def _mean(first: np.ndarray, second: np.ndarray, rules: Rules, with_luminance: bool) -> float:
    """Mean CS of one scale, or mean S."""
    def smooth(image: np.ndarray) -> np.ndarray:
        if not rules.whole_image:
            return filters.plain_valid(image, KERNEL)
        for axis in (0, 1):
            image = ndimage.correlate1d(image, KERNEL, axis=axis, mode="mirror")
        return image

    first, second = first - OFFSET, second - OFFSET
    mean_1, mean_2 = smooth(first), smooth(second)
    variance_1, variance_2 = smooth(first * first) - mean_1**2, smooth(second * second) - mean_2**2
    covariance = smooth(first * second) - mean_1 * mean_2
    flat_1, flat_2 = variance_1 < FLAT, variance_2 < FLAT
    variance_1[flat_1], variance_2[flat_2], covariance[flat_1 | flat_2] = 0, 0, 0
    c1, c2 = rules.constants
    similarity = (2 * covariance + c2) / (variance_1 + variance_2 + c2)
    if with_luminance:
        mean_1, mean_2 = mean_1 + OFFSET, mean_2 + OFFSET
        similarity *= (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
    return float(np.mean(similarity))


TITLE = "Multiscale structural similarity"
register("MS_SSIM", title=TITLE, higher_is_better=True, smallest=16, function=multiscale_similarity,
         variants={"smfnet-unused": Definition(f"{SMFNET} Evaluator.MS_SSIM", (0, 1), {"rules": SMFNET_RULES})})
register("MS_SSIM", title=TITLE, higher_is_better=True, smallest=161, function=multiscale_similarity,
         variants={"zoo": Definition(f"{ZOO} MS_SSIM_function", (0, 2), {"rules": ZOO_RULES})})

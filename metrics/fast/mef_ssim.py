"""MEF-SSIM's fast path: the desired block depends on the sources alone, so its factors and variance are taken once."""

import cv2
import numpy as np

from metrics import filters
from metrics.definitions.mef_ssim import (
    KERNEL,
    PIXELS,
    SIDE,
    WEIGHTS,
    C,
    desired_shares,
    exposure_similarity,
    halved,
    product,
)
from metrics.picture import Picture
from metrics.registry import fast_path_of

EDGE = SIDE // 2


@fast_path_of(exposure_similarity)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    return product([_mean(fused.of(_scales)[scale], *vi.of(_desired, ir)[scale]) for scale in range(len(WEIGHTS))])


def _scales(picture: Picture) -> list[np.ndarray]:
    found = [picture.pixels]
    for _ in WEIGHTS[1:]:
        found.append(halved(found[-1]))
    return found


def _desired(vi: Picture, ir: Picture) -> list[tuple[np.ndarray, ...]]:
    """Per scale: both sources, the factors of their blocks in the desired block, its mean, its variance plus C."""
    found: list[tuple[np.ndarray, ...]] = []
    for of_vi, of_ir in zip(vi.of(_scales), ir.of(_scales)):
        squares = _squares(of_vi), _squares(of_ir)
        factors = desired_shares(*squares, (_squares(of_vi + of_ir) - squares[0] - squares[1]) / 2)
        means = filters.valid(of_vi, KERNEL), filters.valid(of_ir, KERNEL)
        variance = C + sum(factor**2 * (filters.valid(image * image, KERNEL) - mean * mean)
                           for factor, image, mean in zip(factors, (of_vi, of_ir), means))
        variance += 2 * factors[0] * factors[1] * (filters.valid(of_vi * of_ir, KERNEL) - means[0] * means[1])
        found.append((of_vi, of_ir, *factors, factors[0] * means[0] + factors[1] * means[1], variance))
    return found


def _mean(fused: np.ndarray, vi: np.ndarray, ir: np.ndarray, factor_a: np.ndarray, factor_b: np.ndarray,
          desired_mean: np.ndarray, below: np.ndarray) -> float:
    """Mean q of one scale."""
    mean, variance = filters.valid(fused, KERNEL), filters.valid(fused * fused, KERNEL)
    variance -= mean * mean
    variance += below
    quality = filters.valid(fused * vi, KERNEL) * factor_a
    quality += filters.valid(fused * ir, KERNEL) * factor_b
    quality -= mean * desired_mean
    quality += C / 2
    quality /= variance
    return 2 * float(quality.mean())


def _squares(image: np.ndarray) -> np.ndarray:
    """||x - m||^2 of every block; the sums are exact for multiples of 1/16."""
    def sums(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(values, cv2.CV_64F, (SIDE, SIDE), normalize=False)[EDGE:-EDGE, EDGE:-EDGE]

    found = sums(image * image)
    found -= sums(image) ** 2 / PIXELS
    return np.asarray(np.maximum(found, 0, out=found))

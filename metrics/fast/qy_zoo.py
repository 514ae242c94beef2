"""The fast path of zoo's Qy: the sources' moments and their similarity once."""

import cv2
import numpy as np

from metrics.definitions.q_y import ALIKE
from metrics.definitions.qy_zoo import C1, C2, ROW, TINY, slipped_quality
from metrics.picture import Picture
from metrics.registry import fast_path_of

COLUMN = np.ones(len(ROW))


@fast_path_of(slipped_quality)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    kept_a, kept_b = _similarity(fused, ir), _similarity(fused, vi)
    alike, weight = ir.of(_sources, vi)
    larger = np.maximum(kept_a, kept_b)
    kept_a -= kept_b
    kept_a *= weight
    kept_a += kept_b
    return float(np.where(alike, kept_a, larger).mean())


def _sources(ir: Picture, vi: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Where the sources are alike, and the share of the infrared one."""
    variance = ir.of(_moments)[1]
    return _similarity(ir, vi) >= ALIKE, variance / (variance + vi.of(_moments)[1] + TINY)


def _moments(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
    pixels = picture.pixels
    mean, variance = _mean(pixels), _mean(pixels * pixels)
    variance -= mean * mean
    return mean, variance


def _similarity(first: Picture, second: Picture) -> np.ndarray:
    (mean_1, variance_1), (mean_2, variance_2) = first.of(_moments), second.of(_moments)
    product = mean_1 * mean_2
    found = _mean(first.pixels * second.pixels)
    found -= product
    found += C2 / 2
    product += C1 / 2
    found *= product
    below = mean_1 * mean_1
    below += mean_2 * mean_2
    below += C1
    spread = variance_1 + variance_2
    spread += C2
    below *= spread
    found /= below
    found *= 4
    return found


def _mean(image: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(image, cv2.CV_64F, ROW, COLUMN, borderType=cv2.BORDER_CONSTANT)

"""MS-SSIM's fast path: the sources' scales and moments once."""

import cv2
import numpy as np

from metrics import filters
from metrics.definitions.ms_ssim import FLAT, KERNEL, OFFSET, SMFNET_RULES, WEIGHTS, Rules, multiscale_similarity
from metrics.picture import Picture
from metrics.registry import fast_path_of

LAST = len(WEIGHTS) - 1


@fast_path_of(multiscale_similarity)
def fast(fused: Picture, ir: Picture, vi: Picture, *, rules: Rules = SMFNET_RULES) -> float:
    return sum(rules.product([_mean(fused, source, scale, rules) for scale in range(len(WEIGHTS))])
               for source in ((ir, vi) if rules.both_sources else (ir,)))


def _scales(picture: Picture, rules: Rules) -> list[np.ndarray]:
    """The picture on every scale, less the offset."""
    found = [picture.pixels]
    for _ in range(LAST):
        found.append(rules.halved(found[-1]))
    return [image - OFFSET for image in found]


def _moments(picture: Picture, rules: Rules) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean less the offset, and variance, of every window on every scale."""
    found = []
    for image in picture.of(_scales, rules):
        mean, variance = _smooth(image, rules), _smooth(image * image, rules)
        variance -= mean * mean
        np.copyto(variance, 0, where=variance < FLAT)
        found.append((mean, variance))
    return found


def _smooth(image: np.ndarray, rules: Rules) -> np.ndarray:
    if rules.whole_image:
        return cv2.sepFilter2D(image, cv2.CV_64F, KERNEL, KERNEL, borderType=cv2.BORDER_REFLECT_101)
    return filters.valid(image, KERNEL)


def _mean(fused: Picture, source: Picture, scale: int, rules: Rules) -> float:
    """Mean CS, on the last scale mean S."""
    image_f, image_s = fused.of(_scales, rules)[scale], source.of(_scales, rules)[scale]
    (mean_f, variance_f), (mean_s, variance_s) = fused.of(_moments, rules)[scale], source.of(_moments, rules)[scale]
    similarity = _smooth(image_f * image_s, rules)
    similarity -= mean_f * mean_s
    np.copyto(similarity, 0, where=(variance_f == 0) | (variance_s == 0))
    c1, c2 = rules.constants
    similarity += c2 / 2
    similarity /= variance_f + variance_s + c2
    if scale == LAST:
        mean_f, mean_s = mean_f + OFFSET, mean_s + OFFSET
        similarity *= (2 * mean_f * mean_s + c1) / (mean_f * mean_f + mean_s * mean_s + c1)
    return 2 * float(similarity.mean())

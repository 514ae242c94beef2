"""Q_M's fast path: the sources' details and weights once."""

import math

import cv2
import numpy as np

from metrics.definitions.q_m import EXPONENTS, haar, multiscale_quality
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(multiscale_quality)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    result = 1.0
    for level, exponent in enumerate(EXPONENTS):
        kept = available = 0.0
        for source in (ir, vi):
            weight, total = source.of(_weights)[level]
            for of_source, of_fused in zip(source.of(_details)[level], fused.of(_details)[level]):
                away = cv2.absdiff(of_source, of_fused)
                kept += float(np.vdot(weight, cv2.exp(np.negative(away, out=away))))
            available += total
        result *= (kept / available) ** exponent if available else math.nan
    return result


def _details(picture: Picture) -> list[np.ndarray]:
    """Horizontal, vertical and diagonal details of every level: float64 [3,h,w]."""
    image, found = picture.pixels, []
    for _ in EXPONENTS:
        image, details = haar(image)
        found.append(details)
    return found


def _weights(picture: Picture) -> list[tuple[np.ndarray, float]]:
    """W of every level, and its sum."""
    weights = [np.sum(details**2, axis=0) for details in picture.of(_details)]
    return [(weight, float(weight.sum())) for weight in weights]

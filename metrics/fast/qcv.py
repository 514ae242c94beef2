"""Qcv's fast path: the sources' saliency and filtered pictures once; the fused picture's transform is shared with
Qcb."""

import math

import numpy as np
from scipy import ndimage

from metrics.definitions.qcb import CHEN_BLUM
from metrics.definitions.qcv import BLOCK, EXPONENT, block_sums, perceptual_error, seen
from metrics.fast.qcb import spectrum
from metrics.picture import Picture
from metrics.registry import fast_path_of
from metrics.stretching import stretched


@fast_path_of(perceptual_error)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    error = total = 0.0
    for source in (vi, ir):
        saliency = source.of(_saliency)
        difference = source.of(_seen) - fused.of(_seen)
        difference *= difference
        error += float(np.vdot(saliency, block_sums(difference))) / BLOCK**2
        total += float(saliency.sum())
    return error / total if total else math.nan


def _seen(picture: Picture) -> np.ndarray:
    return seen(picture.of(spectrum, CHEN_BLUM), picture.shape)


def _saliency(picture: Picture) -> np.ndarray:
    """Per block: [ceil(H/16),ceil(W/16)]."""
    image = stretched(picture.pixels)
    return block_sums(np.hypot(*(ndimage.sobel(image, axis=axis, mode="constant") for axis in (0, 1))) ** EXPONENT)

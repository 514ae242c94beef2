"""Qcb's fast path: the sources' masked contrast and weights once. The filters are the plain definition's own, for in
black areas the value is their rounding."""

import numpy as np
from scipy import fft

from metrics.definitions.qcb import CHEN_BLUM, Rules, masked, perceptual_quality
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of


@fast_path_of(perceptual_quality)
def fast(fused: Picture, ir: Picture, vi: Picture, *, rules: Rules = CHEN_BLUM) -> float:
    of_fused = fused.of(contrast, rules)
    total = 0.0
    with np.errstate(invalid="ignore"):
        for of_source, weight in zip((vi.of(contrast, rules), ir.of(contrast, rules)), vi.of(_weights, ir, rules)):
            for rows in row_blocks(*fused.shape):
                kept = np.minimum(of_source[rows], of_fused[rows])
                kept /= np.maximum(of_source[rows], of_fused[rows])
                total += float(np.vdot(kept, weight[rows]))
    return total / fused.size


def contrast(picture: Picture, rules: Rules) -> np.ndarray:
    """m of every pixel."""
    return masked(picture.of(spectrum, rules), picture.shape, rules)


def spectrum(picture: Picture, rules: Rules) -> np.ndarray:
    """Fourier coefficients of the stretched picture: complex [H,W//2+1]."""
    return np.asarray(fft.rfft2(rules.prepared(picture.pixels)))


def _weights(vi: Picture, ir: Picture, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    squares = vi.of(contrast, rules) ** 2, ir.of(contrast, rules) ** 2
    with np.errstate(invalid="ignore"):
        below = squares[0] + squares[1] + rules.tiny
        return squares[0] / below, squares[1] / below

"""VIF: visual information fidelity in the pixel domain, of the fused image with each source, summed.

On four scales, X the source, F the fused image, windows Gaussian of 17, 9, 5, 3 taps (sigma = taps / 5):

    g = s_XF / s_X^2,   s_v^2 = s_F^2 - g s_XF
    VIF = sum log10( 1 + g^2 s_X^2 / (s_v^2 + s_n^2) ) / sum log10( 1 + s_X^2 / s_n^2 ),   s_n^2 = 2 on 0..255

Only windows inside the image count. Below the first, a scale is the one above, smoothed with its own window, every
second row and column kept.
Range 0 upwards (1 per source for a copy; more when contrast is raised), higher is better. A constant source is 0/0:
smfnet and cddfuse count it as 1, tang as nan. A constant fused image gives 0.
Smallest image 41x41: below that the fourth scale has no complete window.
Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 2006.
"""

import math

import numpy as np

from metrics import filters
from metrics.picture import Picture, row_blocks
from metrics.registry import CDDFUSE, SMFNET, TANG, Definition, register

WINDOWS = tuple(filters.gaussian(size, size / 5) for size in (17, 9, 5, 3))
NOISE = 2.0
TINY = 1e-10  # variances below this count as none


def information_fidelity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, without_structure: float = 1.0) -> float:
    """Summed VIF of float64 [H,W] in 0..255, H, W >= 41.

    without_structure: what a source that carries no information counts.

    >>> image = np.add.outer(np.arange(64.0), np.arange(64.0) ** 2 % 97)
    >>> round(float(information_fidelity(image, image, image)), 6)
    2.0
    """
    return _plain_fidelity(ir, fused, without_structure) + _plain_fidelity(vi, fused, without_structure)


def _plain_fidelity(source: np.ndarray, fused: np.ndarray, without_structure: float) -> float:
    kept = available = 0.0
    for scale, window in enumerate(WINDOWS):
        if scale:
            source, fused = (filters.plain_valid(image, window)[::2, ::2] for image in (source, fused))
        mean_s, mean_f = filters.plain_valid(source, window), filters.plain_valid(fused, window)
        variance_s = np.maximum(filters.plain_valid(source * source, window) - mean_s**2, 0)
        variance_f = np.maximum(filters.plain_valid(fused * fused, window) - mean_f**2, 0)
        covariance = filters.plain_valid(source * fused, window) - mean_s * mean_f
        gain = covariance / (variance_s + TINY)
        gain[(variance_s < TINY) | (variance_f < TINY) | (gain < 0)] = 0
        variance_s[variance_s < TINY] = 0
        rest = np.maximum(variance_f - gain * covariance, TINY)
        kept += np.sum(np.log10(1 + gain**2 * variance_s / (rest + NOISE)))
        available += np.sum(np.log10(1 + variance_s / NOISE))
    return kept / available if available else without_structure


def fast(fused: Picture, ir: Picture, vi: Picture, *, without_structure: float = 1.0) -> float:
    kept, available = {ir: 0.0, vi: 0.0}, {ir: 0.0, vi: 0.0}
    for scale, window in enumerate(WINDOWS):
        image = fused.of(images)[scale]
        for rows in _blocks(image, window):
            block = _block(image, rows, window)
            mean, variance = _moments(fused, rows, scale)
            for source in (ir, vi):
                joint = filters.valid(block * _block(source.of(images)[scale], rows, window), window)
                mean_s, variance_s = source.part(_moments, rows, len(image) - len(window) + 1, scale)
                kept[source] += _kept(mean, variance, mean_s, variance_s, joint)
                available[source] += _sum_of_logs(variance_s / NOISE + 1)
    return sum(kept[source] / available[source] if available[source] else without_structure for source in (ir, vi))


def images(picture: Picture) -> list[np.ndarray]:
    """The picture on the four scales; the first as it is, the others float64.

    Pixels are not centred: in black backgrounds, where variances come close to TINY, the moments are then exact.
    """
    found = [picture.image]
    for window in WINDOWS[1:]:
        image = found[-1]
        height, width = (side - len(window) + 1 for side in image.shape)
        smaller = np.empty(((height + 1) // 2, (width + 1) // 2))
        for rows in _blocks(image, window):
            smaller[rows.start // 2:(rows.stop + 1) // 2] = filters.valid(_block(image, rows, window), window)[::2, ::2]
        found.append(smaller)
    return found


def _blocks(image: np.ndarray, window: np.ndarray) -> list[slice]:
    """Blocks of rows of windows."""
    return row_blocks(image.shape[0] - len(window) + 1, image.shape[1])


def _block(image: np.ndarray, rows: slice, window: np.ndarray) -> np.ndarray:
    """The pixels that some rows of windows look at."""
    return image[rows.start:rows.stop + len(window) - 1].astype(np.float64)


def _moments(picture: Picture, rows: slice, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every window; a variance below TINY is 0."""
    block = _block(picture.of(images)[scale], rows, WINDOWS[scale])
    mean, variance = filters.valid(block, WINDOWS[scale]), filters.valid(block * block, WINDOWS[scale])
    variance -= mean * mean
    np.copyto(variance, 0, where=variance < TINY)
    return mean, variance


def _kept(mean_f: np.ndarray, variance_f: np.ndarray, mean_s: np.ndarray, variance_s: np.ndarray,
          joint: np.ndarray) -> float:
    """What the fused picture shows of a source: sum of ln(1 + signal / noise) over a block of windows."""
    covariance = joint - mean_f * mean_s
    np.maximum(covariance, 0, out=covariance)  # a negative gain shows nothing
    np.copyto(covariance, 0, where=variance_f == 0)
    gain = covariance / (variance_s + TINY)
    covariance *= gain
    noise = np.subtract(variance_f, covariance, out=covariance)
    np.maximum(noise, TINY, out=noise)
    noise += NOISE
    gain *= gain
    gain *= variance_s
    gain /= noise
    gain += 1
    return _sum_of_logs(gain)


def _sum_of_logs(values: np.ndarray) -> float:
    """Sum of ln, as the logarithms of products of up to 64 rows: each factor is below 1e4."""
    blocks = (values[start:start + 64] for start in range(0, len(values), 64))
    return sum(np.log(np.multiply.reduce(block, axis=0)).sum() for block in blocks)


BOUNDS = (0, math.inf)
register("VIF", title="Visual information fidelity", higher_is_better=True, smallest=41, function=information_fidelity,
         fast=fast, variants={
             "smfnet": Definition(f"{SMFNET} Evaluator.VIFF", BOUNDS),
             "smfnet-ablation": Definition(f"{SMFNET} Evaluator.VIFF", BOUNDS),
             "cddfuse": Definition(f"{CDDFUSE} Evaluator.VIFF", BOUNDS),
             "tang": Definition(f"{TANG} vifp_mscale.m", BOUNDS, {"without_structure": math.nan}),
         })

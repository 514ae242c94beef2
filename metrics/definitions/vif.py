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
# E[x^2] - E[x]^2 leaves some 1e-10 of rounding, and the gain divides by the variance: below this it is taken about the
# window's own mean
NEARLY_FLAT = 1e-5
OFFERED, NEARLY_FLAT_WINDOWS = 0, 1  # columns of what is summed over a source's windows


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
        for row in np.flatnonzero((variance_s < NEARLY_FLAT).any(axis=1)):
            at = np.full_like(found := np.flatnonzero(variance_s[row] < NEARLY_FLAT), row), found
            variance_s[at], covariance[at] = _about_the_mean(source, fused, window, at)
        gain = covariance / (variance_s + TINY)
        gain[(variance_s < TINY) | (variance_f < TINY) | (gain < 0)] = 0
        variance_s[variance_s < TINY] = 0
        rest = np.maximum(variance_f - gain * covariance, TINY)
        kept += np.sum(np.log10(1 + gain**2 * variance_s / (rest + NOISE)))
        available += np.sum(np.log10(1 + variance_s / NOISE))
    return kept / available if available else without_structure


def _about_the_mean(source: np.ndarray, fused: np.ndarray, window: np.ndarray,
                    at: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(variance of the source, covariance) of the windows whose first row and column are given, exact in rounding."""
    weights = np.outer(window, window)
    parts = [np.lib.stride_tricks.sliding_window_view(image, weights.shape)[at] for image in (source, fused)]
    source, fused = (part - np.einsum("nij,ij->n", part, weights)[:, None, None] for part in parts)
    return np.einsum("nij,nij,ij->n", source, source, weights), np.einsum("nij,nij,ij->n", source, fused, weights)


def fast(fused: Picture, ir: Picture, vi: Picture, *, without_structure: float = 1.0) -> float:
    kept, available = {ir: 0.0, vi: 0.0}, {ir: 0.0, vi: 0.0}
    for scale, window in enumerate(WINDOWS):
        image = fused.of(images)[scale]
        for rows in _blocks(image, window):
            block = _block(image, rows, window)
            mean, variance = _moments(block, window)
            flat = None if variance.all() else variance == 0
            for source in (ir, vi):
                block_s = _block(source.of(images)[scale], rows, window)
                mean_s, variance_s, sums = source.part(_as_source, rows, len(image) - len(window) + 1, scale)
                covariance = filters.valid(block * block_s, window)
                covariance -= mean * mean_s
                some = np.flatnonzero(sums[:, NEARLY_FLAT_WINDOWS])
                if some.size:
                    found = _nearly_flat(variance_s[some], 0)
                    at = some[found[0]], found[1]
                    covariance[at] = _about_the_mean(block_s, block, window, at)[1]
                np.maximum(covariance, 0, out=covariance)  # a negative gain shows nothing
                if flat is not None:
                    np.copyto(covariance, 0, where=flat)
                kept[source] += _kept(variance, variance_s, covariance)
                available[source] += sums[:, OFFERED].sum()
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


def _moments(block: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every window; a variance below TINY is 0."""
    mean, variance = filters.valid(block, window), filters.valid(block * block, window)
    variance -= mean * mean
    if variance.min() < TINY:
        np.copyto(variance, 0, where=variance < TINY)
    return mean, variance


def _nearly_flat(variance: np.ndarray, above: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of windows whose variance is above `above` and less than NEARLY_FLAT."""
    near = variance < NEARLY_FLAT
    near &= variance > above
    return np.unravel_index(np.flatnonzero(near), near.shape)


def _as_source(picture: Picture, rows: slice, scale: int) -> tuple[np.ndarray, ...]:
    """Mean and variance of every window; per row, [rows,2], the sum of ln(1 + s_X^2 / s_n^2), a block's in its first
    row, and the number of nearly flat windows."""
    block, window = _block(picture.of(images)[scale], rows, WINDOWS[scale]), WINDOWS[scale]
    mean, variance = _moments(block, window)
    sums = np.zeros((len(variance), 2))
    # the weights of a 17x17 window leave whole numbers no variance between 0 and NEARLY_FLAT
    if (scale or not picture.is_8bit) and variance.min() < NEARLY_FLAT:
        at = _nearly_flat(variance, -1)  # those that came out as 0 too: TINY is for what they really have
        exact = _about_the_mean(block, block, window, at)[0]
        variance[at] = np.where(exact < TINY, 0, exact)
        sums[:, NEARLY_FLAT_WINDOWS] = np.bincount(at[0][exact >= TINY], minlength=len(sums))
    offered = variance * (1 / NOISE)
    offered += 1
    sums[0, OFFERED] = _sum_of_logs(offered)
    return mean, variance, sums


def _kept(variance_f: np.ndarray, variance_s: np.ndarray, covariance: np.ndarray) -> float:
    """What the fused picture shows of a source: sum of ln(1 + signal / noise) over a block of windows, as
    ln(noise + signal) - ln(noise). `covariance` is written to."""
    gain = variance_s + TINY
    np.divide(covariance, gain, out=gain)
    covariance *= gain
    noise = np.subtract(variance_f, covariance, out=covariance)
    np.maximum(noise, TINY, out=noise)
    noise += NOISE
    gain *= gain
    gain *= variance_s
    gain += noise
    return _sum_of_logs(gain) - _sum_of_logs(noise)


def _sum_of_logs(values: np.ndarray) -> float:
    """Sum of ln, as the logarithms of products of up to 64 rows: each factor is below 4e4, and 4e4^64 < 1e308."""
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

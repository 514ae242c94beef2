"""VIF's fast path: separable windows by blocks of rows, the sources' moments once, logarithms of products."""

import numpy as np

from metrics import filters
from metrics.definitions.vif import NEARLY_FLAT, NOISE, TINY, WINDOWS, about_the_mean, information_fidelity
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of

OFFERED, NEARLY_FLAT_WINDOWS = 0, 1  # columns of what is summed over a source's windows


@fast_path_of(information_fidelity)
def fast(fused: Picture, ir: Picture, vi: Picture, *, without_structure: float = 1.0) -> float:
    kept, available = {ir: 0.0, vi: 0.0}, {ir: 0.0, vi: 0.0}
    for scale, window in enumerate(WINDOWS):
        image = fused.of(images)[scale]
        for rows in blocks(image, window):
            block = Block(image, rows, window)
            for source in (ir, vi):
                variance_s, covariance, offered = block.beside(source, scale)
                kept[source] += _kept(block.variance, variance_s, covariance)
                available[source] += offered
    return sum(kept[source] / available[source] if available[source] else without_structure for source in (ir, vi))


class Block:
    """Some rows of windows of the fused picture on one scale."""

    def __init__(self, image: np.ndarray, rows: slice, window: np.ndarray):
        self._rows, self._window, self._height = rows, window, len(image) - len(window) + 1
        self._pixels = _pixels(image, rows, window)
        self._mean, self.variance = _moments(self._pixels, window)
        self._flat = None if self.variance.all() else self.variance == 0

    def beside(self, source: Picture, scale: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Variance of a source (not to be written to), covariance with it, at least 0, and the information in it."""
        pixels = _pixels(source.of(images)[scale], self._rows, self._window)
        mean, variance, sums = source.part(_as_source, self._rows, self._height, scale)
        covariance = filters.valid(self._pixels * pixels, self._window)
        covariance -= self._mean * mean
        some = np.flatnonzero(sums[:, NEARLY_FLAT_WINDOWS])
        if some.size:
            found = _nearly_flat(variance[some], 0)
            at = some[found[0]], found[1]
            covariance[at] = about_the_mean(pixels, self._pixels, self._window, at)[1]
        np.maximum(covariance, 0, out=covariance)  # a negative gain shows nothing
        if self._flat is not None:
            np.copyto(covariance, 0, where=self._flat)
        return variance, covariance, float(sums[:, OFFERED].sum())


def images(picture: Picture) -> list[np.ndarray]:
    """The picture on the four scales; the first as it is, the others float64.

    Pixels are not centred: in black backgrounds, where variances come close to TINY, the moments are then exact.
    """
    found = [picture.image]
    for window in WINDOWS[1:]:
        image = found[-1]
        height, width = (side - len(window) + 1 for side in image.shape)
        smaller = np.empty(((height + 1) // 2, (width + 1) // 2))
        for rows in blocks(image, window):
            smooth = filters.valid(_pixels(image, rows, window), window)
            smaller[rows.start // 2:(rows.stop + 1) // 2] = smooth[::2, ::2]
        found.append(smaller)
    return found


def blocks(image: np.ndarray, window: np.ndarray) -> list[slice]:
    """Blocks of rows of windows."""
    return row_blocks(image.shape[0] - len(window) + 1, image.shape[1])


def _pixels(image: np.ndarray, rows: slice, window: np.ndarray) -> np.ndarray:
    """The pixels that some rows of windows look at."""
    return image[rows.start:rows.stop + len(window) - 1].astype(np.float64)


def _moments(pixels: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every window; a variance below TINY is 0."""
    mean, variance = filters.valid(pixels, window), filters.valid(pixels * pixels, window)
    variance -= mean * mean
    if variance.min() < TINY:
        np.copyto(variance, 0, where=variance < TINY)
    return mean, variance


def _nearly_flat(variance: np.ndarray, above: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of windows whose variance is above `above` and less than NEARLY_FLAT."""
    near = variance < NEARLY_FLAT
    near &= variance > above
    rows, columns = np.unravel_index(np.flatnonzero(near), near.shape)
    return rows, columns


def _as_source(picture: Picture, rows: slice, scale: int) -> tuple[np.ndarray, ...]:
    """Mean and variance of every window; per row, [rows,2], the sum of ln(1 + s_X^2 / s_n^2), a block's in its first
    row, and the number of nearly flat windows."""
    pixels, window = _pixels(picture.of(images)[scale], rows, WINDOWS[scale]), WINDOWS[scale]
    mean, variance = _moments(pixels, window)
    sums = np.zeros((len(variance), 2))
    # the weights of a 17x17 window leave whole numbers no variance between 0 and NEARLY_FLAT
    if (scale or not picture.is_8bit) and variance.min() < NEARLY_FLAT:
        at = _nearly_flat(variance, -1)  # those that came out as 0 too: TINY is for what they really have
        exact = about_the_mean(pixels, pixels, window, at)[0]
        variance[at] = np.where(exact < TINY, 0, exact)
        sums[:, NEARLY_FLAT_WINDOWS] = np.bincount(at[0][exact >= TINY], minlength=len(sums))
    offered = variance * (1 / NOISE)
    offered += 1
    sums[0, OFFERED] = sum_of_logs(offered)
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
    return sum_of_logs(gain) - sum_of_logs(noise)


def sum_of_logs(values: np.ndarray) -> float:
    """Sum of ln, as the logarithms of products of up to 64 rows: each factor is below 4e4, and 4e4^64 < 1e308."""
    parts = (values[start:start + 64] for start in range(0, len(values), 64))
    return float(sum(np.log(np.multiply.reduce(part, axis=0)).sum() for part in parts))

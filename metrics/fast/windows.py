"""`metrics.windows` by blocks of rows, from features of pictures: what the fast paths of Q_S to Q_Y share."""

from collections.abc import Iterator

import numpy as np

from metrics import filters
from metrics.picture import Picture, row_blocks
from metrics.windows import OFFSET, RESIDUE, SAME_LEVEL, Window, is_exact


def blocks(picture: Picture, window: Window) -> tuple[int, list[slice]]:
    """Number of rows of windows, and slices that divide them."""
    height, width = (side - window.size + 1 for side in picture.shape)
    return height, row_blocks(height, width)


class Block:
    """Some rows of windows of one picture.

    Attributes:
        mean, variance: as in metrics.windows.Local, the mean less the offset; not to be written to.
        flat: bool, or None where no window is flat.
    """

    def __init__(self, picture: Picture, rows: slice, height: int, window: Window):
        self.picture, self.rows, self.window = picture, rows, window
        self.pixels = _pixels(picture, rows, window)
        self.mean, self.variance = picture.part(_moments, rows, height, window)
        flat = self.variance <= RESIDUE
        self.flat = flat if flat.any() else None

    @property
    def exact(self) -> np.ndarray | None:
        """Bool, the windows that have no variance at all; None where there is none."""
        return None if self.flat is None else self.variance == 0

    def covariance(self, other: "Block") -> np.ndarray:
        """With another picture, per window; a new array."""
        found = filters.valid(self.pixels * other.pixels, self.window.kernel)
        found -= self.mean * other.mean
        for flat in (self.flat, other.flat):
            if flat is not None:
                np.copyto(found, 0, where=flat)
        if self.flat is not None and other.flat is not None:
            alike = self.flat & other.flat
            alike &= np.abs(self.mean - other.mean) < SAME_LEVEL
            np.copyto(found, self.variance, where=alike)
        return found

    def similarity(self, other: "Block", covariance: np.ndarray) -> np.ndarray:
        """SSIM with another picture, per window; written over the covariance."""
        mean, other_mean = self.mean + OFFSET, other.mean + OFFSET
        above = mean * other_mean
        above += self.window.c1 / 2  # the two factors 2 above the line are taken out
        covariance += self.window.c2 / 2
        covariance *= above
        mean *= mean
        other_mean *= other_mean
        mean += other_mean
        mean += self.window.c1
        below = np.add(self.variance, other.variance, out=other_mean)
        below += self.window.c2
        below *= mean
        covariance /= below
        covariance *= 4
        return covariance


def triples(fused: Picture, ir: Picture, vi: Picture, window: Window) -> Iterator[tuple[Block, Block, Block]]:
    """Blocks of the fused, the visible and the infrared picture (F, A, B)."""
    height, slices = blocks(fused, window)
    for rows in slices:
        yield (Block(fused, rows, height, window), Block(vi, rows, height, window), Block(ir, rows, height, window))


def share(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """first / (first + second), 1/2 where both are 0."""
    total = first + second
    none = total == 0
    if none.any():
        np.copyto(total, 1, where=none)
        found = np.divide(first, total, out=total)
        np.copyto(found, 0.5, where=none)
        return np.asarray(found)
    return np.asarray(np.divide(first, total, out=total))


def _pixels(picture: Picture, rows: slice, window: Window) -> np.ndarray:
    """What some rows of windows look at, less the offset."""
    found = picture.rows(rows.start, rows.stop + window.size - 1)
    found -= OFFSET
    return found


def _moments(picture: Picture, rows: slice, window: Window) -> tuple[np.ndarray, np.ndarray]:
    pixels = _pixels(picture, rows, window)
    mean = filters.valid(pixels, window.kernel)
    variance = filters.valid(pixels * pixels, window.kernel)
    variance -= mean * mean
    flat = variance < window.flat
    if flat.any():
        variance[flat] = np.where(is_exact(mean[flat] + OFFSET, window), 0, RESIDUE)
    return mean, variance

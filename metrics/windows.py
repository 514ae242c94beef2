"""Local moments of pictures under Gaussian windows, and maps of structural similarity: what Q_S, Q_W, Q_E, Q_C and Q_Y
are made of, written plainly.

Only windows inside the picture count. A window without variance is flat. In a toolbox, rounding leaves it a
variance of some 1e-12, far above the constants of 2e-16 that Q_C and Q_Y put beside it. Only where all sums are exact
it leaves none: in black windows, and, as the weights add up to 1 exactly, in windows whose level is a power of two. So
here a flat window has the variance RESIDUE, no covariance with others, and the covariance RESIDUE with a flat window of
the same level: their similarity is 1, that of two flat windows of different levels nearly 0.
"""

from dataclasses import dataclass

import numpy as np

from metrics import filters

OFFSET = 128.0  # taken off the pixels first: variances stay as they are and lose fewer digits
RESIDUE = 1e-12
SAME_LEVEL = 1e-6  # flat windows whose means differ by less have the same level


@dataclass(frozen=True)
class Window:
    """A Gaussian window, and the two constants that keep the similarity of dark and of flat windows finite.

    flat: variances below this count as none. 8-bit pixels have none between 0 and 1e-6, in the smaller window 1e-3.
    exact_levels: a flat window of such a level has no variance at all.
    """

    size: int
    sigma: float
    c1: float
    c2: float
    flat: float
    exact_levels: tuple[int, ...] = (0,)

    @property
    def kernel(self) -> np.ndarray:
        return filters.gaussian(self.size, self.sigma)


WANG = Window(11, 1.5, (0.01 * 255) ** 2, (0.03 * 255) ** 2, flat=1e-9)
ALMOST_BARE = Window(7, 1.5, 2e-16, 2e-16, flat=1e-5, exact_levels=(0, 1, 2, 4, 8, 16, 32, 64, 128))


class Local:
    """A picture and its moments in every window inside.

    Attributes:
        mean, variance: float64 [H-k+1,W-k+1].
        flat, exact: bool [H-k+1,W-k+1], the windows of one level, and those among them that have no variance at all.
    """

    def __init__(self, image: np.ndarray, window: Window):
        self.window, self._image = window, image - OFFSET
        self._mean = filters.plain_valid(self._image, window.kernel)
        self.mean = self._mean + OFFSET
        self.variance = filters.plain_valid(self._image**2, window.kernel) - self._mean**2
        self.flat = self.variance < window.flat
        self.exact = self.flat & is_exact(self.mean, window)
        self.variance[self.flat] = RESIDUE
        self.variance[self.exact] = 0

    def covariance(self, other: "Local") -> np.ndarray:
        """With another picture, per window."""
        found = filters.plain_valid(self._image * other._image, self.window.kernel) - self._mean * other._mean
        found[self.flat | other.flat] = 0
        alike = self.flat & other.flat & (np.abs(self.mean - other.mean) < SAME_LEVEL)
        found[alike] = self.variance[alike]
        return np.asarray(found)

    def similarity(self, other: "Local") -> np.ndarray:
        """SSIM with another picture, per window."""
        c1, c2 = self.window.c1, self.window.c2
        above = (2 * self.mean * other.mean + c1) * (2 * self.covariance(other) + c2)
        below = (self.mean**2 + other.mean**2 + c1) * (self.variance + other.variance + c2)
        return np.asarray(above / below)


def is_exact(mean: np.ndarray, window: Window) -> np.ndarray:
    """Whether flat windows of these means have no variance at all."""
    level = np.round(mean)
    return np.asarray(np.isin(level, window.exact_levels) & (np.abs(mean - level) < SAME_LEVEL))


def share(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """first / (first + second), 1/2 where both are 0."""
    total = first + second
    return np.where(total == 0, 0.5, first / np.where(total == 0, 1, total))

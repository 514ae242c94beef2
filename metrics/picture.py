"""Checking of images, and a picture that remembers what has been computed from it."""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import TypeVar, cast

import numpy as np

from metrics.registry import MetricError

Result = TypeVar("Result")
Arrays = Sequence[np.ndarray]
BLOCK = 65536  # pixels: the float64 arrays of a block stay in the cache
_DTYPES = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))


def checked(image: np.ndarray, role: str) -> np.ndarray:
    """The image, contiguous [H,W] or [H,W,3]: uint8 when every pixel is a whole number, else float64.

    Args:
        image: uint8, float32 or float64 in 0..255, [H,W], or [H,W,3] in the order R, G, B.
        role: "fused", "ir" or "vi", for the message.
    Raises MetricError for another type, dtype or number of dimensions, an empty image, nan or infinite values, values
    outside 0..255, or a float image that is evidently scaled to 0..1.
    """
    if not isinstance(image, np.ndarray):
        raise MetricError(f"{role}: {type(image).__name__}; expected a numpy array [H,W] or [H,W,3]")
    if image.dtype not in _DTYPES:
        raise MetricError(f"{role}: dtype {image.dtype}; expected uint8, or float64 in 0..255")
    if image.size == 0 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise MetricError(f"{role}: shape {image.shape}; expected [H,W] (rounded grey) or [H,W,3] (RGB)")
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    pixels = np.ascontiguousarray(image, dtype=np.float64)
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise MetricError(f"{role}: nan or infinite values; the image is broken")
    if low < 0 or high > 255:
        raise MetricError(f"{role}: values {low:g}..{high:g}; expected 0..255")
    whole = pixels == np.round(pixels)
    if whole.all():
        return pixels.astype(np.uint8)
    if high <= 1:
        raise MetricError(f"{role}: values {low:g}..{high:g} look like 0..1; expected 0..255, multiply by 255")
    return pixels


def eight_bit(image: np.ndarray, role: str) -> np.ndarray:
    """What a method returns or a file holds, as 8-bit pixels: uint8 as it is; float in 0..1 clipped, rounded half up.

    Raises MetricError for another type, nan or infinite values, or a float image that is evidently scaled to 0..255.
    """
    if not isinstance(image, np.ndarray) or not (image.dtype == np.uint8 or np.issubdtype(image.dtype, np.floating)):
        found = f"dtype {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise MetricError(f"{role}: {found}; expected a numpy array, uint8 or float in 0..1")
    if image.dtype == np.uint8:
        return image
    if not np.isfinite(image).all():
        raise MetricError(f"{role}: nan or infinite values; the method or its weights are broken")
    if image.size and image.max() > 2:  # a method may overshoot 1 a little, which is clipped
        raise MetricError(f"{role}: values up to {image.max():g} look like 0..255; expected 0..1, divide by 255")
    return np.floor(np.clip(image.astype(np.float64), 0, 1) * 255 + 0.5).astype(np.uint8)


def same_shape(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> None:
    """Raises MetricError unless the three images have one height and width; each may be grey or colour."""
    if not fused.shape[:2] == ir.shape[:2] == vi.shape[:2]:
        raise MetricError(f"shapes differ: fused {fused.shape}, ir {ir.shape}, vi {vi.shape}")


class Picture:
    """A checked image in 0..255 and what has been computed from it. Features are pure functions of a picture.

    Attributes:
        image: uint8 [H,W], or float64 [H,W] when some pixel is not a whole number.
        is_8bit: whether it is uint8: sums over its pixels are then exact.
        kept: whether features that are as large as the picture are kept, as is worth while for the sources of many
            fused images. Otherwise they are computed a block of rows at a time, and no large memory is touched.
    """

    def __init__(self, image: np.ndarray, *, kept: bool = False):
        self.image = image
        self.shape, self.size = image.shape, image.size
        self.is_8bit = image.dtype == np.uint8
        self.kept = kept
        self._features: dict[tuple[object, ...], object] = {}

    def of(self, feature: Callable[..., Result], *others: object) -> Result:
        """feature(picture, *others), computed once: a number, a histogram or the like."""
        # the picture itself stays out of the key: with it, reference cycles would delay the release of memory
        key = (feature, *(None if other is self else other for other in others))
        if key not in self._features:
            self._features[key] = feature(self, *others)
        return cast(Result, self._features[key])

    def part(self, feature: Callable[..., Arrays], rows: slice, height: int, *settings: Hashable) -> Arrays:
        """feature(picture, rows, *settings): arrays for some rows out of `height`. Not to be written to."""
        if not self.kept:
            return feature(self, rows, *settings)
        key = (feature, *settings)
        if key not in self._features:
            self._features[key] = _all_rows(self, feature, height, settings)
        return [array[rows] for array in cast(Arrays, self._features[key])]

    @property
    def pixels(self) -> np.ndarray:
        """All pixels, a new float64 [H,W]."""
        return self.image.astype(np.float64)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Some rows, a new float64 [stop-start,W]."""
        return self.image[start:stop].astype(np.float64)

    @cached_property
    def levels(self) -> np.ndarray:
        """The pixels rounded to 256 levels, uint8 [H,W]."""
        return self.image if self.is_8bit else np.round(self.image).astype(np.uint8)


def row_blocks(height: int, width: int, pixels: int = BLOCK) -> list[slice]:
    """Slices that divide an image into blocks of an even number of rows, about `pixels` pixels each."""
    rows = max(2, pixels // width // 2 * 2)
    return [slice(start, min(start + rows, height)) for start in range(0, height, rows)]


def _all_rows(picture: Picture, feature: Callable[..., Arrays], height: int, settings: tuple[Hashable, ...]) -> Arrays:
    found: tuple[np.ndarray, ...] = ()
    for rows in row_blocks(height, picture.shape[1]):
        parts = feature(picture, rows, *settings)
        found = found or tuple(np.empty((height, part.shape[1])) for part in parts)
        for array, part in zip(found, parts):
            array[rows] = part
    return found

"""FMI's fast path: position by position over blocks of windows; edge maps, which have 512 different windows, by pairs.

The second difference of the bound J is the overlap of two steps of the distribution functions: of A and F where the
correlation c >= 0, of A and 1 - F else. With G = F or 1 - F, sum J is sum min(A, G), or 9 sum A less that.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from metrics.definitions.fmi import PIXELS, SIDE, feature_information, shared_information, shares
from metrics.fmi_features import edges, pixels
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of

BLOCK = 8192  # windows: some hundred arrays of them stay in the cache
SMALLEST = 1e-300  # instead of 0 in logarithms

Planes = np.ndarray  # [9,n]: the positions of n windows, column by column


@fast_path_of(feature_information)
def fast(fused: Picture, ir: Picture, vi: Picture, *,
         feature: Callable[[np.ndarray], np.ndarray] = pixels) -> float:
    maps = [picture.of(_map, feature) for picture in (fused, vi, ir)]
    total = sum(_of_edges(maps[0], source) for source in maps[1:]) if feature is edges else _total(*maps)
    height, width = (side - SIDE + 1 for side in maps[0].shape)
    return float(total / (2 * height * width))


def _map(picture: Picture, feature: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.ascontiguousarray(feature(picture.pixels))


def _of_edges(fused: np.ndarray, source: np.ndarray) -> float:
    """Sum of Q_S over all windows of two maps of zeros and ones."""
    counts = np.bincount((_codes(source) * 2**PIXELS + _codes(fused)).ravel())
    pairs = np.flatnonzero(counts)
    patterns = (np.arange(2**PIXELS)[:, np.newaxis] >> np.arange(PIXELS) & 1).astype(np.float64)
    first, second = pairs >> PIXELS, pairs & 2**PIXELS - 1
    found = shared_information(shares(patterns[first]), shares(patterns[second]))
    return float(np.dot(counts[pairs], np.where(first == second, 1, found)))


def _codes(image: np.ndarray) -> np.ndarray:
    """Nine bits per window."""
    image = image.astype(np.int64)
    height, width = (side - SIDE + 1 for side in image.shape)
    places = enumerate(_places(height, width))
    return sum((image[place] << bit for bit, place in places), start=np.zeros((height, width), np.int64))


def _places(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Where the positions 1..9 of windows lie, column by column."""
    for column in range(SIDE):
        for row in range(SIDE):
            yield slice(row, row + height), slice(column, column + width)


def _total(fused: np.ndarray, vi: np.ndarray, ir: np.ndarray) -> float:
    """Sum of Q_S over all windows and both sources."""
    total, (height, width) = 0.0, (side - SIDE + 1 for side in fused.shape)
    for rows in row_blocks(height, width, pixels=BLOCK):
        raw_f, *raw_sources = (_planes(image, rows, width) for image in (fused, vi, ir))
        of_fused = _Windows(raw_f)
        for raw in raw_sources:
            found = _information(_Windows(raw), of_fused)
            total += float(np.where((raw == raw_f).all(axis=0), 1, found).sum())
    return total


def _planes(image: np.ndarray, rows: slice, width: int) -> Planes:
    block = image[rows.start:rows.stop + SIDE - 1]
    height = len(block) - SIDE + 1
    return np.stack([block[place] for place in _places(height, width)]).reshape(PIXELS, -1)


class _Windows:
    """Windows as distributions over their positions.

    Attributes:
        shares, upto: distribution and distribution function, [9,n].
        centred, spread: shares less their mean, and the sum of the squares of that.
        deviation: of the position.
        entropy: in nats.
    """

    def __init__(self, raw: Planes):
        found = raw - raw.min(axis=0)
        extent = found.max(axis=0)
        flat = extent == 0
        found /= np.where(flat, 1, extent)
        if flat.any():
            found[:, flat] = 1
        found /= _sum(found)
        self.shares = found
        self.centred = found - _sum(found) / PIXELS
        self.spread = _sum(self.centred * self.centred)
        self.upto = np.cumsum(found, axis=0)
        positions = np.arange(1.0, PIXELS + 1)[:, np.newaxis]
        mean = _sum(found * positions)
        self.deviation = np.sqrt(np.maximum(_sum(found * positions**2) - mean * mean, 0))
        self.entropy = _entropy(found, np.empty_like(found))


def _sum(planes: Planes) -> np.ndarray:
    """Over the positions, from the first to the last: in flat windows the order decides."""
    total = planes[0].copy()
    for plane in planes[1:]:
        total += plane
    return np.asarray(total)


def _entropy(planes: Planes, terms: Planes) -> np.ndarray:
    """In nats, per window; terms: room for what is added up."""
    np.abs(planes, out=terms)
    np.maximum(terms, SMALLEST, out=terms)
    cv2.log(terms, terms)
    terms *= planes
    return np.asarray(-terms.sum(axis=0))


def _information(source: _Windows, fused: _Windows) -> np.ndarray:
    """Q_S per window."""
    common = _sum(source.centred * fused.centred)
    correlation = np.where(common == 0, 0, common / np.where(common == 0, 1, np.sqrt(source.spread * fused.spread)))
    reversed_ = correlation < 0
    upto = np.where(reversed_, 1 - fused.upto, fused.upto)
    before = np.concatenate([reversed_[np.newaxis].astype(np.float64), upto[:-1]])
    lower, upper = np.minimum(before, upto), np.maximum(before, upto)
    phi = _phi(source, fused, correlation, upto)
    entropy, source_before = np.zeros((2, len(phi)))
    joint, terms = np.empty((2, PIXELS, len(phi)))
    for share, source_upto in zip(source.shares, source.upto):
        np.minimum(source_upto, upper, out=joint)
        joint -= np.maximum(source_before, lower, out=terms)
        np.maximum(joint, 0, out=joint)
        joint *= phi
        joint += np.multiply(fused.shares, share * (1 - phi), out=terms)
        entropy += _entropy(joint, terms)
        source_before = source_upto
    single = source.entropy + fused.entropy
    return np.asarray(2 * (single - entropy) / np.where(single == 0, 1, single))


def _phi(source: _Windows, fused: _Windows, correlation: np.ndarray, upto: Planes) -> np.ndarray:
    smaller = np.zeros(len(correlation))
    for plane in source.upto:
        smaller += np.minimum(plane, upto).sum(axis=0)
    total = source.upto.sum(axis=0)
    bound = np.where(correlation >= 0, smaller, PIXELS * total - smaller)
    covariance = bound - total * fused.upto.sum(axis=0)
    deviations = source.deviation * fused.deviation
    defined = (correlation != 0) & (deviations != 0)
    return np.where(defined, correlation * deviations / np.where(defined, covariance, 1), 0)

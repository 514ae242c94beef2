"""Fast paths of Q_C and Q_Y by blocks of rows."""

import math

import numpy as np

from metrics.definitions.q_c import covariance_share, covariance_weighted_quality
from metrics.definitions.q_y import ALIKE, similarity_based_quality
from metrics.fast.windows import Block, share, triples
from metrics.picture import Picture
from metrics.registry import fast_path_of
from metrics.windows import ALMOST_BARE


class _Mean:
    """A mean that is nan when a value is undefined, or leaves those out."""

    def __init__(self, undefined_left_out: bool):
        self._left_out, self._sum, self._count = undefined_left_out, 0.0, 0

    def add(self, quality: np.ndarray, *undefined: np.ndarray | None) -> None:
        """undefined: windows that are 0/0, bool or None."""
        for where in undefined:
            if where is not None:
                np.copyto(quality, 0 if self._left_out else math.nan, where=where)
        found = [where for where in undefined if where is not None]
        self._sum += float(quality.sum())
        self._count += quality.size - (int(np.logical_or.reduce(found).sum()) if self._left_out and found else 0)

    @property
    def value(self) -> float:
        return self._sum / self._count if self._count else math.nan


@fast_path_of(covariance_weighted_quality)
def fast_covariance_weighted(fused: Picture, ir: Picture, vi: Picture, *, undefined_left_out: bool = False) -> float:
    mean = _Mean(undefined_left_out)
    for block_f, block_a, block_b in triples(fused, ir, vi, ALMOST_BARE):
        covariance_a, covariance_b = block_f.covariance(block_a), block_f.covariance(block_b)
        weight = covariance_share(covariance_a, covariance_b)
        for flat in (block_f.flat, _both(block_a.flat, block_b.flat)):
            if flat is not None:
                np.copyto(weight, 0.5, where=flat)
        quality = _mixed(np.clip(weight, 0, 1), block_f.similarity(block_a, covariance_a),
                         block_f.similarity(block_b, covariance_b))
        np.copyto(quality, 0, where=weight < 0)
        np.copyto(quality, 1, where=weight > 1)
        mean.add(quality, block_f.exact, _both(block_a.exact, block_b.exact))
    return mean.value


@fast_path_of(similarity_based_quality)
def fast_similarity_based(fused: Picture, ir: Picture, vi: Picture, *, undefined_left_out: bool = False) -> float:
    mean = _Mean(undefined_left_out)
    for block_f, block_a, block_b in triples(fused, ir, vi, ALMOST_BARE):
        kept_a = block_f.similarity(block_a, block_f.covariance(block_a))
        kept_b = block_f.similarity(block_b, block_f.covariance(block_b))
        larger = np.maximum(kept_a, kept_b)
        height = fused.shape[0] - ALMOST_BARE.size + 1
        alike, weight = vi.part(_sources, block_f.rows, height, ir)
        quality = _mixed(weight, kept_a, kept_b)
        np.copyto(quality, larger, where=alike < ALIKE)
        mean.add(quality, _both(block_a.exact, block_b.exact))
    return mean.value


def _sources(vi: Picture, rows: slice, ir: Picture) -> tuple[np.ndarray, np.ndarray]:
    """Similarity of the sources, and the visible one's share l of the variance."""
    height = vi.shape[0] - ALMOST_BARE.size + 1
    block_a, block_b = (Block(picture, rows, height, ALMOST_BARE) for picture in (vi, ir))
    return (block_a.similarity(block_b, block_a.covariance(block_b)), share(block_a.variance, block_b.variance))


def _both(one: np.ndarray | None, other: np.ndarray | None) -> np.ndarray | None:
    return None if one is None or other is None else one & other


def _mixed(weight: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """weight * first + (1 - weight) * second, written over the first."""
    first -= second
    first *= weight
    first += second
    return first

"""Fast paths of Q_S, Q_W and Q_E (Qw): one pass over blocks of rows gives what all of them add up."""

import numpy as np

from metrics.definitions.q_e import edge_dependent_quality, edge_quality, edges
from metrics.definitions.q_s import fusion_quality
from metrics.definitions.q_w import weighted_quality
from metrics.fast.windows import share, triples
from metrics.picture import Picture
from metrics.registry import fast_path_of
from metrics.windows import WANG


@fast_path_of(fusion_quality)
def fast_quality(fused: Picture, ir: Picture, vi: Picture) -> float:
    total, _, _, windows = fused.of(_sums, ir, vi)
    return total / windows


@fast_path_of(weighted_quality)
def fast_weighted(fused: Picture, ir: Picture, vi: Picture) -> float:
    _, weighted, weights, _ = fused.of(_sums, ir, vi)
    return weighted / weights


@fast_path_of(edge_quality)
def fast_edges(fused: Picture, ir: Picture, vi: Picture) -> float:
    return fast_weighted(*(picture.of(_edge_picture) for picture in (fused, ir, vi)))


@fast_path_of(edge_dependent_quality)
def fast_edge_dependent(fused: Picture, ir: Picture, vi: Picture) -> float:
    return fast_weighted(fused, ir, vi) * fast_edges(fused, ir, vi)


def _edge_picture(picture: Picture) -> Picture:
    return Picture(edges(picture.pixels), kept=picture.kept)


def _sums(fused: Picture, ir: Picture, vi: Picture) -> tuple[float, float, float, int]:
    """Sums of q, of c q and of c, and the number of windows."""
    sums, windows = np.zeros(3), 0
    for block_f, block_a, block_b in triples(fused, ir, vi, WANG):
        kept_a = block_f.similarity(block_a, block_f.covariance(block_a))
        kept_b = block_f.similarity(block_b, block_f.covariance(block_b))
        kept_a -= kept_b
        kept_a *= share(block_a.variance, block_b.variance)
        kept_a += kept_b
        importance = np.maximum(block_a.variance, block_b.variance, out=kept_b)
        if block_a.exact is not None and block_b.exact is not None:
            np.copyto(importance, 0.5, where=block_a.exact & block_b.exact)
        sums += kept_a.sum(), np.vdot(kept_a, importance), importance.sum()
        windows += kept_a.size
    return float(sums[0]), float(sums[1]), float(sums[2]), windows

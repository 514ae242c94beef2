"""EN's fast path: from the shared histogram."""

from metrics.definitions.en import bits, entropy
from metrics.features import histogram
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(entropy)
def fast(fused: Picture, ir: Picture, vi: Picture, *, tiny: float = 0) -> float:
    return bits(fused.of(histogram), tiny)

"""Fast paths of Q_TE and Q_NCIE (and zoo's TE and QNCIE): from shared histograms and joint histograms."""

import math

import numpy as np

from metrics.definitions.en import bits
from metrics.definitions.q_ncie import (
    BITS,
    PAIRS,
    correlation_entropy,
    entropy_of_correlations,
    entropy_of_pearson,
    pearson_entropy,
)
from metrics.definitions.q_te import (
    CVEJIC,
    NAVA,
    TINY,
    entropy_excess,
    information,
    normalised,
    normalised_information,
    tsallis_information,
)
from metrics.fast.mi import stretched_picture
from metrics.features import comoment, histogram, joint_histogram
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(tsallis_information)
def fast_cvejic(fused: Picture, ir: Picture, vi: Picture) -> float:
    return sum(information(_joint(source, fused), CVEJIC) for source in (vi, ir))


@fast_path_of(normalised_information)
def fast_nava(fused: Picture, ir: Picture, vi: Picture) -> float:
    return normalised(sum(information(_joint(source, fused), NAVA) for source in (vi, ir)), _joint(vi, ir))


@fast_path_of(entropy_excess)
def fast_excess(fused: Picture, ir: Picture, vi: Picture) -> float:
    return sum(bits(source.of(histogram), TINY) for source in (ir, vi)) - bits(fused.of(histogram), TINY)


@fast_path_of(correlation_entropy)
def fast_ncie(fused: Picture, ir: Picture, vi: Picture) -> float:
    pictures = (vi, ir, fused)
    if any(_undefined(picture) for picture in pictures):
        return math.nan
    correlation = np.eye(3)
    for row, column in PAIRS:
        joint = _joint(pictures[row], pictures[column])
        entropies = bits(joint.sum(axis=1)), bits(joint.sum(axis=0)), bits(joint)
        correlation[row, column] = correlation[column, row] = (entropies[0] + entropies[1] - entropies[2]) / BITS
    return entropy_of_correlations(correlation)


@fast_path_of(pearson_entropy)
def fast_pearson(fused: Picture, ir: Picture, vi: Picture) -> float:
    pictures = (fused, ir, vi)
    if not all(picture.is_8bit for picture in pictures):
        return pearson_entropy(*(picture.pixels for picture in pictures))
    norms = [math.sqrt(picture.of(comoment, picture)) for picture in pictures]
    return entropy_of_pearson([pictures[one].of(comoment, pictures[other]) for one, other in PAIRS], norms)


def _undefined(picture: Picture) -> bool:
    """Constant and not black: stretched it is 0/0."""
    low, high = picture.of(_extremes)
    return bool(low == high != 0)


def _extremes(picture: Picture) -> tuple[float, float]:
    return float(picture.image.min()), float(picture.image.max())


def _joint(first: Picture, second: Picture) -> np.ndarray:
    """Joint histogram of the stretched pictures, sum 1, rows are the first's; all nan where one is undefined."""
    if _undefined(first) or _undefined(second):
        return np.full((256, 256), math.nan)
    # counted once, from the fused picture's side, as the other metrics do
    return second.of(stretched_picture).of(joint_histogram, first.of(stretched_picture)).T / first.size

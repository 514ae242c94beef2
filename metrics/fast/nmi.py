"""NMI's fast path: from shared joint histograms."""

import math

import numpy as np

from metrics.definitions.nmi import normalised_information, of_joint_histogram, of_joint_histograms, shared_by_sources
from metrics.fast.mi import stretched_picture
from metrics.features import joint_histogram
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(normalised_information)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if any(np.ptp(picture.image) == 0 for picture in (fused, ir, vi)):
        return math.nan
    fused, ir, vi = (picture.of(stretched_picture) for picture in (fused, ir, vi))
    return sum(of_joint_histogram(fused.of(joint_histogram, source)) for source in (ir, vi))


@fast_path_of(shared_by_sources)
def fast_shared(fused: Picture, ir: Picture, vi: Picture) -> float:
    return of_joint_histograms([fused.of(joint_histogram, source) for source in (ir, vi)])

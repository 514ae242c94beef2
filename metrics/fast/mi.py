"""MI's fast path: from shared joint histograms."""

import math

import numpy as np

from metrics.definitions.mi import merged, mutual_information, nats, stretch, twice_the_entropy
from metrics.fast import en
from metrics.features import joint_histogram
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(mutual_information)
def fast(fused: Picture, ir: Picture, vi: Picture, *, bits: bool = False, stretched: bool = False,
         saturated: bool = False) -> float:
    if stretched:
        fused, ir, vi = fused.of(stretched_picture), ir.of(stretched_picture), vi.of(stretched_picture)
    information = _saturated if saturated else _information
    total = sum(information(fused.of(joint_histogram, source)) for source in (ir, vi))
    return total / math.log(2) if bits else total


@fast_path_of(twice_the_entropy)
def fast_twice(fused: Picture, ir: Picture, vi: Picture) -> float:
    return 2 * en.fast(fused, ir, vi)


def stretched_picture(picture: Picture) -> Picture:
    return Picture(stretch(picture.pixels).astype(np.uint8))


def _information(joint: np.ndarray) -> float:
    first, second = np.nonzero(joint)
    seen, count = joint[first, second], joint.sum()
    independent = joint.sum(axis=1)[first] * joint.sum(axis=0)[second]
    # whole numbers: exactly 0 for a constant image
    return float(np.dot(seen, np.log(seen * count / independent)) / count)


def _saturated(joint: np.ndarray) -> float:
    return nats(joint.sum(axis=1)) + nats(joint.sum(axis=0)) - nats(merged(joint))

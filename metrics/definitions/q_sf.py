"""Q_SF: Zheng's ratio of spatial frequency error, how much activity the fused picture has beyond the sources'.

Differences d of neighbours along rows, columns and both diagonals, N pixels:

    SF = sqrt( sum over directions of w sum d^2 / N ),   w = 1, 1, 1/sqrt 2, 1/sqrt 2
    Q_SF = (SF_F - SF_R) / SF_R,   |d_R| = max( |d_A|, |d_B| )

Range -1 upwards; 0 is best: below it activity is lost, above it some (noise) is added. -1 for a constant fused picture,
nan when both sources are constant.
Smallest picture 2x2. Zheng, Essock, Hansen, Haun, "A new metric based on extended spatial frequency and its application
to DWT based fusion algorithms", Inf. Fusion 2007.
"""

import math
from collections.abc import Iterator

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import LIU

WEIGHTS = (1.0, 1.0, math.sqrt(2) / 2, math.sqrt(2) / 2)


def spatial_frequency_error(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_SF of float64 [H,W].

    >>> image = np.add.outer(np.arange(8.0), np.arange(8.0) ** 2 % 7)
    >>> spatial_frequency_error(image, image, image)
    0.0
    """
    of_fused = sum(weight * float(np.sum(d**2)) for weight, d in zip(WEIGHTS, differences(fused)))
    of_reference = sum(weight * float(np.sum(np.maximum(np.abs(d_a), np.abs(d_b)) ** 2))
                       for weight, d_a, d_b in zip(WEIGHTS, differences(vi), differences(ir)))
    return ratio(of_fused, of_reference)


def ratio(of_fused: float, of_reference: float) -> float:
    """From the two weighted sums of squares: N cancels."""
    return math.sqrt(of_fused / of_reference) - 1 if of_reference else math.nan


def differences(image: np.ndarray) -> Iterator[np.ndarray]:
    """Of neighbours in a row, in a column and along both diagonals; signed numbers [H,W]."""
    yield image[:, 1:] - image[:, :-1]
    yield image[1:] - image[:-1]
    yield image[1:, 1:] - image[:-1, :-1]
    yield image[1:, :-1] - image[:-1, 1:]


register("Q_SF", title="Ratio of spatial frequency error", higher_is_better=True, target=0, smallest=2,
         function=spatial_frequency_error, variants={"liu": Definition(f"{LIU} metricZheng.m", (-1, math.inf))})

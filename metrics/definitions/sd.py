"""SD: standard deviation of the fused image, its contrast.

    SD = sqrt( mean (F - mean F)^2 )

Range 0..127.5, higher is better. A constant image gives 0.
Rao, "In-fibre Bragg grating sensors", Meas. Sci. Technol. 1997 (the reference the field gives).
"""

import math

import numpy as np

from metrics.features import comoment
from metrics.picture import Picture
from metrics.registry import CDDFUSE, SMFNET, TANG, VIFB, Definition, register


def standard_deviation(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Standard deviation of float64 [H,W] in 0..255 (division by H*W); the sources are not looked at.

    >>> image = np.array([[0.0, 100.0], [100.0, 0.0]])
    >>> float(standard_deviation(image, image, image))
    50.0
    """
    return np.std(fused)


def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if not fused.is_8bit:
        return standard_deviation(fused.pixels, ir.pixels, vi.pixels)
    return math.sqrt(fused.of(comoment, fused)) / fused.size


BOUNDS = (0, 127.5)
register("SD", title="Standard deviation", higher_is_better=True, function=standard_deviation, fast=fast, variants={
    "smfnet": Definition(f"{SMFNET} Evaluator.SD", BOUNDS),
    "smfnet-ablation": Definition(f"{SMFNET} Evaluator.SD", BOUNDS),
    "cddfuse": Definition(f"{CDDFUSE} Evaluator.SD", BOUNDS),
    "vifb": Definition(f"{VIFB} metricsVariance.m", BOUNDS),
    "tang": Definition(f"{TANG} SD_evaluation.m", BOUNDS),
})

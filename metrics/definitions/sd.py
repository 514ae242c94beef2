"""SD: standard deviation of the fused image, its contrast.

    SD = sqrt( mean (F - mean F)^2 )

Range 0..127.5, higher is better. A constant image gives 0.
Rao, "In-fibre Bragg grating sensors", Meas. Sci. Technol. 1997 (the reference the field gives).
"""


import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG, VIFB


def standard_deviation(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Standard deviation of float64 [H,W] in 0..255 (division by H*W); the sources are not looked at.

    >>> image = np.array([[0.0, 100.0], [100.0, 0.0]])
    >>> float(standard_deviation(image, image, image))
    50.0
    """
    return np.std(fused)


BOUNDS = (0, 127.5)
register("SD", title="Standard deviation", higher_is_better=True, function=standard_deviation, variants={
    "smfnet": Definition(f"{SMFNET} Evaluator.SD", BOUNDS),
    "smfnet-ablation": Definition(f"{SMFNET} Evaluator.SD", BOUNDS),
    "cddfuse": Definition(f"{CDDFUSE} Evaluator.SD", BOUNDS),
    "vifb": Definition(f"{VIFB} metricsVariance.m", BOUNDS),
    "tang": Definition(f"{TANG} SD_evaluation.m", BOUNDS),
})

"""SD: standard deviation of the fused image, its contrast.

    SD = sqrt( mean (F - mean F)^2 )

Range 0..127.5, higher is better. A constant image gives 0.
Rao, "In-fibre Bragg grating sensors", Meas. Sci. Technol. 1997 (the reference the field gives).
"""


import numpy as np

from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, MEFB, SMFNET, TANG, VIFB, ZOO


def standard_deviation(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Standard deviation of float64 [H,W] in 0..255 (division by H*W); the sources are not looked at.

    >>> image = np.array([[0.0, 100.0], [100.0, 0.0]])
    >>> float(standard_deviation(image, image, image))
    50.0
    """
    return float(np.std(fused))


register("SD", title="Standard deviation", higher_is_better=True, function=standard_deviation, variants=agreed({
    "smfnet": f"{SMFNET} Evaluator.SD", "smfnet-ablation": f"{SMFNET} Evaluator.SD",
    "cddfuse": f"{CDDFUSE} Evaluator.SD", "vifb": f"{VIFB} metricsVariance.m", "mefb": f"{MEFB} metricsSD.m",
    "tang": f"{TANG} SD_evaluation.m", "zoo": f"{ZOO} SD_function",
}, (0, 127.5)))

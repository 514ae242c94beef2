"""SCD: sum of the correlations of differences.

    SCD = r(F - B, A) + r(F - A, B)

What was added to one source should look like the other. Range -2..2, higher is better.
nan when a source is constant, or the fused image differs from one by a constant only.
Aslantas, Bendes, "A new image quality metric for image fusion", AEU Int. J. Electron. Commun. 2015.
"""

import numpy as np

from metrics.definitions.cc import correlation
from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, HUILI, SMFNET, TANG, ZOO


def sum_of_correlations(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Sum of the correlations of differences of float64 [H,W] in 0..255.

    >>> ir, vi = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[5.0, 0.0], [1.0, 4.0]])
    >>> round(float(sum_of_correlations(ir + vi, ir, vi)), 12)
    2.0
    """
    return correlation(fused - vi, ir) + correlation(fused - ir, vi)


register("SCD", title="Sum of correlations of differences", higher_is_better=True, function=sum_of_correlations,
         variants=agreed({
             "smfnet": f"{SMFNET} Evaluator.SCD", "smfnet-ablation": f"{SMFNET} Evaluator.SCD",
             "cddfuse": f"{CDDFUSE} Evaluator.SCD", "tang": f"{TANG} analysis_SCD.m",
             "huili": f"{HUILI} analysis_SCD.m", "zoo": f"{ZOO} SCD_function",
         }, (-2, 2)))

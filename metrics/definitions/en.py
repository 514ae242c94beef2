"""EN: Shannon entropy of the fused image's grey levels, in bits.

    EN = -sum_l p(l) log2 p(l),   l = 0..255, p = histogram of the pixels rounded to whole levels

Variant zoo adds 1e-7 to the share inside the logarithm.
Range 0..8, higher is better. A constant image gives -0.0, as the authors' evaluators do (zoo: -1.4e-7).
Roberts, van Aardt, Ahmed, "Assessment of image fusion procedures using entropy", J. Appl. Remote Sens. 2008.
"""

import numpy as np

from metrics.registry import Definition, agreed, register
from metrics.toolboxes import CDDFUSE, HUILI, MEFB, SMFNET, TANG, VIFB, ZOO


def entropy(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, tiny: float = 0) -> float:
    """Entropy in bits of float64 [H,W] in 0..255; the sources are not looked at.

    tiny: added to the share inside the logarithm.

    >>> image = np.array([[0.0, 0.0], [85.0, 170.0]])
    >>> float(entropy(image, image, image))
    1.5
    """
    return bits(np.bincount(np.round(fused).astype(np.uint8).ravel()), tiny)


def bits(counts: np.ndarray, tiny: float = 0) -> float:
    """Entropy of what was counted; tiny: added to the share inside the logarithm."""
    share = counts[counts > 0] / counts.sum()
    return -float(np.sum(share * np.log2(share + tiny)))


register("EN", title="Entropy", higher_is_better=True, function=entropy, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.EN", "smfnet-ablation": f"{SMFNET} Evaluator.EN",
              "cddfuse": f"{CDDFUSE} Evaluator.EN", "vifb": f"{VIFB} metricsEntropy.m",
              "mefb": f"{MEFB} metricsEntropy.m", "tang": f"{TANG} entropy (MATLAB)",
              "huili": f"{HUILI} entropy (MATLAB)"}, (0, 8)),
    # a constant picture gives -log2(1 + 1e-7)
    "zoo": Definition(f"{ZOO} EN_function", (-1.5e-7, 8), {"tiny": 1e-7}),
})

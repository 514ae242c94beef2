"""EN: Shannon entropy of the fused image's grey levels, in bits.

    EN = -sum_l p(l) log2 p(l),   l = 0..255, p = histogram of the pixels rounded to whole levels

Range 0..8, higher is better. A constant image gives -0.0, as the authors' evaluators do.
Roberts, van Aardt, Ahmed, "Assessment of image fusion procedures using entropy", J. Appl. Remote Sens. 2008.
"""

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import CDDFUSE, SMFNET, TANG, VIFB


def entropy(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Entropy in bits of float64 [H,W] in 0..255; the sources are not looked at.

    >>> image = np.array([[0.0, 0.0], [85.0, 170.0]])
    >>> float(entropy(image, image, image))
    1.5
    """
    return bits(np.bincount(np.round(fused).astype(np.uint8).ravel()))


def bits(counts: np.ndarray) -> float:
    share = counts[counts > 0] / counts.sum()
    return -np.sum(share * np.log2(share))


register("EN", title="Entropy", higher_is_better=True, function=entropy, variants={
    "smfnet": Definition(f"{SMFNET} Evaluator.EN", (0, 8)),
    "smfnet-ablation": Definition(f"{SMFNET} Evaluator.EN", (0, 8)),
    "cddfuse": Definition(f"{CDDFUSE} Evaluator.EN", (0, 8)),
    "vifb": Definition(f"{VIFB} metricsEntropy.m", (0, 8)),
    "tang": Definition(f"{TANG} entropy (MATLAB)", (0, 8)),
})

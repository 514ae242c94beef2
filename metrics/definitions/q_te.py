"""Q_TE: Tsallis mutual information of the fused picture with each source, in two forms.

Pictures stretched to 0..255; p the joint 256-level histogram of (S, F), levels i of S and j of F, q the order:

    I(S, F) = ( 1 - sum over i, j of p(i, j)^q / (p_F(i) p_S(j))^(q - 1) ) / (1 - q)

The toolboxes exchange the marginals: p_F stands at the level of S and p_S at that of F. Pairs with a factor 0 do not
count. That makes the value unbounded (18 000 on one of the golden triples) and useless for comparison; it is here to
reproduce printed numbers.

Variants: liu has Cvejic's form "Q_TE_cvejic" = I(A, F) + I(B, F), q = 1.85, and Nava's form "Q_TE_nava", q = .43137,
divided by H(A)^q + H(B)^q + I(A, B); H Shannon's entropy in bits. mefb's "TE" is Cvejic's form. zoo's "TE" has q = 1
and is something else: H(A) + H(B) - H(F), of the pictures as they are, with 1e-10 added inside the logarithms.
Higher is better; of two copies it depends on the histogram. nan when a picture is constant and not black, Nava's form
also when all are black.
Cvejic, Canagarajah, Bull, "Image fusion metric based on mutual information and Tsallis entropy", Electron. Lett. 2006;
Nava, Cristóbal, Escalante-Ramírez, "Mutual information improves image fusion quality assessments", SPIE News 2007.
"""

import math

import numpy as np

from metrics.definitions.en import bits
from metrics.registry import Definition, agreed, register
from metrics.stretching import stretched
from metrics.toolboxes import LIU, MEFB, ZOO

CVEJIC, NAVA = 1.85, 0.43137  # orders
TINY = 1e-10


def tsallis_information(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Cvejic's form, of float64 [H,W] in 0..255.

    >>> image = np.arange(256.0).reshape(16, 16)
    >>> round(tsallis_information(image, image, image), 6)  # 2 (256^.85 - 1) / .85
    259.836405
    """
    fused, ir, vi = stretched(fused), stretched(ir), stretched(vi)
    return information(joint_shares(vi, fused), CVEJIC) + information(joint_shares(ir, fused), CVEJIC)


def normalised_information(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Nava's form, of float64 [H,W] in 0..255.

    >>> image = np.arange(256.0).reshape(16, 16)
    >>> round(normalised_information(image, image, image), 6)
    0.511077
    """
    fused, ir, vi = stretched(fused), stretched(ir), stretched(vi)
    sources = joint_shares(vi, ir)
    return normalised(information(joint_shares(vi, fused), NAVA) + information(joint_shares(ir, fused), NAVA), sources)


def joint_shares(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Joint histogram of two stretched pictures, sum 1: [256,256], rows are the first's; all nan where one is nan."""
    if np.isnan(first[0, 0]) or np.isnan(second[0, 0]):
        return np.full((256, 256), math.nan)
    counts, _, _ = np.histogram2d(first.ravel(), second.ravel(), bins=256, range=[[0, 256], [0, 256]])
    return np.asarray(counts / first.size)


def information(joint: np.ndarray, order: float) -> float:
    """Tsallis mutual information from a joint histogram, its marginals exchanged."""
    exchanged = np.outer(joint.sum(axis=0), joint.sum(axis=1))
    seen = (joint != 0) & (exchanged != 0)
    return float((1 - np.sum(joint[seen] ** order / exchanged[seen] ** (order - 1))) / (1 - order))


def normalised(found: float, sources: np.ndarray) -> float:
    """Nava's quotient, from the sum over the sources and the joint histogram of the two."""
    entropies = (max(bits(sources.sum(axis=axis)), 0) for axis in (0, 1))  # of a constant: 0, but for rounding
    below = information(sources, NAVA) + sum(entropy**NAVA for entropy in entropies)
    return found / below if below else math.nan


def entropy_excess(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Variant zoo of float64 [H,W] in 0..255.

    >>> image = np.arange(256.0).reshape(16, 16)
    >>> round(entropy_excess(image, image, image), 6)
    8.0
    """
    counts = [np.bincount(np.round(image).astype(np.uint8).ravel()) for image in (ir, vi, fused)]
    return bits(counts[0], TINY) + bits(counts[1], TINY) - bits(counts[2], TINY)


TITLE = "Tsallis mutual information"
SHARED = agreed({"liu": f"{LIU} metricMI.m, case 2", "mefb": f"{MEFB} metricsTE.m"}, (2 / (1 - CVEJIC), math.inf))
register("Q_TE_cvejic", title=f"{TITLE} (Cvejic)", higher_is_better=True, function=tsallis_information,
         variants={"liu": SHARED["liu"]})
register("Q_TE_nava", title=f"{TITLE} (Nava)", higher_is_better=True, function=normalised_information,
         variants={"liu": Definition(f"{LIU} metricMI.m, case 3", (-math.inf, math.inf))})
register("TE", title=f"{TITLE} (Cvejic)", higher_is_better=True, function=tsallis_information,
         variants={"mefb": SHARED["mefb"]})
register("TE", title="Entropy of the sources less that of the fused image", higher_is_better=True,
         function=entropy_excess, variants={"zoo": Definition(f"{ZOO} TE_function", (-8, 16))})

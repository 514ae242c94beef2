"""NMI, also Q_MI: normalised mutual information of the fused image with the sources.

    NMI = 2 ( I(A, F) / (H(A) + H(F)) + I(B, F) / (H(B) + H(F)) )   on 256 levels, each image stretched to 0..255 first

Variant zoo is another one: NMI = 2 ( I(A, F) + I(B, F) ) / ( H(A) + H(B) ), images as they are; shares get 1e-10 inside
the logarithms of H, and so does the denominator.
Range 0..2, higher is better; identical images give 2. nan where an image is constant (the toolboxes stop there), save
zoo: 0 for a constant fused image.
Hossny, Nahavandi, Creighton, "Comments on information measure for performance of image fusion", Electron. Lett. 2008.
"""

import math

import numpy as np

from metrics.definitions.en import bits
from metrics.registry import Definition, register
from metrics.stretching import stretched
from metrics.toolboxes import LIU, MEFB, ZOO

TINY = 1e-10


def normalised_information(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """NMI of float64 [H,W] in 0..255.

    >>> image = np.array([[0.0, 0.0], [7.0, 7.0]])
    >>> normalised_information(image, image, 255 - image)
    2.0
    """
    if any(np.ptp(image) == 0 for image in (fused, ir, vi)):
        return math.nan
    fused = stretched(fused)
    return sum(of_joint_histogram(joint_counts(fused, stretched(source))) for source in (ir, vi))


def joint_counts(fused: np.ndarray, source: np.ndarray) -> np.ndarray:
    counts, _, _ = np.histogram2d(np.round(fused).ravel(), np.round(source).ravel(), bins=256, range=[[0, 256]] * 2)
    return counts


def of_joint_histogram(joint: np.ndarray) -> float:
    """One source's half of NMI: 2 I / (H + H)."""
    single = bits(joint.sum(axis=1)) + bits(joint.sum(axis=0))
    return 2 * (single - bits(joint)) / single


def shared_by_sources(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Variant zoo of float64 [H,W] in 0..255.

    >>> image = np.array([[0.0, 0.0], [7.0, 7.0]])
    >>> round(shared_by_sources(image, image, 255 - image), 6)
    2.0
    """
    return of_joint_histograms([joint_counts(fused, source) for source in (ir, vi)])


def of_joint_histograms(joints: list[np.ndarray]) -> float:
    """Variant zoo from the joint histograms of the fused image with each source."""
    information = sum(bits(joint.sum(axis=1)) + bits(joint.sum(axis=0)) - bits(joint) for joint in joints)
    return 2 * information / (sum(bits(joint.sum(axis=0), TINY) for joint in joints) + TINY)


TITLE = "Normalised mutual information"
HOSSNY = Definition({"liu": f"{LIU} metricMI.m", "mefb": f"{MEFB} metricsNMI.m"}, (0, 2))
register("Q_MI", title=TITLE, higher_is_better=True, function=normalised_information, variants={"liu": HOSSNY})
register("NMI", title=TITLE, higher_is_better=True, function=normalised_information, variants={"mefb": HOSSNY})
register("NMI", title=TITLE, higher_is_better=True, function=shared_by_sources,
         variants={"zoo": Definition(f"{ZOO} NMI_function", (0, 2.1))})

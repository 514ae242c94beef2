"""Q_NCIE: Q. Wang's nonlinear correlation information entropy of the two sources and the fused picture.

Pictures stretched to 0..255; H entropy in units of 8 bits on 256 levels:

    n(X, Y) = H(X) + H(Y) - H(X, Y)
    Q_NCIE = 1 + sum over the three eigenvalues l of R of (l / 3) log2(l / 3) / 8

R is the 3 x 3 matrix with 1 on its diagonal and n(A, B), n(A, F), n(B, F) beside it.
Variant zoo ("QNCIE") puts Pearson's correlation coefficients there instead, of the pictures as they are: 10 % off. With
an eigenvalue 0, as identical pictures have, its value is nan.
Range .80..1, higher is better: 1 - log2(3) / 8 for independent pictures; identical pictures give 1 only where each of
the 256 levels is equally frequent. nan when a picture is constant and not black.
Wang, Shen, Jin, "Performance evaluation of image fusion techniques", in Stathaki, Image Fusion, 2008.
"""

import math

import numpy as np

from metrics.registry import Definition, register
from metrics.stretching import stretched
from metrics.toolboxes import LIU, MEFB, ZOO

BITS = 8  # of 256 levels
PAIRS = ((0, 1), (0, 2), (1, 2))
NONE = 1e-12  # an eigenvalue below this is 0 but for rounding


def correlation_entropy(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_NCIE of float64 [H,W] in 0..255.

    >>> image = np.arange(256.0).reshape(16, 16)
    >>> round(correlation_entropy(image, image, image), 12)
    1.0
    """
    images = [stretched(image) for image in (vi, ir, fused)]
    if any(np.isnan(image[0, 0]) for image in images):
        return math.nan
    correlation = np.eye(3)
    for row, column in PAIRS:
        correlation[row, column] = correlation[column, row] = _correlation(images[row], images[column])
    return entropy_of_correlations(correlation)


def entropy_of_correlations(correlation: np.ndarray) -> float:
    """1 + the entropy term of a 3 x 3 matrix of correlations."""
    shares = np.linalg.eigvalsh(correlation) / len(correlation)
    shares = shares[shares > NONE]
    return float(1 + np.sum(shares * np.log2(shares)) / BITS)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    joint, _, _ = np.histogram2d(first.ravel(), second.ravel(), bins=256, range=[[0, 256], [0, 256]])
    joint /= joint.sum()
    return _entropy(joint.sum(axis=1)) + _entropy(joint.sum(axis=0)) - _entropy(joint)


def _entropy(shares: np.ndarray) -> float:
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log2(shares))) / BITS


def pearson_entropy(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Variant zoo of float64 [H,W].

    >>> image = np.arange(16.0).reshape(4, 4)
    >>> round(pearson_entropy(image % 2, image // 2 % 2, image // 4 % 2), 12) == round(1 - math.log2(3) / 8, 12)
    True
    """
    images = [image - image.mean() for image in (fused, ir, vi)]
    norms = [math.sqrt(np.sum(image**2)) for image in images]
    return entropy_of_pearson([np.sum(images[one] * images[other]) for one, other in PAIRS], norms)


def entropy_of_pearson(products: list[float], norms: list[float]) -> float:
    """Variant zoo from the inner products of the PAIRS of pictures less their means, and their norms."""
    if not all(norms):
        return math.nan
    correlation = np.eye(3)
    for (row, column), product in zip(PAIRS, products):
        correlation[row, column] = correlation[column, row] = product / (norms[row] * norms[column])
    singular = np.linalg.eigvalsh(correlation).min() / len(correlation) < NONE
    return math.nan if singular else entropy_of_correlations(correlation)


TITLE = "Nonlinear correlation information entropy"
BOUNDS = (1 - math.log2(3) / BITS, 1)
WANG = Definition({"liu": f"{LIU} metricWang.m", "mefb": f"{MEFB} metricsQncie.m"}, BOUNDS)
register("Q_NCIE", title=TITLE, higher_is_better=True, function=correlation_entropy, variants={"liu": WANG})
register("Qncie", title=TITLE, higher_is_better=True, function=correlation_entropy, variants={"mefb": WANG})
register("QNCIE", title=TITLE, higher_is_better=True, function=pearson_entropy,
         variants={"zoo": Definition(f"{ZOO} QNCIE_function", BOUNDS)})

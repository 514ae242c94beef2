"""FMI: feature mutual information, how much of the sources' local structure the fused picture carries.

Of each picture a feature map is taken. Every 3 x 3 window of it, read column by column, its minimum subtracted and
divided by its range (all ones where it is flat), then by its sum, counts as a distribution over the positions 1..9: a
of a source, f of the fused picture; A and F are the distribution functions, c is the correlation coefficient of a and f
(0 where they have no common variation):

    bound    J = min(A, F) where c >= 0, else max(A + F - 1, 0)      over the 9 x 9 pairs of positions
    phi      c over the correlation that J would give to the positions: c s_a s_f / sum(J - A F)
    joint    p = phi times the second difference of J + (1 - phi) a f
    Q_S = 2 (H(a) + H(f) - H(p)) / (H(a) + H(f)),   H(p) = -sum p log2 |p|;   1 for identical windows

    FMI = mean over the windows of the mean of Q_S over both sources

Features, under Haghighat's names (variant haghighat) and the toolboxes':

    FMI_none      the pixels
    FMI_gradient  differences along the rows
    FMI_edge      MATLAB's edge map, "FMI_pixel" of tang and huili, "FMI" of mefb
    FMI_dct       cosine transform of the whole picture
    FMI_wavelet   discrete Meyer wavelet (102 taps), "FMI_w" of tang and huili

Range mostly 0..1 (c is a correlation of shares, not of positions, so p can leave 0..1 and Q_S with it), higher is
better. Identical pictures give 1; a constant fused picture 0 but for rounding, or, of edges, the share of the sources'
windows without any. Windows that are flat but for rounding give noise: of a constant picture's wavelet they all are.
Smallest picture 3x3. Haghighat, Razian, "Fast-FMI: non-reference image fusion metric", IEEE AICT 2014.
"""

import math
from collections.abc import Callable

import numpy as np

from metrics.fmi_features import cosines, edges, gradient, pixels, wavelet
from metrics.registry import Definition, register
from metrics.toolboxes import HUILI, MEFB, TANG

SIDE, PIXELS = 3, 9
POSITIONS = np.arange(1.0, PIXELS + 1)


def feature_information(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *,
                        feature: Callable[[np.ndarray], np.ndarray] = pixels) -> float:
    """FMI of float64 [H,W] in 0..255.

    feature: one of metrics.fmi_features.

    >>> image = np.add.outer(np.arange(8.0), np.arange(8.0) ** 2 % 7)
    >>> feature_information(image, image, image)
    1.0
    """
    rows_f, rows_a, rows_b = (windows(feature(image)) for image in (fused, vi, ir))
    total = 0.0
    for row_f, *row_sources in zip(rows_f, rows_a, rows_b):
        shares_f = shares(row_f)
        for row in row_sources:
            same = np.all(row == row_f, axis=1)
            total += np.sum(np.where(same, 1, shared_information(shares(row), shares_f)))
    return float(total / (2 * rows_f.shape[0] * rows_f.shape[1]))


def windows(image: np.ndarray) -> np.ndarray:
    """Every 3 x 3 window, column by column: [H,W] -> [H-2,W-2,9]."""
    found = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))
    return found.swapaxes(2, 3).reshape(*found.shape[:2], PIXELS)


def shares(values: np.ndarray) -> np.ndarray:
    """Windows as distributions over their positions: [n,9] -> [n,9]."""
    values = values - values.min(axis=1, keepdims=True)
    extent = values.max(axis=1, keepdims=True)
    values = np.where(extent == 0, 1, values / np.where(extent == 0, 1, extent))
    return np.asarray(values / total(values)[:, np.newaxis])


def total(values: np.ndarray) -> np.ndarray:
    """Sum along the last axis, from left to right: in flat windows the order decides."""
    return np.cumsum(values, axis=-1)[..., -1]


def shared_information(a: np.ndarray, f: np.ndarray) -> np.ndarray:
    """Q_S of windows given as distributions: [n,9], [n,9] -> [n]."""
    upto_a, upto_f = np.cumsum(a, axis=1), np.cumsum(f, axis=1)
    pairs_a, pairs_f = upto_a[:, :, np.newaxis], upto_f[:, np.newaxis, :]
    correlation = _correlation(a, f)
    bound = np.where(correlation[:, np.newaxis, np.newaxis] >= 0, np.minimum(pairs_a, pairs_f),
                     np.maximum(pairs_a + pairs_f - 1, 0))
    covariance = np.sum(bound - pairs_a * pairs_f, axis=(1, 2))
    deviations = _deviation(a) * _deviation(f)
    defined = (correlation != 0) & (deviations != 0)
    phi = np.where(defined, correlation * deviations / np.where(defined, covariance, 1), 0)[:, np.newaxis, np.newaxis]
    dependent = np.diff(np.diff(bound, axis=1, prepend=0), axis=2, prepend=0)
    joint = phi * dependent + (1 - phi) * a[:, :, np.newaxis] * f[:, np.newaxis, :]
    single = _entropy(a) + _entropy(f)
    return np.asarray(2 * (single - _entropy(joint.reshape(len(joint), -1))) / np.where(single == 0, 1, single))


def _correlation(a: np.ndarray, f: np.ndarray) -> np.ndarray:
    a, f = (values - total(values)[:, np.newaxis] / PIXELS for values in (a, f))
    common = total(a * f)
    below = np.sqrt(total(a * a) * total(f * f))
    return np.where(common == 0, 0, common / np.where(common == 0, 1, below))


def _deviation(shares: np.ndarray) -> np.ndarray:
    """Standard deviation of the position."""
    mean = total(shares * POSITIONS)
    return np.asarray(np.sqrt(np.maximum(total(shares * POSITIONS**2) - mean**2, 0)))


def _entropy(shares: np.ndarray) -> np.ndarray:
    return np.asarray(-np.sum(shares * np.log2(np.where(shares == 0, 1, np.abs(shares))), axis=1))


# p can leave 0..1, so there is no bound
BOUNDS = (-math.inf, math.inf)
NAMES = {
    "FMI_none": {},
    "FMI_gradient": {},
    "FMI_edge": {"tang": "FMI_pixel", "huili": "FMI_pixel", "mefb": "FMI"},
    "FMI_dct": {"tang": "FMI_dct", "huili": "FMI_dct"},
    "FMI_wavelet": {"tang": "FMI_w", "huili": "FMI_w"},
}
SOURCES = {"tang": f"{TANG} analysis_fmi.m", "huili": f"{HUILI} analysis_fmi.m", "mefb": f"{MEFB} metricsFMI.m",
           "haghighat": f"{TANG} analysis_fmi.m, all features"}
for (name, elsewhere), feature in zip(NAMES.items(), (pixels, gradient, edges, cosines, wavelet)):
    definition = Definition(SOURCES, BOUNDS, {"feature": feature})
    for variant, printed in {"haghighat": name, **elsewhere}.items():
        register(printed, title=f"Feature mutual information ({feature.__name__})", higher_is_better=True, smallest=3,
                 function=feature_information, variants={variant: definition})

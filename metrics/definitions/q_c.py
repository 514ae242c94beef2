"""Q_C: Cvejic's fusion quality index, SSIM with each source, weighted by its covariance with the fused picture.

    s = s_AF / (s_AF + s_BF),   q = 0 where s < 0, 1 where s > 1, else s SSIM(A, F) + (1 - s) SSIM(B, F),   Q_C = mean q

SSIM on 7x7 Gaussian windows, sigma 1.5, inside the picture, both constants 2e-16, so that flat windows have no anchor.
Variants: where the fused picture's window is flat, or both sources' are, s is 0/0. At the levels 0 and 2^n it is so in
the toolboxes too: nan for the whole picture in liu, left out in mefb (nan when no window is left). At other levels they
leave it to rounding, which makes q any of 0, 1 and near 0; here s = 1/2. On pictures with flat areas no program can
give what they give: up to 3 % off.
Range -1..1, higher is better; identical pictures without flat windows give 1. A constant fused picture gives nan
at a level of 0 or 2^n, some 1e-19 at others.
Smallest picture 7x7. Cvejic, Loza, Bull, Canagarajah, "A similarity metric for assessment of image fusion algorithms",
Int. J. Signal Process. 2005.
"""

import math

import numpy as np

from metrics.registry import Definition, register
from metrics.toolboxes import LIU, MEFB
from metrics.windows import ALMOST_BARE, Local

NONE = 1e-10  # covariances and sums of them below this are rounding, whose sign must not decide between q = 0 and 1


def covariance_weighted_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *,
                                undefined_left_out: bool = False) -> float:
    """Q_C of float64 [H,W] in 0..255.

    undefined_left_out: windows that are 0/0 do not count; otherwise one of them makes the result nan.

    >>> image = np.arange(100.0).reshape(10, 10)
    >>> round(float(covariance_weighted_quality(image, image, image)), 12)
    1.0
    """
    local_f, local_a, local_b = (Local(image, ALMOST_BARE) for image in (fused, vi, ir))
    weight = covariance_share(local_a.covariance(local_f), local_b.covariance(local_f))
    weight[local_f.flat | (local_a.flat & local_b.flat)] = 0.5
    clipped = np.clip(weight, 0, 1)
    quality = clipped * local_a.similarity(local_f) + (1 - clipped) * local_b.similarity(local_f)
    quality[weight < 0], quality[weight > 1] = 0, 1
    quality[local_f.exact | (local_a.exact & local_b.exact)] = math.nan
    return mean_of_defined(quality, undefined_left_out)


def covariance_share(of_a: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    """s of every window: of_a / (of_a + of_b), infinite where only the sum is 0, 1/2 where both are."""
    of_a, of_b = np.where(np.abs(of_a) < NONE, 0, of_a), np.where(np.abs(of_b) < NONE, 0, of_b)
    total = of_a + of_b
    with np.errstate(divide="ignore", invalid="ignore"):
        found = of_a / np.where(np.abs(total) < NONE, 0, total)
    return np.where(np.isnan(found), 0.5, found)


def mean_of_defined(quality: np.ndarray, undefined_left_out: bool) -> float:
    """Mean of a map; nan where it has a nan, or, with those left out, nothing else."""
    if undefined_left_out:
        quality = quality[~np.isnan(quality)]
    return float(np.mean(quality)) if quality.size else math.nan


register("Q_C", title="Cvejic's fusion quality index", higher_is_better=True, smallest=7,
         function=covariance_weighted_quality, variants={"liu": Definition(f"{LIU} metricCvejic.m, case 2", (-1, 1))})
register("Qc", title="Cvejic's fusion quality index", higher_is_better=True, smallest=7,
         function=covariance_weighted_quality,
         variants={"mefb": Definition(f"{MEFB} metricsQc.m", (-1, 1), {"undefined_left_out": True})})

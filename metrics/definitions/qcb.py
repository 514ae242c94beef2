"""Qcb: Chen and Blum's perceptual quality, how much of the visible contrast of the sources is kept.

Pictures stretched to 0..255, then filtered with the eye's contrast sensitivity in the Fourier domain,

    S(r) = exp(-(r / 15.3870)^2) - .7622 exp(-(r / 1.3456)^2),   r = hypot(u W / 30, v H / 30),   u, v in -1..1

Local contrast, with Gaussians of sigma 2 and 4 on 31 x 31, zeros outside, weights divided by 2 pi sigma^2, and what the
masking by its surroundings leaves of it:

    c = | G2 * x / G4 * x - 1 |,   m = c^3 / (c^2 + .0001)
    Qcb = mean( w q_AF + (1 - w) q_BF ),   q_XF = min(m_X, m_F) / max(m_X, m_F),   w = m_A^2 / (m_A^2 + m_B^2)

Variants:

    vifb, liu   as above; liu prints "Q_CB"
    mefb        divides by 255 before it stretches, whose rounding can turn a pixel by one level (5e-5 of the value)
    zoo         stretches to 0..1 without rounding, u, v in -1/2..1/2, adds 1e-10 to G4 * x and to m_A^2 + m_B^2, where
                w is taken of A, and of B, not 1 - w: up to 19 % off

Range 0..1, higher is better; identical pictures give 1 (zoo a little less). nan when a picture is constant (0/0). In
black areas c is the rounding of the Fourier transform: two programs agree to 3e-4 there, to 1e-12 elsewhere.
Smallest picture 1x1. Chen, Blum, "A new automated quality assessment algorithm for image fusion", Image Vis. Comput.
2009.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy import fft

from metrics.registry import Definition, agreed, register
from metrics.stretching import stretched
from metrics.toolboxes import LIU, MEFB, VIFB, ZOO

CENTRE_WIDTH, SURROUND, SURROUND_WIDTH = 15.3870, 0.7622, 1.3456
DEGREES = 30.0  # pixels per degree of sight
RADIUS, NARROW, WIDE = 15, 2.0, 4.0  # of the Gaussians
MASKING = 0.0001


@dataclass(frozen=True)
class Rules:
    """Where the toolboxes differ."""

    through_unit_range: bool = False  # divide by 255 before stretching
    unit_range: bool = False  # stretch to 0..1, unrounded
    degrees: float = DEGREES
    tiny: float = 0.0  # added to the two denominators that can be 0

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """The picture stretched: [H,W] -> [H,W]; nan for a constant that is not black."""
        image = image / 255 if self.through_unit_range else image
        return stretched(image, rounded=False) / 255 if self.unit_range else stretched(image)


CHEN_BLUM, MEFB_RULES = Rules(), Rules(through_unit_range=True)
ZOO_RULES = Rules(unit_range=True, degrees=2 * DEGREES, tiny=1e-10)


def perceptual_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, rules: Rules = CHEN_BLUM) -> float:
    """Qcb of float64 [H,W] in 0..255.

    >>> image = np.add.outer(np.arange(40.0), np.arange(40.0) ** 2 % 97)
    >>> round(perceptual_quality(image, image, image), 12)
    1.0
    """
    masked_f, masked_a, masked_b = (masked_contrast(rules.prepared(image), rules) for image in (fused, vi, ir))
    with np.errstate(invalid="ignore"):  # where a picture has no contrast at all: nan, as it should be
        kept_a, kept_b = (np.minimum(masked, masked_f) / np.maximum(masked, masked_f)
                          for masked in (masked_a, masked_b))
        below = masked_a**2 + masked_b**2 + rules.tiny
        return float(np.mean(masked_a**2 / below * kept_a + masked_b**2 / below * kept_b))


def masked_contrast(image: np.ndarray, rules: Rules) -> np.ndarray:
    """m of every pixel of a stretched picture."""
    return masked(fft.rfft2(image), image.shape, rules)


def masked(spectrum: np.ndarray, shape: tuple[int, int], rules: Rules) -> np.ndarray:
    """m of every pixel [H,W] from the Fourier coefficients [H,W//2+1] of a stretched picture."""
    seen = fft.irfft2(spectrum * sensitivity(shape, rules.degrees), s=shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        contrast = blurred(seen, NARROW)
        contrast /= blurred(seen, WIDE) + rules.tiny
        contrast = np.abs(contrast - 1)
        squared = contrast * contrast
        return np.asarray(squared * contrast / (squared + MASKING))


@lru_cache(maxsize=4)
def sensitivity(shape: tuple[int, int], degrees: float) -> np.ndarray:
    """Contrast sensitivity at every Fourier coefficient: [H,W//2+1]. Not to be written to."""
    cycles = radius(shape, degrees)
    return np.exp(-((cycles / CENTRE_WIDTH) ** 2)) - SURROUND * np.exp(-((cycles / SURROUND_WIDTH) ** 2))


def radius(shape: tuple[int, int], degrees: float) -> np.ndarray:
    """r of every Fourier coefficient, in the order of scipy.fft.rfft2: [H,W//2+1]."""
    height, width = shape
    v, u = fft.fftfreq(height) * 2 * height / degrees, fft.rfftfreq(width) * 2 * width / degrees
    return np.asarray(np.hypot(u, v[:, np.newaxis]))


def weights(sigma: float) -> np.ndarray:
    """One axis of the Gaussian divided by 2 pi sigma^2: [31]."""
    offsets = np.arange(-RADIUS, RADIUS + 1)
    return np.exp(-(offsets**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """The picture under that Gaussian, zeros outside."""
    kernel = weights(sigma)
    return cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)


TITLE = "Chen-Blum perceptual quality"
SHARED = agreed({"vifb": f"{VIFB} metricsQcb.m", "liu": f"{LIU} metricChenBlum.m"}, (0, 1))
register("Qcb", title=TITLE, higher_is_better=True, function=perceptual_quality, variants={
    "vifb": SHARED["vifb"],
    "mefb": Definition(f"{MEFB} metricsQcb.m", (0, 1), {"rules": MEFB_RULES}),
    "zoo": Definition(f"{ZOO} Qcb_function", (0, 1), {"rules": ZOO_RULES}),
})
register("Q_CB", title=TITLE, higher_is_better=True, function=perceptual_quality, variants={"liu": SHARED["liu"]})

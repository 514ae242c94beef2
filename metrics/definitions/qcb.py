"""Qcb: Chen and Blum's perceptual quality, how much of the visible contrast of the sources is kept.

Pictures stretched to 0..255, then filtered with the eye's contrast sensitivity in the Fourier domain,

    S(r) = exp(-(r / 15.3870)^2) - .7622 exp(-(r / 1.3456)^2),   r = hypot(u W / 30, v H / 30),   u, v in -1..1

Local contrast, with Gaussians of sigma 2 and 4 on 31 x 31, zeros outside, weights divided by 2 pi sigma^2, and what the
masking by its surroundings leaves of it:

    c = | G2 * x / G4 * x - 1 |,   m = c^3 / (c^2 + .0001)
    Qcb = mean( w q_AF + (1 - w) q_BF ),   q_XF = min(m_X, m_F) / max(m_X, m_F),   w = m_A^2 / (m_A^2 + m_B^2)

Variants: vifb and liu ("Q_CB") as above; mefb divides by 255 before it stretches, whose rounding can turn a pixel by
one level (5e-5 of the value).
Range 0..1, higher is better; identical pictures give 1. nan when a picture is constant (0/0). In flat areas c is
rounding: two programs agree to 3e-4 there, to 1e-12 elsewhere.
Smallest picture 1x1. Chen, Blum, "A new automated quality assessment algorithm for image fusion", Image Vis. Comput.
2009.
"""

import math

import numpy as np
from scipy import ndimage

from metrics.registry import Definition, register
from metrics.stretching import stretched
from metrics.toolboxes import LIU, MEFB, VIFB

CENTRE, CENTRE_WIDTH = 1.0, 15.3870
SURROUND, SURROUND_WIDTH = 0.7622, 1.3456
DEGREES = 30.0  # pixels per degree of sight
RADIUS, NARROW, WIDE = 15, 2.0, 4.0  # of the Gaussians
MASKING = 0.0001


def perceptual_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, through_unit_range: bool = False) -> float:
    """Qcb of float64 [H,W] in 0..255.

    through_unit_range: divide by 255 before stretching.

    >>> image = np.add.outer(np.arange(40.0), np.arange(40.0) ** 2 % 97)
    >>> round(perceptual_quality(image, image, image), 12)
    1.0
    """
    if through_unit_range:
        fused, ir, vi = fused / 255, ir / 255, vi / 255
    masked_f, masked_a, masked_b = (masked_contrast(stretched(image)) for image in (fused, vi, ir))
    with np.errstate(invalid="ignore"):  # where a picture has no contrast at all: nan, as it should be
        kept_a, kept_b = (np.minimum(masked, masked_f) / np.maximum(masked, masked_f) for masked in (masked_a, masked_b))
        weight = masked_a**2 / (masked_a**2 + masked_b**2)
    return float(np.mean(weight * kept_a + (1 - weight) * kept_b))


def masked_contrast(image: np.ndarray) -> np.ndarray:
    """m of every pixel of a stretched picture."""
    seen = filtered(image, sensitivity(radius(image.shape, DEGREES)))
    with np.errstate(invalid="ignore", divide="ignore"):
        contrast = np.abs(_blurred(seen, NARROW) / _blurred(seen, WIDE) - 1)
        return contrast**3 / (contrast**2 + MASKING)


def radius(shape: tuple[int, int], degrees: float) -> np.ndarray:
    """Distance of every Fourier coefficient from the middle, in cycles per degree, in the order of np.fft.fft2: [H,W]."""
    v, u = (np.fft.ifftshift((np.arange(side) - side // 2) * 2 / side) * side / degrees for side in shape)
    return np.hypot(u, v[:, np.newaxis])


def sensitivity(cycles: np.ndarray) -> np.ndarray:
    """Contrast sensitivity at so many cycles per degree."""
    return CENTRE * np.exp(-((cycles / CENTRE_WIDTH) ** 2)) - SURROUND * np.exp(-((cycles / SURROUND_WIDTH) ** 2))


def filtered(image: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The picture with its Fourier coefficients multiplied by a real, even response: [H,W]."""
    return np.real(np.fft.ifft2(np.fft.fft2(image) * response))


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    offsets = np.arange(-RADIUS, RADIUS + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    for axis in (0, 1):
        image = ndimage.correlate1d(image, weights, axis=axis, mode="constant")
    return image


TITLE = "Chen-Blum perceptual quality"
register("Qcb", title=TITLE, higher_is_better=True, function=perceptual_quality, variants={
    "vifb": Definition(f"{VIFB} metricsQcb.m", (0, 1)),
    "mefb": Definition(f"{MEFB} metricsQcb.m", (0, 1), {"through_unit_range": True}),
})
register("Q_CB", title=TITLE, higher_is_better=True, function=perceptual_quality,
         variants={"liu": Definition(f"{LIU} metricChenBlum.m", (0, 1))})

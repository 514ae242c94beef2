"""Q_P: Zhao's quality by phase congruency, how well the fused picture keeps the sources' edges and corners, whatever
their contrast.

Three maps of each picture, after Kovesi: phase congruency, and the largest and the smallest moment of its covariance
over the orientations (edges, corners). Log-Gabor filters g of 4 scales and 6 orientations; e the complex responses,
A = |e|, E the energy along the mean phase less the noise threshold T, w = 1 / (1 + exp(10 (.5 - width))):

    pc = sum over orientations of w E / ( sum over orientations and scales of A + .0001 )
    covariance of the vectors (w E / sum over scales of A) * (cos, sin), its diagonal over 3, its corner over 6

Per map, with M the map of the source whose pc is larger, S' = a source's map where its pc exceeds .1, else 0:

    r_S = (cov(S', F) + .0001) / (sqrt| var S' var F | + .0001)   where the source's pc > .1, else 0
    map's quality = sum of max(r_A, r_B, r_M) / number of pixels with the larger pc > .1
    Q_P = product over the three maps

Moments under an 11x11 Gaussian, sigma 1.5, zeros outside. At .1 the cut is hard, so the value does not reach 1 for
identical pictures (.78 on noise).
Range -1..1, higher is better. nan when a picture is constant, or when no pixel of the sources reaches .1.
Smallest picture 11x11. Zhao, Laganiere, Liu, "Performance assessment of combinative pixel-level image fusion based on
an absolute feature measurement", Int. J. Innov. Comput. I. 2007; Kovesi, "Image features from phase congruency",
Videre 1999.
"""

import math
from functools import lru_cache

import numpy as np
from scipy import ndimage

from metrics import filters
from metrics.registry import Definition, register
from metrics.toolboxes import LIU, MEFB

SCALES, ORIENTATIONS = 4, 6
SMALLEST_WAVELENGTH, FACTOR, BANDWIDTH, SPREAD = 3.0, 2.1, 0.55, 1.2
LOW_PASS, LOW_PASS_ORDER = 0.45, 15
DEVIATIONS, RESCALED = 2.0, 1.7  # of the noise threshold
CUT_OFF, SLOPE = 0.5, 10.0  # of the weight of the bandwidth
EPSILON = 1e-4
THRESHOLD, CORRELATION_C = 0.1, 1e-4
KERNEL = filters.gaussian(11, 1.5)

Maps = tuple[np.ndarray, np.ndarray, np.ndarray]


def phase_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """Q_P of float64 [H,W].

    >>> image = np.add.outer(np.arange(32.0), np.arange(32.0) ** 2 % 97)
    >>> 0.5 < phase_quality(image, image, image) < 1
    True
    """
    if any(np.ptp(image) == 0 for image in (fused, ir, vi)):
        return math.nan
    maps_f, maps_a, maps_b = (phase_congruency(image) for image in (fused, vi, ir))
    larger = tuple(np.where(maps_a[0] > maps_b[0], of_a, of_b) for of_a, of_b in zip(maps_a, maps_b))
    sources = (maps_a, maps_b, larger)
    strong = [maps[0] > THRESHOLD for maps in sources]
    if not strong[2].any():
        return math.nan
    result = 1.0
    for of_fused, *of_sources in zip(maps_f, *sources):
        best = np.max([_correlation(one, of_fused, where) for one, where in zip(of_sources, strong)], axis=0)
        result *= best.sum() / strong[2].sum()
    return float(result)


def _correlation(source: np.ndarray, fused: np.ndarray, where: np.ndarray) -> np.ndarray:
    source = np.where(where, source, 0)
    mean_s, mean_f = _smoothed(source), _smoothed(fused)
    variance_s, variance_f = _smoothed(source**2) - mean_s**2, _smoothed(fused**2) - mean_f**2
    covariance = _smoothed(source * fused) - mean_s * mean_f
    found = (covariance + CORRELATION_C) / (np.sqrt(np.abs(variance_s * variance_f)) + CORRELATION_C)
    return np.where(where, found, 0)


def _smoothed(image: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        image = ndimage.correlate1d(image, KERNEL, axis=axis, mode="constant")
    return image


def phase_congruency(image: np.ndarray) -> Maps:
    """Phase congruency, largest and smallest moment: float64 [H,W] each."""
    spectrum = np.fft.fft2(image)
    radial = log_gabor(image.shape)
    energy = amplitude = xx = yy = xy = np.zeros(image.shape)
    for orientation in range(ORIENTATIONS):
        responses = [np.fft.ifft2(spectrum * filter_) for filter_ in radial * spread(image.shape, orientation)]
        of_orientation, amplitudes = _energy(responses, noise_factor(image.shape, orientation))
        energy, amplitude = energy + of_orientation, amplitude + amplitudes
        congruent = of_orientation / amplitudes
        angle = orientation * np.pi / ORIENTATIONS
        xx = xx + (congruent * np.cos(angle)) ** 2
        yy = yy + (congruent * np.sin(angle)) ** 2
        xy = xy + congruent**2 * np.cos(angle) * np.sin(angle)
    return (energy / (amplitude + EPSILON), *moments(xx, yy, xy))


def moments(xx: np.ndarray, yy: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest moment from the sums over the orientations."""
    xx, yy, xy = xx / (ORIENTATIONS / 2), yy / (ORIENTATIONS / 2), xy / ORIENTATIONS
    root = np.sqrt(xy**2 + (xx - yy) ** 2) + EPSILON
    return (yy + xx + root) / 2, (yy + xx - root) / 2


def _energy(responses: list[np.ndarray], noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted energy and summed amplitude of one orientation's responses on all scales."""
    amplitudes = [np.abs(response) for response in responses]
    total, largest = sum(amplitudes), np.max(amplitudes, axis=0)
    mean = sum(responses)
    mean = mean / (np.abs(mean) + EPSILON)
    energy = np.zeros(total.shape)
    for response in responses:
        turned = response * mean.conj()  # real: along the mean phase, imaginary: across
        energy += turned.real - np.abs(turned.imag)
    energy = np.maximum(energy - math.sqrt(np.median(amplitudes[0] ** 2)) * noise, 0)
    width = total / (largest + EPSILON) / SCALES
    return energy / (1 + np.exp((CUT_OFF - width) * SLOPE)), total


def log_gabor(shape: tuple[int, int]) -> np.ndarray:
    """The radial part of the filters of every scale, in the order of np.fft.fft2: [4,H,W]."""
    radius, _ = _polar(shape)
    v, u = ((np.arange(side) - side // 2) / side for side in shape)
    # the toolbox shifts this one the other way, which matters for odd sides
    low_pass = np.fft.fftshift(1 / (1 + (np.hypot(u, v[:, np.newaxis]) / LOW_PASS) ** (2 * LOW_PASS_ORDER)))
    frequencies = [1 / (SMALLEST_WAVELENGTH * FACTOR**scale) for scale in range(SCALES)]
    found = np.stack([low_pass * np.exp(-np.log(radius / frequency) ** 2 / (2 * math.log(BANDWIDTH) ** 2))
                      for frequency in frequencies])
    found[:, 0, 0] = 0
    return found


def spread(shape: tuple[int, int], orientation: int) -> np.ndarray:
    """The angular part of the filters of one orientation: [H,W]."""
    _, angle = _polar(shape)
    turned = angle - orientation * np.pi / ORIENTATIONS
    away = np.abs(np.arctan2(np.sin(turned), np.cos(turned)))
    return np.exp(-(away**2) / (2 * (np.pi / ORIENTATIONS / SPREAD) ** 2))


def _polar(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Radius (1 in the middle) and angle of every Fourier coefficient: [H,W] each. Odd sides reach from -.5 to .5."""
    v, u = ((np.arange(side) - side // 2) / max(side - side % 2, 1) for side in shape)
    radius, angle = np.hypot(u, v[:, np.newaxis]), np.arctan2(-v[:, np.newaxis], u)
    radius[shape[0] // 2, shape[1] // 2] = 1
    return np.fft.ifftshift(radius), np.fft.ifftshift(angle)


@lru_cache(maxsize=64)
def noise_factor(shape: tuple[int, int], orientation: int) -> float:
    """Noise threshold over the root of the median of A^2 on the smallest scale.

    Kovesi takes the noise's power from that median and its energy from the filters' impulse responses; the sum over
    all pixels of products of their real parts is taken here from their spectra.
    """
    filters_ = log_gabor(shape) * spread(shape, orientation)
    even = (filters_ + np.roll(filters_[:, ::-1, ::-1], (1, 1), axis=(1, 2))) / 2
    # 2 sum_i f_i^2 + 4 sum_i<j f_i f_j = 2 (sum_i f_i)^2
    rayleigh = np.sqrt(np.sum(even.sum(axis=0) ** 2) / -math.log(0.5) / np.sum(filters_[0] ** 2))
    return float(rayleigh * (math.sqrt(np.pi / 2) + DEVIATIONS * math.sqrt(2 - np.pi / 2)) / RESCALED)


TITLE = "Zhao's quality by phase congruency"
ZHAO = Definition({"liu": f"{LIU} metricZhao.m", "mefb": f"{MEFB} metricsQp.m"}, (-1, 1))
register("Q_P", title=TITLE, higher_is_better=True, smallest=11, function=phase_quality, variants={"liu": ZHAO})
register("Qp", title=TITLE, higher_is_better=True, smallest=11, function=phase_quality, variants={"mefb": ZHAO})

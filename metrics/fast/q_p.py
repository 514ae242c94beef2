"""Q_P's fast path: filters once per size, sources once, and the second half of every transform by blocks of rows."""

import math
from functools import lru_cache, reduce

import cv2
import numpy as np
from scipy import fft

from metrics.definitions.q_p import (
    CORRELATION_C,
    CUT_OFF,
    EPSILON,
    KERNEL,
    ORIENTATIONS,
    SCALES,
    SLOPE,
    THRESHOLD,
    Maps,
    log_gabor,
    moments,
    noise_factor,
    phase_quality,
    spread,
)
from metrics.picture import Picture, row_blocks
from metrics.registry import fast_path_of

BLOCK = 16384  # pixels: the responses of four scales stay in the cache


@fast_path_of(phase_quality)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    if any(picture.image.min() == picture.image.max() for picture in (fused, ir, vi)):
        return math.nan
    from_a, *strong = vi.of(_strong, ir)
    pixels = np.count_nonzero(strong[2])
    if not pixels:
        return math.nan
    result = 1.0
    for of_fused, of_a, of_b in zip(fused.of(_maps), vi.of(_maps), ir.of(_maps)):
        moments_f = _moments(of_fused)
        best: np.ndarray | None = None
        for source, where in zip((of_a, of_b, np.where(from_a, of_a, of_b)), strong):
            found = _correlation(np.where(where, source, 0), of_fused, *moments_f)
            found *= where
            best = found if best is None else np.maximum(best, found, out=best)
        assert best is not None
        result *= float(best.sum()) / pixels
    return result


def _strong(vi: Picture, ir: Picture) -> tuple[np.ndarray, ...]:
    """Where the visible picture's phase congruency is the larger one; where it, the infrared one's and the larger of
    both exceed the threshold. Bool [H,W]."""
    of_a, of_b = vi.of(_maps)[0], ir.of(_maps)[0]
    return of_a > of_b, of_a > THRESHOLD, of_b > THRESHOLD, np.maximum(of_a, of_b) > THRESHOLD


def _moments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, variance = _smoothed(image), _smoothed(image * image)
    variance -= mean * mean
    return mean, variance


def _correlation(source: np.ndarray, fused: np.ndarray, mean_f: np.ndarray, variance_f: np.ndarray) -> np.ndarray:
    mean, variance = _moments(source)
    covariance = _smoothed(source * fused)
    covariance -= mean * mean_f
    covariance += CORRELATION_C
    variance *= variance_f
    below = np.sqrt(np.abs(variance, out=variance), out=variance)
    below += CORRELATION_C
    covariance /= below
    return covariance


def _smoothed(image: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(image, cv2.CV_64F, KERNEL, KERNEL, borderType=cv2.BORDER_CONSTANT)


@lru_cache(maxsize=1)
def _filters(shape: tuple[int, int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The radial parts of the filters, and the angular ones; ten times the picture."""
    return log_gabor(shape), [spread(shape, orientation) for orientation in range(ORIENTATIONS)]


def _maps(picture: Picture) -> Maps:
    """Phase congruency, largest and smallest moment: float64 [H,W] each."""
    height, width = picture.shape
    spectrum = fft.fft2(picture.pixels)
    radial, angular = _filters(picture.shape)
    energy, amplitude, xx, yy, xy = np.zeros((5, *picture.shape))
    for orientation in range(ORIENTATIONS):
        halves = _half_transformed(spectrum, radial, angular[orientation])
        finest = fft.ifft(halves[0], axis=1, overwrite_x=True)
        squared = finest.real**2
        squared += finest.imag**2
        noise = math.sqrt(np.median(squared)) * noise_factor(picture.shape, orientation)
        angle = orientation * np.pi / ORIENTATIONS
        for rows in row_blocks(height, width, pixels=BLOCK):
            responses = [finest[rows], *(fft.ifft(half[rows], axis=1) for half in halves[1:])]
            of_orientation, amplitudes = _energy(responses, noise)
            energy[rows] += of_orientation
            amplitude[rows] += amplitudes
            of_orientation /= amplitudes
            of_orientation *= of_orientation
            xx[rows] += of_orientation * np.cos(angle) ** 2
            yy[rows] += of_orientation * np.sin(angle) ** 2
            xy[rows] += of_orientation * (np.cos(angle) * np.sin(angle))
    amplitude += EPSILON
    energy /= amplitude
    return (energy, *moments(xx, yy, xy))


def _half_transformed(spectrum: np.ndarray, radial: np.ndarray, angular: np.ndarray) -> list[np.ndarray]:
    """The responses of all scales, transformed back along the columns only."""
    turned = spectrum * angular
    return [fft.ifft(turned * part, axis=0, overwrite_x=True) for part in radial]


def _energy(responses: list[np.ndarray], noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted energy and summed amplitude of some rows."""
    parts = [(np.ascontiguousarray(response.real), np.ascontiguousarray(response.imag)) for response in responses]
    amplitudes = [cv2.magnitude(even, odd) for even, odd in parts]
    total, largest = amplitudes[0] + amplitudes[1], np.maximum(amplitudes[0], amplitudes[1])
    for amplitude in amplitudes[2:]:
        total += amplitude
        np.maximum(largest, amplitude, out=largest)
    mean_even, mean_odd = (reduce(np.add, part) for part in zip(*parts))
    strength = cv2.magnitude(mean_even, mean_odd)
    # what stands along the mean phase adds up to the strength of the sum
    energy = strength * strength
    for even, odd in parts:
        across = even * mean_odd
        across -= odd * mean_even
        energy -= np.abs(across, out=across)
    strength += EPSILON
    energy /= strength
    energy -= noise
    np.maximum(energy, 0, out=energy)
    largest += EPSILON
    weight = total / largest
    weight *= -SLOPE / SCALES
    weight += CUT_OFF * SLOPE
    below = cv2.exp(weight)
    below += 1
    energy /= below
    return energy, total

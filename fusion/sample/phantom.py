"""Medical phantoms: a head slice as T1-weighted MRI and the colour-coded PET uptake of the same head."""

import cv2
import numpy as np

from fusion.sample.canvas import fractal

# Uptake 0..1 -> RGB as nuclear medicine prints it: black, blue, cyan, green, yellow, red, white.
_RAMP = np.array([(0, 0, 0), (10, 0, 90), (0, 60, 190), (0, 170, 160), (70, 200, 40), (235, 215, 20), (235, 60, 10),
                  (255, 225, 210)], np.float64)


def render_phantom(seed: int, size: tuple[int, int] = (128, 128)) -> tuple[np.ndarray, np.ndarray]:
    """An axial head slice. Returns (mri uint8 [H,W], pet uint8 [H,W,3] RGB), the same for the same arguments.

    Scalp, skull, folded cortex, white matter, ventricles and deep nuclei; one lesion that the MRI hardly shows takes
    up much or little tracer. The PET is as blurred as a scanner's. Raises ValueError for a size below 32.
    """
    height, width = size
    if min(size) < 32:
        raise ValueError(f"size {height}x{width}: at least 32 pixels a side")
    rng = np.random.default_rng([seed, 77])
    side = 384  # drawn here, then averaged down to `size`
    noise, folds, texture = fractal(rng, side, 4), _folds(rng, side), fractal(rng, side, 6)
    y, x = np.mgrid[-1:1:side * 1j, -1:1:side * 1j]
    x = x + rng.uniform(-0.03, 0.03)
    lean = rng.uniform(-0.06, 0.06)
    x, y = x * np.cos(lean) + y * np.sin(lean), y * np.cos(lean) - x * np.sin(lean)
    wide, tall = rng.uniform(0.70, 0.76), rng.uniform(0.86, 0.92)
    radius = np.sqrt((x / wide) ** 2 + (y / tall) ** 2) + 0.012 * noise
    mri: np.ndarray = np.zeros((side, side))
    uptake: np.ndarray = np.zeros((side, side))

    def put(where: np.ndarray, signal: float, tracer: float) -> None:
        mri[where], uptake[where] = signal, tracer

    put(radius < 1.08, 0.78, 0.10)  # scalp, fatty
    put(radius < 1.015, 0.10, 0.03)  # skull
    put(radius < 0.935, 0.16, 0.04)  # fluid
    # the cortex is a ribbon along the surface and along the sulci, the zero lines of the noise
    slope = np.hypot(*np.gradient(folds, 2 / side)) + 1e-3
    sulcus = np.abs(folds) / slope  # distance in units of half the picture
    midline = np.abs(x + 0.012 * noise) + np.maximum(0.40 - np.abs(y), 0)
    depth = np.clip((0.90 - radius) / 0.30, 0, 1)  # 0 at the surface, 1 where no sulcus reaches
    sulcus = np.minimum(sulcus + 0.03 * depth + 0.2 * (depth >= 1), midline)
    surface = 0.90 - radius
    inside = surface > 0
    put(inside & (sulcus > 0.016), 0.52, 0.80)  # grey matter
    put(inside & (sulcus > 0.055) & (surface > 0.055), 0.80, 0.36)  # white matter
    swell = rng.uniform(0.85, 1.3)
    for sign in (-1, 1):
        u, v = sign * x, y
        put(((u - 0.24) / 0.13) ** 2 + ((v - 0.02) / 0.17) ** 2 + 0.08 * noise < 1, 0.60, 0.88)  # thalamus, putamen
        put(((u - 0.16) / 0.07) ** 2 + ((v + 0.20) / 0.11) ** 2 < 1, 0.57, 0.90)  # caudate
        bow = u - 0.07 - 0.55 * (v - 0.02) ** 2
        put((np.abs(bow) < 0.045 * swell * np.clip(1.15 - np.abs(v) / 0.42, 0, 1)) & (np.abs(v) < 0.44), 0.13, 0.05)
    put((np.abs(x) < 0.014) & (np.abs(y - 0.05) < 0.13), 0.13, 0.05)  # third ventricle
    angle, where = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.6)
    lesion = np.exp(-(((x - where * wide * np.cos(angle)) ** 2 + (y - where * tall * np.sin(angle)) ** 2)
                      / (2 * rng.uniform(0.07, 0.12) ** 2)))
    uptake += lesion * (radius < 0.9) * (0.75 if rng.random() < 0.6 else -0.45)
    mri *= 1 - 0.07 * lesion
    mri *= 1 + 0.035 * texture + 0.06 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y)  # tissue, coil shading
    uptake *= 1 + 0.06 * noise
    mri = cv2.resize(cv2.GaussianBlur(mri, (0, 0), 1.2), (width, height), interpolation=cv2.INTER_AREA)
    mri = np.hypot(mri + 0.012 * rng.standard_normal(size), 0.012 * rng.standard_normal(size))  # Rician
    uptake = cv2.resize(cv2.GaussianBlur(uptake, (0, 0), 0.022 * side), (width, height), interpolation=cv2.INTER_AREA)
    speckle = cv2.GaussianBlur(rng.standard_normal(size), (0, 0), 0.012 * width)
    uptake = np.clip(uptake * (1 + 0.10 * speckle) * 1.05, 0, 1)
    steps = np.linspace(0, 1, len(_RAMP))
    pet = np.stack([np.interp(uptake, steps, _RAMP[:, c]) for c in range(3)], axis=-1)
    return (np.floor(np.clip(mri, 0, 1) * 255 + 0.5).astype(np.uint8), np.floor(pet + 0.5).astype(np.uint8))


def _folds(rng: np.random.Generator, side: int) -> np.ndarray:
    """Noise of one wavelength, about a tenth of the picture: its zero lines wind like the furrows of a cortex."""
    white = rng.standard_normal((side, side))
    band = cv2.GaussianBlur(white, (0, 0), side * 0.020) - cv2.GaussianBlur(white, (0, 0), side * 0.032)
    return band / band.std()

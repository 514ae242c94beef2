"""From a painted canvas to the two 8-bit pictures: light, fog, glare and noise; heat, blur and noise."""

import cv2
import numpy as np

from fusion.sample.canvas import Canvas
from fusion.sample.lighting import Light

THERMAL_HAZE = 0.12  # share of the visible extinction that long-wave infrared suffers


def _shrink(layer: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(layer, size[::-1], interpolation=cv2.INTER_AREA)


def _irradiance(canvas: Canvas, light: Light) -> np.ndarray:
    """What arrives at every canvas pixel: ambient, street lamps and the carrying car's own head lamps."""
    height, width = canvas.shape
    z = canvas.depth
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]
    x, y = canvas.camera.world(columns, rows, z)
    total = np.empty((height, width, 3), np.float32)
    total[:] = light.ambient
    for place, power in canvas.lamps:
        px, py, pz = (np.float32(v) for v in place)
        squared = (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2
        _add(total, 1 / (np.float32(1.2) + squared), power)
    if light.headlights:
        beam = np.exp(-((x / z) / 0.42) ** 2 - (np.maximum(y - 1.0, 0) / 0.9) ** 2) / (4 + z * z)
        _add(total, beam, light.headlights * np.array([1.0, 0.95, 0.85]))
    return total


def _add(total: np.ndarray, strength: np.ndarray, colour: np.ndarray) -> None:
    for channel in range(3):
        total[..., channel] += strength * np.float32(colour[channel])


def visible(canvas: Canvas, light: Light, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The visible picture, uint8 [H,W,3]."""
    radiance = _irradiance(canvas, light)
    radiance *= canvas.albedo
    radiance += canvas.glow
    clear = np.exp(np.float32(-light.extinction) * np.minimum(canvas.depth, 400))
    radiance *= clear[..., None]
    _add(radiance, 1 - clear, np.array(light.haze))
    radiance = _shrink(radiance, size)
    unit = size[1] / 160  # glare grows with the picture
    bright = np.maximum(radiance - 0.9, 0)
    for sigma, share in ((1.4, 0.25), (4.5, 0.10), (14.0, 0.045)):
        radiance = radiance + light.glare * share * cv2.GaussianBlur(bright, (0, 0), sigma * unit)
    deviation = np.sqrt(light.noise ** 2 + 0.0006 * np.maximum(radiance, 0))
    radiance = radiance + deviation * rng.standard_normal(radiance.shape).astype(np.float32)
    radiance = np.maximum(radiance, 0)
    toned = np.where(radiance < 0.7, radiance, 1 - 0.3 * np.exp(-(radiance - 0.7) / 0.3))  # soft shoulder
    return _to_8bit(toned ** (1 / 2.2))


def infrared(canvas: Canvas, light: Light, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The infrared picture, white hot, uint8 [H,W]."""
    height, width = size
    clear = np.exp(-THERMAL_HAZE * light.extinction * np.minimum(canvas.depth, 60))
    heat = _shrink((canvas.heat * clear + light.air * (1 - clear)).astype(np.float32), size)
    heat = cv2.GaussianBlur(heat, (0, 0), 0.75 * width / 160)
    signal = (heat - light.black) / (light.white - light.black)
    rows, columns = np.mgrid[-1:1:height * 1j, -1:1:width * 1j].astype(np.float32)
    signal = np.where(signal < 0.1, 0.1 * np.exp((signal - 0.1) / 0.35), np.minimum(signal, 1))  # cold end compressed
    signal = signal * (1 - 0.09 * (rows ** 2 + columns ** 2))
    signal = signal + 0.011 * rng.standard_normal((height, width)).astype(np.float32)
    signal = signal + 0.005 * rng.standard_normal((1, width)).astype(np.float32)  # column pattern of the detector
    return _to_8bit(signal)


def _to_8bit(image: np.ndarray) -> np.ndarray:
    return np.floor(np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)

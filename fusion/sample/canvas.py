"""A pinhole camera over a street, and a supersampled canvas that is painted from far to near.

World: metres, X right, Y up from the ground, Z ahead. Every fill paints all layers of a pixel at once: albedo and glow
(linear RGB), heat (degrees Celsius), depth (metres), MFNet label, owner (which object).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

SCALE = 3  # canvas pixels per picture pixel and axis
NEAR = 1.2  # metres; nothing is drawn closer to the camera


@dataclass(frozen=True)
class Camera:
    """Pinhole camera looking along Z. Lengths in canvas pixels except `height` (metres above the ground)."""

    focal: float
    centre: float  # column of the principal point
    horizon: float  # row of the horizon
    height: float

    def project(self, points) -> np.ndarray:
        """[...,3] world points -> [...,2] canvas columns and rows."""
        points = np.asarray(points, dtype=np.float64)
        z = np.maximum(points[..., 2], NEAR)
        return np.stack([self.centre + self.focal * points[..., 0] / z,
                         self.horizon + self.focal * (self.height - points[..., 1]) / z], axis=-1)

    def world(self, columns, rows, z):
        """World X and Y of canvas pixels at depth z."""
        return (columns - self.centre) * z / self.focal, self.height - (rows - self.horizon) * z / self.focal


@dataclass(frozen=True)
class Paint:
    """What a surface looks like to both cameras.

    colour: linear RGB reflectance. heat: degrees Celsius; None leaves what lies behind (a thing as warm as its
    ground). glow: emitted linear RGB. label: MFNet id; None leaves what lies behind.
    """

    colour: tuple[float, float, float]
    heat: float | None = None
    glow: tuple[float, float, float] | None = None
    label: int | None = 0

    def lit(self, factor: float) -> "Paint":
        red, green, blue = self.colour
        return replace(self, colour=(red * factor, green * factor, blue * factor))


class Canvas:
    """The layers of one picture at SCALE times its size."""

    def __init__(self, height: int, width: int, camera: Camera, sun: np.ndarray):
        self.shape = (height, width)
        self.camera = camera
        self.sun = sun  # unit vector towards the strongest light
        self.albedo = np.zeros((height, width, 3), np.float32)
        self.glow = np.zeros((height, width, 3), np.float32)
        self.heat = np.zeros((height, width), np.float32)
        self.depth = np.full((height, width), 1000, np.float32)
        self.label = np.zeros((height, width), np.uint8)
        self.owner = np.zeros((height, width), np.int16)
        self.lamps: list[tuple[np.ndarray, np.ndarray]] = []  # (world position, linear RGB power)
        self.current = 0  # the object being drawn; 0 is the backdrop

    def region(self, outline: np.ndarray):
        """(window, mask) of the canvas pixels inside a closed outline [N,2], or None when it lies outside."""
        height, width = self.shape
        left, top = np.floor(outline.min(axis=0)).astype(int)
        right, bottom = np.ceil(outline.max(axis=0)).astype(int) + 1
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left >= right or top >= bottom:
            return None
        mask = np.zeros((bottom - top, right - left), np.uint8)
        # four fractional bits, kept well inside 32-bit coordinates
        points = np.clip((outline - (left, top)) * 16, -1e6, 1e6).round().astype(np.int32)
        cv2.fillPoly(mask, [points], 1, cv2.LINE_8, 4)
        return (slice(top, bottom), slice(left, right)), mask.view(bool)

    def fill(self, outline: np.ndarray, paint: Paint, depth: float | None) -> None:
        """Paint the inside of an outline in canvas pixels; depth None leaves the depth of what lies behind."""
        found = self.region(outline)
        if found is None:
            return
        window, mask = found
        self.albedo[window][mask] = paint.colour
        self.glow[window][mask] = paint.glow or 0
        self.owner[window][mask] = self.current
        if paint.heat is not None:
            self.heat[window][mask] = paint.heat
        if depth is not None:
            self.depth[window][mask] = depth
        if paint.label is not None:
            self.label[window][mask] = paint.label

    def face(self, points: np.ndarray, paint: Paint, shade: float = 1.0) -> None:
        """Paint a flat polygon given in world points [N,3]."""
        points = np.asarray(points, dtype=np.float64)
        if points[:, 2].max() <= NEAR:
            return
        self.fill(self.camera.project(points), paint.lit(shade), float(points[:, 2].mean()))

    def shade(self, normal: np.ndarray) -> float:
        """How bright a face with this outward normal is, around 1."""
        normal = normal / (np.linalg.norm(normal) + 1e-9)
        return float(0.62 + 0.16 * normal[1] + 0.55 * max(0.0, normal @ self.sun))

    def darken(self, points: np.ndarray, factor: float, cooler: float = 0.0) -> None:
        """A shadow: the convex hull of world points darkens (and cools) what is already there."""
        outline = cv2.convexHull(self.camera.project(points).astype(np.float32))[:, 0]
        found = self.region(outline)
        if found is None:
            return
        window, mask = found
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0 * SCALE)
        self.albedo[window] *= (1 - (1 - factor) * soft)[..., None]
        self.heat[window] -= cooler * soft


class Flat:
    """Draws in a vertical plane that faces the camera: x right of the anchor, y above the ground, metres."""

    def __init__(self, canvas: Canvas, x: float, z: float, *, size: float = 1.0, flip: bool = False):
        self.canvas, self.x, self.z, self.size, self.sign = canvas, x, z, size, -1 if flip else 1

    def world(self, points) -> np.ndarray:
        points = np.asarray(points, dtype=np.float64) * self.size
        return np.stack([self.x + self.sign * points[:, 0], points[:, 1], np.full(len(points), self.z)], axis=-1)

    def polygon(self, points, paint: Paint) -> None:
        self.canvas.face(self.world(points), paint)

    def ellipse(self, x: float, y: float, rx: float, ry: float, paint: Paint) -> None:
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        self.polygon(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=-1), paint)

    def ring(self, x: float, y: float, radius: float, width: float, paint: Paint) -> None:
        angle = np.linspace(0, 2 * np.pi, 29)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        # there and back: what lies between both circles is inside (even-odd rule)
        outline = np.concatenate([circle * (radius + width / 2), circle[::-1] * (radius - width / 2)])
        self.polygon(outline + np.array([x, y]), paint)

    def limb(self, start, end, width: float, end_width: float, paint: Paint) -> None:
        """A tapered stroke with round ends."""
        start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        heading = np.arctan2(*(end - start)[::-1])
        caps = []
        for point, radius, turn in ((end, end_width / 2, -np.pi / 2), (start, width / 2, np.pi / 2)):
            angle = heading + turn + np.linspace(0, np.pi, 7)
            caps.append(point + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
        self.polygon(np.concatenate(caps), paint)


def fractal(rng: np.random.Generator, size: int, octaves: int = 5) -> np.ndarray:
    """Smooth tileable-enough noise, float32 [size,size] around 0 with unit deviation."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        cells = 4 << octave
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        grid = np.pad(grid, ((0, 1), (0, 1)), mode="wrap")
        fine = cv2.resize(grid, (size + size // cells, size + size // cells), interpolation=cv2.INTER_LINEAR)
        total += fine[:size, :size] * 0.62 ** octave
    return (total - total.mean()) / total.std()

"""Cars, buses and trucks: extruded profiles at any heading, with glass, lamps, wheels and the heat of the engine.

Local frame: x forward, y up, w to the vehicle's right, metres. Heading 0 drives away from the camera.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fusion.sample.canvas import Canvas, Paint
from fusion.sample.lighting import Light

CAR = 1  # MFNet id of every motor vehicle on four or more wheels
_BODIES = np.array([(0.45, 0.02, 0.02), (0.60, 0.60, 0.60), (0.02, 0.02, 0.025), (0.03, 0.10, 0.36), (0.30, 0.31, 0.33),
                    (0.55, 0.42, 0.06), (0.04, 0.20, 0.10), (0.70, 0.68, 0.62)])
_COACHES = np.array([(0.60, 0.08, 0.04), (0.05, 0.28, 0.50), (0.65, 0.45, 0.05), (0.10, 0.40, 0.16), (0.6, 0.6, 0.58)])
_STRIPES = np.array([(0.5, 0.05, 0.04), (0.04, 0.15, 0.45), (0.05, 0.32, 0.12), (0.6, 0.38, 0.04)])


@dataclass(frozen=True)
class Pose:
    """Where a vehicle stands. `running`: warm engine and tyres, lamps on when it is dark."""

    x: float
    z: float
    heading: float  # radians
    running: bool


class Vehicle:
    """Places local polygons in the world and draws solids with hidden faces left out."""

    def __init__(self, canvas: Canvas, light: Light, pose: Pose):
        self.canvas, self.light, self.pose = canvas, light, pose
        self.sin, self.cos = np.sin(pose.heading), np.cos(pose.heading)
        sunny = 9.0 if light.name == "day" else 0.0
        self.cold = light.air + 1 + sunny
        self.hot = 1.0 if pose.running else 0.0
        self.lamps = light.lamps_on and pose.running
        self.glass = Paint((0.03, 0.04, 0.05), light.air - 2 + 0.4 * sunny, label=CAR)
        self.rubber = Paint((0.018, 0.018, 0.02), self.cold + 13 * self.hot, label=CAR)
        self.under = Paint((0.008, 0.008, 0.009), self.cold + 10 * self.hot, label=CAR)

    def turn(self, vector) -> np.ndarray:
        v = np.asarray(vector, dtype=np.float64)
        return np.stack([v[..., 0] * self.sin + v[..., 2] * self.cos, v[..., 1],
                         v[..., 0] * self.cos - v[..., 2] * self.sin], axis=-1)

    def world(self, points) -> np.ndarray:
        return self.turn(points) + np.array([self.pose.x, 0, self.pose.z])

    def seen(self, points, normal) -> bool:
        centre = self.world(points).mean(axis=0) - np.array([0, self.canvas.camera.height, 0])
        return float(self.turn(normal) @ centre) < 0

    def quad(self, points, paint: Paint, normal) -> None:
        self.canvas.face(self.world(points), paint, self.canvas.shade(self.turn(normal)))

    def solid(self, profile, half: Callable[[float], float], paints: Callable[[int], Paint], side: Paint,
              details: Callable[[str, int], None] = lambda kind, index: None) -> None:
        """Extrude a side profile [(x, y)...] given anticlockwise seen from the right (front = +x to the right).

        half: half width at height y. paints: colour of strip i, between vertices i and i+1. details: called with
        ("left" | "right" | "strip", index) after each visible face to draw what sits on it.
        """
        faces = []
        for sign, name in ((-1, "left"), (1, "right")):
            points = [(x, y, sign * half(y)) for x, y in profile]
            faces.append((points, (0, 0, sign), side, name, 0))
        for index, ((x0, y0), (x1, y1)) in enumerate(zip(profile, profile[1:] + profile[:1])):
            points = [(x0, y0, -half(y0)), (x0, y0, half(y0)), (x1, y1, half(y1)), (x1, y1, -half(y1))]
            faces.append((points, (y1 - y0, x0 - x1, 0), paints(index), "strip", index))
        faces = [f for f in faces if self.seen(f[0], f[1])]
        for points, normal, paint, kind, index in sorted(faces, key=lambda f: -self.world(f[0])[:, 2].mean()):
            self.quad(points, paint, normal)
            details(kind, index)

    def wheel(self, x: float, radius: float, w: float) -> None:
        """A wheel in the plane w; the rim is brighter and, after driving, warm from the brakes."""
        sign = np.sign(w)
        if not self.seen([(x, radius, w)], (0, 0, sign)):
            return
        angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        rim = Paint((0.32, 0.32, 0.33), self.cold + 9 * self.hot, label=CAR)
        hub = Paint((0.08, 0.08, 0.08), self.cold + 18 * self.hot, label=CAR)
        for share, paint in ((1.0, self.rubber), (0.62, rim), (0.25, hub)):
            circle = [(x + share * radius * np.cos(a), radius + share * radius * np.sin(a), w) for a in angle]
            self.quad(circle, paint, (0, 0, sign))

    def tyres_from_ahead(self, xs, radius: float, half: float) -> None:
        """The treads of all wheels, seen from the front or the rear."""
        for x in sorted(xs, key=lambda x: -self.world([(x, 0, 0)])[0, 2]):
            for w in (-half, half - 0.22):
                for end in (-radius * 0.8, radius * 0.8):
                    if self.seen([(x + end, radius, w)], (np.sign(end), 0, 0)):
                        self.quad([(x + end, 0.02, w), (x + end, 0.02, w + 0.22), (x + end, 1.4 * radius, w + 0.22),
                                   (x + end, 1.4 * radius, w)], self.rubber, (np.sign(end), 0, 0))

    def panel(self, x: float, y0: float, y1: float, w0: float, w1: float, paint: Paint) -> None:
        """A patch on the front (x > 0) or the rear end."""
        out = 0.02 * np.sign(x)
        x += out
        self.quad([(x, y0, w0), (x, y0, w1), (x, y1, w1), (x, y1, w0)], paint, (np.sign(x), 0, 0))

    def flank(self, sign: int, points, w: float, paint: Paint) -> None:
        """A patch on one side; points [(x, y)...]."""
        self.quad([(x, y, sign * w) for x, y in points], paint, (0, 0, sign))

    def end_lamps(self, x: float, y0: float, y1: float, inner: float, outer: float) -> None:
        """Head lamps (x > 0) or tail lamps on both sides of an end."""
        if x > 0:
            glow = (5.0, 4.7, 4.0) if self.lamps else None
            paint = Paint((0.6, 0.6, 0.58), self.cold + 12 * self.hot, glow, CAR)
        else:
            glow = (1.6, 0.06, 0.03) if self.lamps else None
            paint = Paint((0.45, 0.02, 0.02), self.cold + 4 * self.hot, glow, CAR)
        for sign in (-1, 1):
            low, high = sorted((sign * inner, sign * outer))
            self.panel(x, y0, y1, low, high, paint)
        if self.lamps and x > 0 and self.seen([(x, y0, 0)], (1, 0, 0)):
            place = self.world([(x + 2.5, 0.3, 0)])[0]
            self.canvas.lamps.append((place, np.array([0.9, 0.85, 0.75])))

    def shadow(self, length: float, width: float, height: float) -> None:
        """Contact shadow, cast shadow of the sun, and the warm ground under a running engine."""
        foot = self.world([(a * length / 2, 0, b * width / 2) for a in (-1, 1) for b in (-1, 1)])
        if self.light.shadow < 0.99:
            sun = self.canvas.sun
            top = foot - np.array([sun[0], 0, sun[2]]) / sun[1] * height * 0.85
            cooler = 0.35 * (self.light.road - self.light.air)
            self.canvas.darken(np.concatenate([foot, top]), self.light.shadow, cooler)
        self.canvas.darken(foot, 0.35, -5.0 * self.hot)


def paint_car(canvas: Canvas, light: Light, pose: Pose, rng: np.random.Generator) -> None:
    """A saloon, hatchback or estate of about 4.2 m."""
    car = Vehicle(canvas, light, pose)
    colour = tuple(_BODIES[rng.integers(len(_BODIES))] * rng.uniform(0.85, 1.15))
    tall, boot = rng.uniform(1.42, 1.66), rng.uniform(0.0, 0.75)
    body = Paint(colour, car.cold, label=CAR)
    hood = Paint(colour, car.cold + 15 * car.hot, label=CAR)
    front = Paint(colour, car.cold + 12 * car.hot, label=CAR)
    profile = [(-2.05, 0.32), (2.05, 0.30), (2.12, 0.62), (2.0, 0.80), (1.05, 0.98), (0.42, tall),
               (-1.0, tall), (-1.95 + boot, 1.0), (-2.02, 0.96), (-2.1, 0.70)]
    strips = {1: front, 2: front, 3: hood, 4: car.glass, 6: car.glass}
    belt = 0.98

    def half(y: float) -> float:
        return 0.88 if y < belt else 0.88 - 0.2 * (y - belt) / (tall - belt)

    def details(kind: str, index: int) -> None:
        if kind in ("left", "right"):
            sign = 1 if kind == "right" else -1
            low, high = 1.0, tall - 0.09
            back = -1.72 + boot
            window = [(back, low), (0.92, low), (0.42, high), (-0.95, high)]
            for x0, x1 in ((back + 0.02, -0.32), (-0.24, 0.88)):
                cut = _clip_columns(window, x0, x1)
                car.quad([(x, y, sign * (half(y) + 0.01)) for x, y in cut], car.glass, (0, 0, sign))
            dark = Paint((0.01, 0.01, 0.01), car.cold + 6 * car.hot, label=CAR)
            for x in (-1.28, 1.3):
                arch = [(x + 0.40 * np.cos(a), 0.32 + 0.40 * np.sin(a)) for a in np.linspace(0, np.pi, 12)]
                car.flank(sign, arch, 0.885, dark)
                car.wheel(x, 0.33, sign * 0.89)
            car.flank(sign, [(-0.28, 0.42), (-0.25, 0.42), (-0.25, 0.98), (-0.28, 0.98)], 0.885, body.lit(0.5))
        elif index == 1:
            car.panel(2.08, 0.38, 0.60, -0.5, 0.5, Paint((0.02, 0.02, 0.02), car.cold + 24 * car.hot, label=CAR))
            car.panel(2.12, 0.36, 0.47, -0.24, 0.24, Paint((0.55, 0.55, 0.6), car.cold, label=CAR))
        elif index == 2:
            car.end_lamps(2.06, 0.60, 0.77, 0.50, 0.84)
        elif index == 9:
            car.panel(-2.08, 0.40, 0.52, -0.26, 0.26, Paint((0.6, 0.55, 0.2), car.cold, label=CAR))
            car.panel(-2.1, 0.26, 0.38, -0.85, 0.85, Paint((0.03, 0.03, 0.03), car.cold + 3 * car.hot, label=CAR))
            exhaust = Paint((0.1, 0.1, 0.1), car.cold + 30 * car.hot, label=CAR)
            car.panel(-2.1, 0.22, 0.32, 0.4, 0.55, exhaust)
        elif index == 8:
            car.end_lamps(-2.08, 0.72, 0.92, 0.52, 0.86)

    car.solid([(-1.9, 0.14), (1.9, 0.14), (1.9, 0.5), (-1.9, 0.5)], lambda y: 0.78, lambda i: car.under, car.under)
    car.tyres_from_ahead((-1.28, 1.3), 0.33, 0.86)
    car.solid(profile, half, lambda i: strips.get(i, body), body, details)


def _clip_columns(polygon, x0: float, x1: float):
    """The part of a convex polygon [(x, y)...] with x0 <= x <= x1."""
    for limit, keep in ((x0, 1), (x1, -1)):
        kept = []
        for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1]):
            inside_a, inside_b = keep * (ax - limit) >= 0, keep * (bx - limit) >= 0
            if inside_a:
                kept.append((ax, ay))
            if inside_a != inside_b:
                share = (limit - ax) / (bx - ax)
                kept.append((limit, ay + share * (by - ay)))
        polygon = kept
    return polygon


def paint_bus(canvas: Canvas, light: Light, pose: Pose, rng: np.random.Generator) -> None:
    """A city bus of 7.5 m with a window band, doors, a lit sign and seats that glow at night."""
    bus = Vehicle(canvas, light, pose)
    colour = tuple(_COACHES[rng.integers(len(_COACHES))])
    body = Paint(colour, bus.cold + 2 * bus.hot, label=CAR)
    pale = Paint((0.62, 0.62, 0.60), bus.cold + 2 * bus.hot, label=CAR)
    inside = (0.55, 0.50, 0.36) if bus.lamps else None
    window = Paint((0.04, 0.05, 0.06), light.air + 3 * bus.hot, inside, CAR)
    sign_paint = Paint((0.02, 0.02, 0.02), bus.cold + 6 * bus.hot, (1.3, 0.5, 0.05) if bus.pose.running else None, CAR)
    length, wide, tall = 3.75, 1.22, 2.95

    def details(kind: str, index: int) -> None:
        if kind in ("left", "right"):
            sign = 1 if kind == "right" else -1
            bus.flank(sign, [(-length, 1.15), (length, 1.15), (length, 1.28), (-length, 1.28)], wide + 0.005, pale)
            for x in np.arange(-length + 0.15, length - 0.9, 1.22):
                bus.flank(sign, [(x, 1.4), (x + 1.05, 1.4), (x + 1.05, 2.4), (x, 2.4)], wide + 0.01, window)
            if sign > 0:  # the door is on the pavement's side
                bus.flank(sign, [(2.35, 0.4), (3.35, 0.4), (3.35, 2.4), (2.35, 2.4)], wide + 0.012, window)
            for x in (-2.2, 1.7):
                bus.wheel(x, 0.47, sign * (wide + 0.015))
        elif index == 1:
            bus.panel(length, 1.15, 2.4, -1.1, 1.1, window)
            bus.panel(length + 0.01, 1.1, 2.4, -0.03, 0.03, body.lit(0.4))
            bus.panel(length, 2.5, 2.82, -0.8, 0.8, sign_paint)
            bus.panel(length, 0.4, 0.62, -0.7, 0.7, Paint((0.03, 0.03, 0.03), bus.cold + 14 * bus.hot, label=CAR))
            bus.end_lamps(length, 0.62, 0.86, 0.75, 1.12)
        elif index == 3:
            bus.panel(-length, 1.5, 2.4, -1.0, 1.0, window)
            engine = Paint(tuple(0.5 * c for c in colour), bus.cold + 24 * bus.hot, label=CAR)
            bus.panel(-length, 0.5, 1.2, -0.75, 0.75, engine)
            bus.panel(-length, 2.5, 2.75, -0.4, 0.4, sign_paint)
            bus.end_lamps(-length, 0.7, 1.15, 0.9, 1.14)

    bus.tyres_from_ahead((-2.2, 1.7), 0.47, 1.15)
    bus.solid([(-length, 0.32), (length, 0.32), (length, tall), (-length, tall)], lambda y: wide,
              lambda i: bus.under if i == 0 else body, body, details)


def paint_truck(canvas: Canvas, light: Light, pose: Pose, rng: np.random.Generator) -> None:
    """A box lorry of 6 m: cab, chassis and a pale box with a stripe; hot engine under the cab."""
    truck = Vehicle(canvas, light, pose)
    cab_colour = tuple(_BODIES[rng.integers(len(_BODIES))] * 1.1)
    stripe = Paint(tuple(_STRIPES[rng.integers(len(_STRIPES))]), truck.cold + 1, label=CAR)
    box = Paint((0.60, 0.59, 0.55), truck.cold - 1, label=CAR)
    cab = Paint(cab_colour, truck.cold + 6 * truck.hot, label=CAR)
    grille = Paint((0.03, 0.03, 0.03), truck.cold + 26 * truck.hot, label=CAR)
    frame = Paint((0.03, 0.03, 0.03), truck.cold + 8 * truck.hot, label=CAR)

    def on_box(kind: str, index: int) -> None:
        if kind in ("left", "right"):
            sign = 1 if kind == "right" else -1
            truck.flank(sign, [(-3.0, 1.55), (0.95, 1.9), (0.95, 2.2), (-3.0, 1.85)], 1.155, stripe)
            truck.flank(sign, [(-3.0, 0.85), (1.0, 0.85), (1.0, 0.97), (-3.0, 0.97)], 1.155, frame)
            truck.wheel(-2.2, 0.45, sign * 1.16)
        elif index == 3:
            truck.panel(-3.0, 0.95, 2.8, -0.02, 0.02, frame)
            for w in (-0.55, 0.5):
                truck.panel(-3.0, 0.95, 2.8, w, w + 0.04, box.lit(0.55))
            truck.panel(-3.0, 0.85, 1.0, -1.15, 1.15, frame)
            truck.panel(-3.0, 0.55, 0.8, -0.3, 0.3, Paint((0.6, 0.5, 0.1), truck.cold, label=CAR))
            truck.end_lamps(-3.02, 0.55, 0.82, 0.78, 1.12)

    def on_cab(kind: str, index: int) -> None:
        if kind in ("left", "right"):
            sign = 1 if kind == "right" else -1
            truck.flank(sign, [(1.35, 1.45), (2.35, 1.45), (2.2, 2.1), (1.35, 2.1)], 1.06, truck.glass)
            truck.wheel(1.95, 0.45, sign * 1.07)
        elif index == 2:
            truck.quad([(2.62, 1.45, -0.92), (2.62, 1.45, 0.92), (2.44, 2.12, 0.88), (2.44, 2.12, -0.88)], truck.glass,
                       (1, 0.2, 0))
        elif index == 1:
            truck.panel(2.62, 0.75, 1.25, -0.6, 0.6, grille)
            truck.end_lamps(2.62, 0.55, 0.8, 0.62, 1.0)

    def draw_box() -> None:
        truck.solid([(-3.0, 0.85), (1.05, 0.85), (1.05, 2.9), (-3.0, 2.9)], lambda y: 1.15,
                    lambda i: truck.under if i == 0 else box, box, on_box)

    def draw_cab() -> None:
        truck.solid([(1.15, 0.45), (2.6, 0.45), (2.6, 1.35), (2.35, 2.3), (1.15, 2.3)], lambda y: 1.05,
                    lambda i: truck.under if i == 0 else cab, cab, on_cab)

    truck.solid([(-2.9, 0.5), (2.3, 0.5), (2.3, 0.9), (-2.9, 0.9)], lambda y: 0.6, lambda i: frame, frame)
    truck.tyres_from_ahead((-2.2, 1.95), 0.45, 1.1)
    towards_camera = truck.cos < 0  # then the cab is the nearer part
    for part in (draw_box, draw_cab) if towards_camera else (draw_cab, draw_box):
        part()

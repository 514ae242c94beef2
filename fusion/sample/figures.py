"""People, motorcycles and bicycles, drawn flat towards the camera."""

from collections.abc import Sequence

import numpy as np

from fusion.sample.canvas import Canvas, Flat, Paint
from fusion.sample.lighting import Light

PERSON, BIKE = 2, 3  # MFNet ids
_CLOTHES = np.array([(0.50, 0.05, 0.05), (0.05, 0.12, 0.45), (0.06, 0.30, 0.12), (0.55, 0.42, 0.06), (0.50, 0.50, 0.50),
                     (0.03, 0.03, 0.04), (0.35, 0.10, 0.32), (0.10, 0.32, 0.40)])
_SKINS = np.array([(0.52, 0.32, 0.22), (0.36, 0.20, 0.12), (0.16, 0.08, 0.05), (0.60, 0.40, 0.29)])

_HAIR = np.array([(0.03, 0.02, 0.015), (0.12, 0.07, 0.03), (0.3, 0.28, 0.25)])


class Wardrobe:
    """Paints of one person: bare skin near body temperature, clothes between it and the air."""

    def __init__(self, light: Light, rng: np.random.Generator):
        def cloth(share: float) -> Paint:
            colour = _CLOTHES[rng.integers(len(_CLOTHES))] * light.cloth * rng.uniform(0.7, 1.1)
            return Paint(tuple(colour), light.air + share * (33 - light.air), label=PERSON)

        skin = _SKINS[rng.integers(len(_SKINS))] * (0.5 + 0.5 * light.cloth)
        self.skin = Paint(tuple(skin), 34.0, label=PERSON)
        hair = _HAIR[rng.integers(len(_HAIR))] * (0.4 + 0.6 * light.cloth)
        self.hair = Paint(tuple(hair), light.air + 0.6 * (33 - light.air), label=PERSON)
        self.top, self.legs = cloth(rng.uniform(0.62, 0.8)), cloth(rng.uniform(0.55, 0.7))
        self.sleeves = self.top.lit(0.85)
        self.shoes = Paint((0.03, 0.03, 0.03), light.air + 0.3 * (33 - light.air), label=PERSON)


def paint_person(canvas: Canvas, light: Light, x: float, z: float, rng: np.random.Generator) -> None:
    """A walker of 1.6 to 1.9 m, from the front or the side."""
    wear = Wardrobe(light, rng)
    flat = Flat(canvas, x, z, size=rng.uniform(0.95, 1.1), flip=bool(rng.random() < 0.5))
    sideways = rng.random() < 0.6
    stride = rng.uniform(0.1, 0.32) if sideways else rng.uniform(0.0, 0.07)
    hip, wide = (0.05, 0.17) if sideways else (0.09, 0.23)
    knee = 0.48
    for foot, side, shade in ((-stride, -1, 0.75), (stride, 1, 1.0)):
        start = (side * hip, 0.9)
        bend = (side * hip + foot * 0.55 + (0.05 if sideways else 0), knee)
        end = (side * hip + foot, 0.08)
        flat.limb(start, bend, 0.20, 0.15, wear.legs.lit(shade))
        flat.limb(bend, end, 0.15, 0.11, wear.legs.lit(shade))
        flat.limb((end[0] - 0.03, 0.05), (end[0] + (0.14 if sideways else 0.05), 0.045), 0.10, 0.08, wear.shoes)
    swing = stride * 0.8
    _arm(flat, wear, (-wide + 0.02, 1.38), swing if sideways else -0.06, 0.8)
    flat.polygon([(-wide * 0.78, 0.86), (wide * 0.78, 0.86), (wide * 0.85, 1.15), (wide, 1.40), (wide * 0.6, 1.48),
                  (-wide * 0.6, 1.48), (-wide, 1.40), (-wide * 0.85, 1.15)], wear.top)
    if rng.random() < 0.35:  # a rucksack or bag keeps the cold
        bag = Paint(tuple(_CLOTHES[rng.integers(len(_CLOTHES))] * light.cloth), light.air + 5, label=PERSON)
        flat.ellipse(-wide if sideways else 0.0, 1.2, 0.13, 0.22, bag)
    _arm(flat, wear, (wide - 0.02, 1.38), -swing if sideways else 0.06, 1.0)
    flat.limb((0, 1.46), (0.01, 1.54), 0.11, 0.11, wear.skin.lit(0.8))
    _head(flat, wear, 0.015, 1.65)


def _arm(flat: Flat, wear: Wardrobe, shoulder, reach: float, shade: float) -> None:
    elbow = (shoulder[0] + reach * 0.55, 1.12)
    hand = (shoulder[0] + reach * 1.2, 0.88)
    flat.limb(shoulder, elbow, 0.13, 0.10, wear.sleeves.lit(shade))
    flat.limb(elbow, hand, 0.10, 0.08, wear.sleeves.lit(shade))
    flat.ellipse(*hand, 0.05, 0.06, wear.skin.lit(shade))


def _head(flat: Flat, wear: Wardrobe, x: float, y: float) -> None:
    flat.ellipse(x, y + 0.02, 0.115, 0.145, wear.hair)
    flat.ellipse(x + 0.015, y - 0.02, 0.095, 0.115, wear.skin)


def _wheel(flat: Flat, x: float, radius: float, width: float, tyre: Paint, inner: Paint | None) -> None:
    if inner is not None:
        flat.ellipse(x, radius, radius * 0.55, radius * 0.55, inner)
    flat.ring(x, radius, radius - width / 2, width, tyre)


def _rider(flat: Flat, wear: Wardrobe, *, seat, hand, foot, helmet: Paint) -> None:
    """Somebody sitting, seen from the side; points are (x, y)."""
    seat, hand, foot = (np.asarray(p, dtype=np.float64) for p in (seat, hand, foot))
    shoulder = seat + np.array([0.20, 0.52])
    knee = np.array([seat[0] + 0.36, (seat[1] + foot[1]) / 2 + 0.14])
    flat.limb(seat, knee, 0.19, 0.14, wear.legs)
    flat.limb(knee, foot, 0.13, 0.10, wear.legs)
    flat.limb(foot, foot + np.array([0.14, 0]), 0.09, 0.08, wear.shoes)
    flat.limb(seat, shoulder, 0.30, 0.32, wear.top)
    elbow = (shoulder + hand) / 2 - np.array([0, 0.08])
    flat.limb(shoulder, elbow, 0.12, 0.10, wear.sleeves)
    flat.limb(elbow, hand, 0.10, 0.08, wear.sleeves)
    flat.ellipse(hand[0], hand[1], 0.05, 0.05, wear.skin)
    top = shoulder + np.array([0.08, 0.25])
    flat.ellipse(top[0], top[1], 0.15, 0.155, helmet)
    flat.ellipse(top[0] + 0.08, top[1] - 0.02, 0.06, 0.06, wear.skin)


def paint_motorcycle(canvas: Canvas, light: Light, x: float, z: float, rng: np.random.Generator) -> None:
    """A motorcycle with its rider: hot engine and exhaust, lamp on when it is dark."""
    flat = Flat(canvas, x, z, size=1.05, flip=bool(rng.random() < 0.5))
    wear = Wardrobe(light, rng)
    colour = tuple(_CLOTHES[rng.integers(len(_CLOTHES) - 4)])
    cold = light.air + (8 if light.name == "day" else 2)
    body = Paint(colour, cold + 4, label=BIKE)
    metal = Paint((0.25, 0.25, 0.26), cold + 6, label=BIKE)
    engine = Paint((0.12, 0.12, 0.13), cold + 34, label=BIKE)
    exhaust = Paint((0.35, 0.34, 0.33), cold + 40, label=BIKE)
    tyre = Paint((0.02, 0.02, 0.02), cold + 12, label=BIKE)
    hub = Paint((0.2, 0.2, 0.2), cold + 14, label=BIKE)
    shell = _CLOTHES[rng.integers(len(_CLOTHES))] * (0.4 + 0.6 * light.cloth)
    helmet = Paint(tuple(shell), light.air + 6, label=PERSON)
    for wheel in (-0.68, 0.72):
        _wheel(flat, wheel, 0.32, 0.13, tyre, hub)
    flat.limb((-0.68, 0.32), (-0.1, 0.42), 0.09, 0.10, metal)
    flat.limb((0.72, 0.32), (0.45, 0.95), 0.07, 0.07, metal)
    flat.polygon([(-0.2, 0.28), (0.3, 0.26), (0.36, 0.58), (-0.18, 0.6)], engine)
    flat.limb((0.0, 0.27), (-0.75, 0.40), 0.09, 0.12, exhaust)
    flat.polygon([(-0.12, 0.6), (0.35, 0.58), (0.52, 0.84), (0.2, 0.92), (-0.05, 0.80)], body)
    saddle = Paint((0.03, 0.03, 0.03), cold + 8, label=BIKE)
    flat.polygon([(-0.85, 0.82), (-0.7, 0.72), (0.0, 0.68), (0.02, 0.80)], saddle)
    flat.polygon([(0.40, 0.55), (0.62, 0.72), (0.66, 1.0), (0.46, 1.12), (0.40, 0.9)], body.lit(1.15))
    flat.limb((0.45, 1.0), (0.30, 1.08), 0.05, 0.05, metal)
    _rider(flat, wear, seat=(-0.28, 0.88), hand=(0.34, 1.06), foot=(0.02, 0.36), helmet=helmet)
    lamp = Paint((0.7, 0.7, 0.65), cold + 14, (4.5, 4.2, 3.5) if light.lamps_on else None, BIKE)
    flat.ellipse(0.64, 0.88, 0.07, 0.10, lamp)
    tail = Paint((0.5, 0.02, 0.02), cold + 3, (1.2, 0.05, 0.02) if light.lamps_on else None, BIKE)
    flat.ellipse(-0.84, 0.76, 0.05, 0.05, tail)


def paint_bicycle(canvas: Canvas, light: Light, x: float, z: float, rng: np.random.Generator) -> None:
    """A parked bicycle with a basket, as warm as the air."""
    flat = Flat(canvas, x, z, size=1.05, flip=bool(rng.random() < 0.5))
    colour = tuple(_CLOTHES[rng.integers(5)])
    frame = Paint(colour, light.air - 2, label=BIKE)
    tyre = Paint((0.025, 0.025, 0.025), light.air + 1, label=BIKE)
    metal = Paint((0.3, 0.3, 0.31), light.air - 2, label=BIKE)
    for wheel in (-0.52, 0.52):
        flat.ring(wheel, 0.34, 0.31, 0.075, tyre)
        flat.ring(wheel, 0.34, 0.27, 0.02, metal)
    for start, end in _frame_tubes():
        flat.limb(start, end, 0.075, 0.075, frame)
    flat.limb((-0.30, 0.86), (-0.10, 0.87), 0.08, 0.06, Paint((0.03, 0.02, 0.02), light.air, label=BIKE))
    flat.limb((0.34, 0.98), (0.46, 1.0), 0.05, 0.05, metal)
    basket = Paint((0.3, 0.22, 0.12), light.air, label=BIKE)
    flat.polygon([(0.42, 0.72), (0.74, 0.72), (0.70, 0.96), (0.44, 0.96)], basket)


def _frame_tubes() -> Sequence[tuple]:
    """Chain stay, seat stay, seat tube, down tube, top tube, fork."""
    axle, crank, saddle, head, hub = (-0.52, 0.34), (-0.05, 0.30), (-0.20, 0.84), (0.36, 0.88), (0.52, 0.34)
    return ((axle, crank), (axle, saddle), (crank, saddle), (crank, head), (saddle, head), (hub, head))

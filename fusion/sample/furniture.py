"""What stands about in a street: lamps, cones, guardrails, car stops, bumps.

Cones, car stops and bumps are as warm as their ground: the infrared does not show them.
"""

import itertools

import numpy as np

from fusion.sample.canvas import Canvas, Flat, Paint
from fusion.sample.lighting import Light

CAR_STOP, GUARDRAIL, CONE, BUMP = 5, 6, 7, 8  # MFNet ids
_YELLOW, _BLACK = (0.85, 0.55, 0.03), (0.02, 0.02, 0.02)


def paint_post(canvas: Canvas, light: Light, x: float, z: float, top: float) -> None:
    """The cold post of a street lamp that is `top` metres high."""
    flat = Flat(canvas, x, z)
    iron = _iron(light)
    flat.limb((0, 0), (0, top - 0.25), 0.16, 0.09, iron)
    flat.limb((0, 0), (0, 0.5), 0.26, 0.20, iron)


def paint_lanterns(canvas: Canvas, light: Light, x: float, z: float, top: float, rng: np.random.Generator) -> None:
    """Two lanterns on a bracket; on, they are warm, glare and light up what stands around."""
    flat = Flat(canvas, x, z)
    colour = np.array([(1.0, 0.80, 0.45), (1.0, 0.93, 0.80), (1.0, 0.62, 0.25)])[rng.integers(3)]
    on = light.lamps_on
    glass = Paint((0.55, 0.55, 0.5), light.air + (24 if on else 5), tuple(4.2 * colour) if on else None)
    hood = Paint((0.06, 0.07, 0.07), light.air + (15 if on else 3))
    reach = 0.62
    flat.limb((-reach, top - 0.72), (reach, top - 0.72), 0.07, 0.07, _iron(light))
    flat.limb((0, top - 1.0), (0, top - 0.1), 0.10, 0.06, _iron(light))
    for arm in (-reach, reach):
        flat.polygon([(arm - 0.16, top - 0.66), (arm + 0.16, top - 0.66), (arm + 0.28, top - 0.1),
                      (arm - 0.28, top - 0.1)], glass)
        flat.polygon([(arm - 0.34, top - 0.12), (arm + 0.34, top - 0.12), (arm + 0.10, top + 0.12),
                      (arm - 0.10, top + 0.12)], hood)
        flat.polygon([(arm - 0.2, top - 0.74), (arm + 0.2, top - 0.74), (arm + 0.16, top - 0.64),
                      (arm - 0.16, top - 0.64)], hood)
    if on:
        canvas.lamps.append((np.array([x, top - 0.4, z]), colour * (2.4 if light.name == "night" else 1.2)))


def _iron(light: Light) -> Paint:
    return Paint((0.05, 0.06, 0.06), light.air - 1)


def paint_cone(canvas: Canvas, light: Light, x: float, z: float, rng: np.random.Generator) -> None:
    """A traffic cone of 0.75 m with reflecting bands."""
    flat = Flat(canvas, x, z, size=rng.uniform(1.0, 1.2))
    retro = 2.2 if light.headlights else 1.0  # reflecting film sends head lamps back
    orange = Paint((0.85, 0.16, 0.015), None, label=CONE).lit(retro)
    white = Paint((0.75, 0.75, 0.72), None, label=CONE).lit(retro)
    flat.polygon([(-0.27, 0), (0.27, 0), (0.25, 0.07), (-0.25, 0.07)], orange.lit(0.6))

    def band(y0: float, y1: float, paint: Paint) -> None:
        w0, w1 = (0.19 - 0.17 * (y - 0.07) / 0.68 for y in (y0, y1))
        flat.polygon([(-w0, y0), (w0, y0), (w1, y1), (-w1, y1)], paint)
        flat.polygon([(0.25 * w0, y0), (w0, y0), (w1, y1), (0.25 * w1, y1)], paint.lit(0.72))

    for low, high, paint in ((0.07, 0.26, orange), (0.26, 0.38, white), (0.38, 0.52, orange), (0.52, 0.61, white),
                             (0.61, 0.75, orange)):
        band(low, high, paint)


def paint_guardrail(canvas: Canvas, light: Light, x: float, near: float, far: float) -> None:
    """A steel W-beam on posts along the road; bright steel mirrors the cold sky."""
    heat = light.air - 9 if light.name != "day" else light.air - 6
    steel = Paint((0.42, 0.44, 0.46), heat, label=GUARDRAIL)
    post = Paint((0.22, 0.22, 0.23), heat + 2, label=GUARDRAIL)
    for z in np.arange(far, near - 0.01, -1.5):
        canvas.face(np.array([(x - 0.07, 0, z), (x + 0.07, 0, z), (x + 0.07, 0.78, z), (x - 0.07, 0.78, z)]), post)
    for low, high, shade in ((0.40, 0.50, 0.75), (0.50, 0.60, 1.15), (0.60, 0.70, 0.65), (0.70, 0.82, 1.2)):
        # in pieces, so that each carries its own depth
        for z in np.arange(far, near + 0.01, -1.5):
            end = max(z - 1.5, near)
            canvas.face(np.array([(x, low, z), (x, low, end), (x, high, end), (x, high, z)]), steel, shade)


def _striped_box(canvas: Canvas, x: float, z: float, width: float, height: float, depth: float, label: int,
                 pale: tuple, stripes: int, slope: float) -> None:
    """A low box across the view: front leaning by `slope` metres, top; stripes alternate pale and black."""
    edges = np.linspace(x - width / 2, x + width / 2, stripes + 1)
    for index, (left, right) in enumerate(itertools.pairwise(edges)):
        paint = Paint(pale if index % 2 == 0 else _BLACK, None, label=label)
        canvas.face(np.array([(left, height, z + depth), (right, height, z + depth), (right, height, z + slope),
                              (left, height, z + slope)]), paint, 1.15)
        canvas.face(np.array([(left, 0, z), (right, 0, z), (right, height, z + slope), (left, height, z + slope)]),
                    paint, 0.9)


def paint_car_stop(canvas: Canvas, x: float, z: float) -> None:
    """A parking block of 1.7 m, yellow with black ends."""
    _striped_box(canvas, x, z, 1.7, 0.22, 0.32, CAR_STOP, (0.62, 0.60, 0.55), 1, 0.08)
    for end in (-0.7, 0.7):
        _striped_box(canvas, x + end, z, 0.3, 0.22, 0.32, CAR_STOP, _YELLOW, 1, 0.08)


def paint_bump(canvas: Canvas, x: float, z: float, width: float) -> None:
    """A speed bump across the lane, black and yellow."""
    _striped_box(canvas, x, z, width, 0.10, 1.0, BUMP, _YELLOW, 9, 0.35)

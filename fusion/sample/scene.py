"""A street put together from a seed: where things stand, in which order they are drawn, what their labels are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fusion.sample import backdrop, figures, furniture, sensors, vehicles
from fusion.sample.canvas import SCALE, Camera, Canvas, fractal
from fusion.sample.lighting import LIGHTS, Light, conditions, sun_direction

M3FD_CLASSES = ("People", "Car", "Bus", "Motorcycle", "Lamp", "Truck")
MFNET_CLASSES = ("unlabelled", "car", "person", "bike", "curve", "car stop", "guardrail", "color cone", "bump")
SMALLEST = 32  # pixels a side of a picture
SMALLEST_BOX = 6  # pixels a side of a box
_STREET = ("person", "bicycle", "cone", "car_stop", "bump", "guardrail", "car")  # what the masks are about
_TRAFFIC = ("person", "car", "bus", "motorcycle", "lamp", "truck")  # what the boxes are about, as M3FD_CLASSES
_BOXED = dict(zip(_TRAFFIC, M3FD_CLASSES))
# width, height and depth range in metres of what a thing needs to be seen well
_ROOM = {"person": (0.8, 1.75, 4.9, 8.0), "car": (2.0, 1.5, 7.6, 11.5), "bus": (2.9, 2.95, 11.5, 14.5),
         "truck": (2.7, 2.9, 10.0, 13.5), "motorcycle": (2.0, 1.75, 5.6, 8.0), "bicycle": (1.8, 1.1, 5.0, 7.5),
         "lamp": (1.9, 4.0, 6.2, 8.2), "cone": (0.7, 0.8, 4.8, 6.6), "car_stop": (1.8, 0.25, 4.9, 6.4),
         "bump": (3.4, 0.2, 5.2, 7.5), "guardrail": (0.3, 0.8, 4.6, 15.0)}
_ORDER = ("bump", "bus", "truck", "car", "lamp", "motorcycle", "bicycle", "person", "guardrail", "car_stop", "cone")
_LONG = {"bus": 3.75, "truck": 3.0, "car": 2.1}  # half lengths


@dataclass(frozen=True)
class Scene:
    """One rendered street.

    ir: uint8 [H,W]. vi: uint8 [H,W,3] RGB. mask: uint8 [H,W], ids of MFNET_CLASSES.
    boxes: (M3FD class, x1, y1, x2, y2), pixel edges, 0 <= x1 < x2 <= W. light: the condition it was rendered in.
    """

    ir: np.ndarray
    vi: np.ndarray
    boxes: tuple[tuple[str, int, int, int, int], ...]
    mask: np.ndarray
    light: str


@dataclass(frozen=True)
class _Thing:
    kind: str
    x: float
    z: float
    heading: float = 0.0
    running: bool = True


def render_scene(seed: int, *, size: tuple[int, int] = (128, 160), light: str | None = None,
                 focus: str = "both") -> Scene:
    """Render the street of a seed; the same arguments give the same bytes.

    Args:
        seed: any integer >= 0; consecutive seeds lead with different classes.
        size: height and width in pixels, at least 32.
        light: "day", "dusk", "night", "fog", or None to let the seed choose.
        focus: "boxes" puts M3FD's classes in front, "masks" MFNet's, "both" mixes them.
    Raises ValueError for an unknown light or focus, or a size below 32.
    """
    height, width = size
    if min(size) < SMALLEST:
        raise ValueError(f"size {height}x{width}: at least {SMALLEST} pixels a side")
    rng = np.random.default_rng(seed)
    light_now = conditions(light or LIGHTS[rng.integers(len(LIGHTS))])
    light_now = replace(light_now, air=light_now.air + rng.uniform(-1.5, 1.5),
                        road=light_now.road + rng.uniform(-2, 2), wall=light_now.wall + rng.uniform(-2, 2))
    camera = Camera(focal=width * SCALE * rng.uniform(0.95, 1.1), centre=width * SCALE * rng.uniform(0.46, 0.54),
                    horizon=height * SCALE * rng.uniform(0.38, 0.44), height=rng.uniform(1.9, 2.35))
    canvas = Canvas(height * SCALE, width * SCALE, camera, sun_direction(rng))
    kinds = _choose(seed, focus, rng)
    road = backdrop.random_road(rng, curve=rng.random() < (0.2 if focus == "boxes" else 0.6))
    things = _place(kinds, canvas, road, rng)
    noise = fractal(rng, backdrop.TILE)
    backdrop.draw_sky(canvas, light_now, noise)
    backdrop.draw_ground(canvas, light_now, road, noise)
    backdrop.draw_houses(canvas, light_now, road, rng)
    boxes = _draw_things(canvas, light_now, road, things, noise, rng)
    return Scene(sensors.infrared(canvas, light_now, size, rng), sensors.visible(canvas, light_now, size, rng),
                 boxes, canvas.label[SCALE // 2::SCALE, SCALE // 2::SCALE].copy(), light_now.name)


def _choose(seed: int, focus: str, rng: np.random.Generator) -> list[str]:
    """Kinds of the things in a scene; the first follows from the seed, so that no class is left out by chance."""
    if focus not in ("boxes", "masks", "both"):
        raise ValueError(f"unknown focus {focus!r}; known: boxes, masks, both")
    if focus == "both":
        focus = "boxes" if seed % 2 else "masks"
        seed //= 2
    main, other = (_TRAFFIC, _STREET) if focus == "boxes" else (_STREET, _TRAFFIC)
    kinds = [main[seed % len(main)]]
    kinds += list(rng.choice(main, size=rng.integers(2, 4)))
    if rng.random() < 0.5:
        kinds.append("person")
    kinds += list(rng.choice(other, size=1)) if focus == "masks" or rng.random() < 0.35 else []
    for single in ("bus", "truck", "bump", "guardrail", "car_stop"):
        while kinds.count(single) > 1:
            kinds.remove(single)
    return [kind for name in _ORDER for kind in kinds if kind == name]


def _place(kinds: list[str], canvas: Canvas, road: backdrop.Road, rng: np.random.Generator) -> list[_Thing]:
    """A place for every kind where it is in view and hides little of the others; what finds none is left out."""
    camera = canvas.camera
    width = canvas.shape[1]
    taken: list[tuple[float, float, float, float]] = []
    things = []
    for kind in kinds:
        wide, tall, near, far = _ROOM[kind]
        nearest = max(near, camera.focal * camera.height / (canvas.shape[0] - camera.horizon) * 1.04)
        for _ in range(40):
            z = rng.uniform(nearest, max(far, nearest + 1))
            x = float(camera.world(rng.uniform(0.08, 0.92) * width, 0, z)[0])
            heading, across = 0.0, wide
            if kind in _LONG:
                x = float(np.clip(x, -road.half + 1.2, road.half - 1.2))
                heading = _heading(kind, x, rng)
                across = wide + 2 * _LONG[kind] * abs(np.sin(heading)) * 0.85
            elif kind == "guardrail":
                x = float(rng.choice([-1, 1])) * (road.half + 0.1)
            elif kind == "lamp":
                x = float(np.sign(x) * rng.uniform(0.5, 1.0) * min(abs(x) + 1, road.half + 0.4))
            elif kind == "bump":
                x = float(rng.choice([-1, 1])) * (road.half / 2 - 0.1)
            front = z - _LONG.get(kind, 0) * abs(np.cos(heading))
            (left, bottom), (right, top) = camera.project([(x - across / 2, 0, front), (x + across / 2, tall, front)])
            inside = min(right, width) - max(left, 0)
            if kind != "guardrail" and inside < 0.85 * (right - left):
                continue
            box = (left, top, right, bottom)
            if kind in ("guardrail", "bump") or all(_covered(box, other) < 0.12 for other in taken):
                taken += [] if kind in ("guardrail", "bump") else [box]
                things.append(_Thing(kind, x, z, heading, bool(rng.random() < 0.75)))
                break
    return things


def _heading(kind: str, x: float, rng: np.random.Generator) -> float:
    """Radians: along the own lane, against it on the other side, sometimes across."""
    if kind == "car" and rng.random() < 0.35:
        return float(rng.choice([-1, 1]) * np.pi / 2 + rng.uniform(-0.35, 0.35))
    return float((0 if x > 0 else np.pi) + rng.uniform(-0.35, 0.35))


def _covered(a, b) -> float:
    """Share of the smaller box that both have in common."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


_VEHICLES: dict[str, tuple[Callable, tuple[float, float, float]]] = {
    "car": (vehicles.paint_car, (4.1, 1.75, 1.4)), "bus": (vehicles.paint_bus, (7.5, 2.45, 2.9)),
    "truck": (vehicles.paint_truck, (5.7, 2.3, 2.9))}
_FIGURES = {"person": figures.paint_person, "motorcycle": figures.paint_motorcycle}


class _Ledger:
    """Which pixels belong to which labelled object, and how far each reached when it was drawn."""

    def __init__(self, canvas: Canvas):
        self.canvas = canvas
        self.extents: list[tuple[str, int, tuple[int, int, int, int]]] = []  # name, area, left top right bottom

    @contextmanager
    def entry(self, name: str) -> Iterator[None]:
        """Everything painted inside belongs to one object called `name`."""
        self.canvas.current = len(self.extents) + 1
        yield
        rows, columns = np.nonzero(self.canvas.owner == self.canvas.current)
        extent = (0, 0, 0, 0)
        if len(rows):
            extent = int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
        self.extents.append((name, len(rows), extent))
        self.canvas.current = 0

    def boxes(self) -> tuple:
        """Boxes in picture pixels of what is big enough and not mostly hidden by nearer things."""
        boxes = []
        for number, (name, area, (left, top, right, bottom)) in enumerate(self.extents, start=1):
            box = (left // SCALE, top // SCALE, -(-right // SCALE), -(-bottom // SCALE))
            if box[2] - box[0] < SMALLEST_BOX or box[3] - box[1] < SMALLEST_BOX:
                continue
            if np.count_nonzero(self.canvas.owner == number) >= 0.5 * area:
                boxes.append((name, *box))
        return tuple(boxes)


def _draw_things(canvas: Canvas, light: Light, road: backdrop.Road, things: list[_Thing],
                 noise: np.ndarray, rng: np.random.Generator) -> tuple:
    """Shadows first, then trees and things from far to near; returns the boxes of what can be seen."""
    for thing in things:
        _cast_shadow(canvas, light, thing)
    ledger = _Ledger(canvas)
    trees = [(float(side * (road.wall + rng.uniform(-1.2, -0.3))), float(rng.uniform(11, 34)))
             for side in (-1, 1) for _ in range(rng.integers(0, 4))]
    order: list[tuple[float, Callable[[], None]]] = [
        (z, partial(backdrop.draw_tree, canvas, light, x, z, noise, rng)) for x, z in trees]
    # a guardrail runs along the whole road: its far end decides
    order += [(15.5 if thing.kind == "guardrail" else thing.z,
               partial(_draw, canvas, light, thing, ledger, rng)) for thing in things]
    for _, paint in sorted(order, key=lambda item: -item[0]):
        paint()
    return ledger.boxes()


def _draw(canvas: Canvas, light: Light, thing: _Thing, ledger: _Ledger, rng: np.random.Generator) -> None:
    x, z = thing.x, thing.z
    if thing.kind in _VEHICLES:
        with ledger.entry(_BOXED[thing.kind]):
            _VEHICLES[thing.kind][0](canvas, light, vehicles.Pose(x, z, thing.heading, thing.running), rng)
    elif thing.kind in _FIGURES:
        with ledger.entry(_BOXED[thing.kind]):
            _FIGURES[thing.kind](canvas, light, x, z, rng)
    elif thing.kind == "lamp":
        camera = canvas.camera
        highest = camera.height + (camera.horizon - 0.06 * canvas.shape[0]) * z / camera.focal
        top = min(highest, rng.uniform(3.8, 5.0))
        furniture.paint_post(canvas, light, x, z, top)
        with ledger.entry(_BOXED["lamp"]):
            furniture.paint_lanterns(canvas, light, x, z, top, rng)
    elif thing.kind == "bicycle":
        figures.paint_bicycle(canvas, light, x, z, rng)
    elif thing.kind == "cone":
        furniture.paint_cone(canvas, light, x, z, rng)
    elif thing.kind == "guardrail":
        furniture.paint_guardrail(canvas, light, x, 3.5, 16.0)
    elif thing.kind == "car_stop":
        furniture.paint_car_stop(canvas, x, z)
    elif thing.kind == "bump":
        furniture.paint_bump(canvas, x, z, 2 * abs(x))


def _cast_shadow(canvas: Canvas, light: Light, thing: _Thing) -> None:
    if thing.kind in _VEHICLES:
        pose = vehicles.Pose(thing.x, thing.z, thing.heading, thing.running)
        vehicles.Vehicle(canvas, light, pose).shadow(*_VEHICLES[thing.kind][1])
        return
    wide, tall, *_ = _ROOM[thing.kind]
    if thing.kind in ("guardrail", "bump", "car_stop"):
        return
    narrow = 0.35 * wide if thing.kind == "person" else 0.1 if thing.kind == "lamp" else 0.8 * wide
    foot = np.array([(thing.x + a * narrow / 2, 0, thing.z + b * 0.15) for a in (-1, 1) for b in (-1, 1)])
    canvas.darken(foot, 0.55)
    if light.shadow < 0.99:
        sun = canvas.sun
        top = foot - np.array([sun[0], 0, sun[2]]) / sun[1] * tall
        canvas.darken(np.concatenate([foot, top]), light.shadow, 0.2 * (light.road - light.air))

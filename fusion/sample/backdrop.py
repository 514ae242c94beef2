"""Everything that is no object: sky, road with markings and pavements, houses, trees."""

from dataclasses import dataclass

import numpy as np

from fusion.sample.canvas import NEAR, Canvas, Paint
from fusion.sample.lighting import Light

CURVE = 4  # MFNet id of the painted road edge
TILE = 256


@dataclass(frozen=True)
class Road:
    """Half width of the carriageway, pavement width (metres), bend (metres sideways per square metre ahead)."""

    half: float
    pavement: float
    bend: float
    curve_side: int  # -1, 1: the painted edge lies on this side; 0: none
    crossing: float  # where a zebra crossing starts (metres ahead); 0: none

    @property
    def wall(self) -> float:
        return self.half + self.pavement


def random_road(rng: np.random.Generator, *, curve: bool) -> Road:
    return Road(half=rng.uniform(3.4, 4.4), pavement=rng.uniform(1.8, 3.0), bend=rng.uniform(-0.004, 0.004),
                curve_side=int(rng.choice([-1, 1])) if curve else 0,
                crossing=rng.uniform(9, 16) if rng.random() < 0.4 else 0.0)


def draw_sky(canvas: Canvas, light: Light, noise: np.ndarray) -> None:
    """Gradient and clouds; colder towards the zenith."""
    width = canvas.shape[1]
    last = int(np.floor(canvas.camera.horizon)) + 1
    up = 1 - np.arange(last, dtype=np.float32)[:, None] / np.float32(max(canvas.camera.horizon, 1))
    up = np.clip(up, 0, 1)
    top, low = np.array(light.sky_top, np.float32), np.array(light.sky_low, np.float32)
    columns = np.arange(width) * TILE // width
    stretch = (3 * TILE * (up[:, 0] + 0.15) ** 0.5).astype(np.int64)  # clouds flatten towards the horizon
    cloud = 0.5 * np.clip(noise[stretch[:, None] % TILE, columns[None] % TILE] - 0.4, 0, 1.2)
    colour = low + (top - low) * up[..., None] ** np.float32(0.7)  # [rows,1,3]
    bright = 0.75 * (low * 0.5 + 0.5 * colour.max())
    canvas.glow[:last] = colour + cloud[..., None] * (bright - 0.55 * colour)
    canvas.heat[:last] = light.low_sky + (light.zenith - light.low_sky) * up + 9 * cloud


def draw_ground(canvas: Canvas, light: Light, road: Road, noise: np.ndarray) -> None:
    """Asphalt, markings, kerbs, pavement and grass, computed per pixel on the ground plane."""
    camera = canvas.camera
    height, width = canvas.shape
    first = int(np.floor(camera.horizon)) + 1
    rows = np.arange(first, height, dtype=np.float32)[:, None]
    depth = np.float32(camera.focal * camera.height) / (rows - np.float32(camera.horizon))  # [rows,1]
    across = (np.arange(width, dtype=np.float32)[None] - np.float32(camera.centre)) / np.float32(camera.focal)
    x = across * depth - np.float32(road.bend) * np.minimum(depth, 60) ** 2
    z = np.broadcast_to(depth, x.shape)
    side = np.abs(x)
    near = np.clip(12 / depth, 0, 1)

    def grain(per_metre: float) -> np.ndarray:
        """Noise fixed to the ground, fading with distance where it would alias."""
        u, v = (x * per_metre).astype(np.int32) % TILE, (depth * per_metre).astype(np.int32) % TILE
        return noise[v, u] * near

    coarse, fine = grain(7), grain(40)
    tone = 0.105 + 0.016 * fine + 0.018 * grain(9)
    tone -= 0.02 * np.exp(-((np.abs(side - road.half / 2) - 0.75) / 0.3) ** 2)  # tyre tracks
    colour = np.stack([tone, tone, tone * 1.04], axis=-1).astype(np.float32)
    heat = light.road + (0.5 + 0.05 * (light.road - light.air)) * coarse

    def put(where, rgb, texture=0.0, warmth=None):
        colour[where] = np.array(rgb, np.float32) * (1 + texture * fine[where])[:, None]
        if warmth is not None:
            heat[where] = warmth + 0.4 * coarse[where]

    worn = coarse > -1.3
    line = (side < 0.08) & (depth % 5 < 2.6)
    edge = np.abs(side - (road.half - 0.35)) < 0.07
    put((line | edge) & worn & (depth < 70), (0.62, 0.62, 0.6), 0.06)
    if road.crossing:
        zebra = (depth > road.crossing) & (depth < road.crossing + 3) & (side < road.half - 0.6) & (x % 1.1 < 0.55)
        put(zebra & worn, (0.66, 0.66, 0.64), 0.06)
    cool = light.road - 0.25 * (light.road - light.air)
    pavement = (side >= road.half + 0.22) & (side < road.wall + 0.5)
    put(pavement, (0.30, 0.28, 0.26), 0.1, cool)
    slab = (x / 0.6).astype(np.int32) * 5 + (depth / 0.6).astype(np.int32) * 7
    colour[pavement] *= (0.82 + 0.09 * (slab % 5))[pavement][:, None]
    put(pavement & ((x % 0.6 < 0.04) | (depth % 0.6 < 0.06)) & (depth < 14), (0.16, 0.15, 0.14))
    put((side > road.half) & (side < road.half + 0.22), (0.42, 0.41, 0.39), 0.08, cool)
    put(side >= road.wall + 0.5, (0.09, 0.15, 0.05), 0.35, light.leaves)
    if road.curve_side:
        painted = (np.abs(x - road.curve_side * (road.half - 0.55)) < 0.24) & (depth < 26)
        put(painted, (0.80, 0.55, 0.05), 0.05)
        canvas.label[first:][painted] = CURVE
    canvas.albedo[first:], canvas.heat[first:], canvas.depth[first:] = colour, heat, z


@dataclass(frozen=True)
class Facade:
    """The pattern of one house: colours, window grid (metres), which windows are lit."""

    wall: np.ndarray
    trim: np.ndarray
    pitch: tuple[float, float]
    window: tuple[float, float]
    shop: np.ndarray
    brick: bool
    warmth: float
    dice: np.ndarray  # [32,32] in 0..1, one per window


_WALLS = np.array([(0.42, 0.34, 0.26), (0.36, 0.17, 0.11), (0.50, 0.47, 0.42), (0.30, 0.31, 0.33), (0.48, 0.40, 0.24),
                   (0.25, 0.20, 0.17), (0.44, 0.29, 0.22), (0.33, 0.37, 0.38)])
_SHOPS = np.array([(0.45, 0.06, 0.05), (0.05, 0.16, 0.36), (0.04, 0.28, 0.12), (0.55, 0.36, 0.04), (0.12, 0.12, 0.13)])


def random_facade(rng: np.random.Generator) -> Facade:
    wall = _WALLS[rng.integers(len(_WALLS))] * rng.uniform(0.8, 1.2)
    pitch = (rng.uniform(1.9, 3.0), rng.uniform(2.7, 3.3))
    return Facade(wall.astype(np.float32), np.clip(wall * rng.uniform(1.2, 1.6), 0, 0.75), pitch,
                  (pitch[0] * rng.uniform(0.42, 0.62), pitch[1] * rng.uniform(0.42, 0.56)),
                  _SHOPS[rng.integers(len(_SHOPS))], bool(rng.random() < 0.5), rng.uniform(-3, 3),
                  rng.random((32, 32), dtype=np.float32))


@dataclass(frozen=True)
class Wall:
    """A plane of constant X or constant Z; `corners` [4,3] in the world."""

    corners: np.ndarray
    facade: Facade
    height: float


def _draw_walls(canvas: Canvas, walls: list[Wall], light: Light) -> None:
    """Walls from far to near; only what stays visible is textured."""
    front = np.zeros(canvas.shape, np.uint8)
    seen = []
    for number, wall in enumerate(walls, start=1):
        found = canvas.region(canvas.camera.project(wall.corners))
        if found is not None:
            front[found[0]][found[1]] = number
            seen.append((number, wall, found[0]))
    for number, wall, window in seen:
        mask = front[window] == number
        if mask.any():
            _draw_wall(canvas, wall, window, mask, light)


def _draw_wall(canvas: Canvas, wall: Wall, window, mask: np.ndarray, light: Light) -> None:
    camera, corners = canvas.camera, wall.corners
    rows, columns = np.nonzero(mask)
    px = (columns + window[1].start).astype(np.float32)
    py = (rows + window[0].start).astype(np.float32)
    along_street = np.ptp(corners[:, 0]) < 1e-6
    if along_street:
        with np.errstate(divide="ignore"):
            z = np.float32(camera.focal * corners[0, 0]) / (px - np.float32(camera.centre))
        z = np.clip(z, corners[:, 2].min(), corners[:, 2].max()).astype(np.float32)
        u = z
    else:
        z = np.full(px.shape, corners[0, 2], np.float32)
        u = (px - np.float32(camera.centre)) * z / np.float32(camera.focal) + 200
    v = np.float32(camera.height) - (py - np.float32(camera.horizon)) * z / np.float32(camera.focal)
    normal = np.array([-np.sign(corners[0, 0]), 0, 0]) if along_street else np.array([0, 0, -1.0])
    colour, glow, heat = _facade_at(wall.facade, u, v, wall.height, light)
    canvas.albedo[window][mask] = colour * np.float32(canvas.shade(normal))
    canvas.glow[window][mask] = glow
    canvas.heat[window][mask] = heat
    canvas.depth[window][mask] = z
    canvas.label[window][mask] = 0


def _facade_at(facade: Facade, u, v, height: float, light: Light):
    """Albedo [N,3], glow [N,3] and heat [N] of wall points u along, v up."""
    column = np.floor(u / facade.pitch[0]).astype(np.int32)
    row = np.floor((v - 3.4) / facade.pitch[1]).astype(np.int32)
    du = u - (column + 0.5) * facade.pitch[0]
    dv = v - 3.4 - (row + 0.5) * facade.pitch[1]
    dice = facade.dice[column % 32, row % 32]
    tone = 0.93 + 0.1 * np.clip(v / np.float32(height), 0, 1)
    if facade.brick:
        course = (v / 0.22).astype(np.int32)
        tone *= 0.9 + 0.16 * facade.dice[course % 32, (u / 0.5 + 0.5 * (course % 2)).astype(np.int32) % 32]
    colour = facade.wall * tone[:, None]
    heat = np.full(u.shape, light.wall + facade.warmth, np.float32)
    glow = np.zeros((*u.shape, 3), np.float32)
    half_u, half_v = facade.window[0] / 2, facade.window[1] / 2
    upper = (v > 3.4) & (v < height - 0.5)
    frame = upper & (np.abs(du) < half_u + 0.12) & (np.abs(dv) < half_v + 0.12)
    glass = upper & (np.abs(du) < half_u) & (np.abs(dv) < half_v) & (np.abs(du) > 0.04)
    colour[frame] = facade.trim
    colour[glass] = np.array([0.06, 0.08, 0.11]) + (0.10 * (dv[glass] / half_v + 1) * (dice[glass]))[:, None]
    heat[frame] += 1.2
    heat[glass] += -5 + 5 * dice[glass]
    lit = glass & (dice < light.lit_windows)
    warm = np.array([1.0, 0.68, 0.32]) * 0.55
    glow[lit] = warm * (0.5 + 2.2 * dice[lit] / max(light.lit_windows, 1e-6))[:, None]
    shop = (v < 3.0) & (v > 0.25)
    pane = shop & (v < 2.35) & (np.abs(du) < facade.pitch[0] * 0.42)
    sign = shop & (v > 2.45)
    colour[sign] = facade.shop
    colour[pane] = (0.07, 0.09, 0.10)
    heat[pane] += -3
    if light.lamps_on:
        open_shop = facade.dice[3, 5] < 0.55
        glow[pane & open_shop & (dice < 0.6)] = np.array([0.55, 0.46, 0.32]) * (0.55 if light.name == "night" else 0.35)
        glow[sign & open_shop] = facade.shop * 0.5
        heat[pane & open_shop] += 3.0
    cornice = v > height - 0.5
    colour[cornice] = facade.trim
    return colour, glow, heat


def draw_houses(canvas: Canvas, light: Light, road: Road, rng: np.random.Generator) -> None:
    """Rows of houses on both sides and a skyline at the end."""
    walls = []

    def front(x0: float, x1: float, z: float, facade: Facade, height: float) -> Wall:
        return Wall(np.array([(x0, 0, z), (x1, 0, z), (x1, height, z), (x0, height, z)]), facade, height)

    for _ in range(6):
        x, z, half = rng.uniform(-45, 45), rng.uniform(75, 100), rng.uniform(5, 12)
        walls.append(front(x - half, x + half, z, random_facade(rng), rng.uniform(6, 26)))
    blocks = []
    for side in (-1, 1):
        start = rng.uniform(-6, 2)
        while start < 62:
            length = rng.uniform(7, 15)
            if start + length > NEAR:
                blocks.append((side * (road.wall + rng.uniform(0, 1.5)), max(start, NEAR), start + length))
            start += length + (rng.uniform(4, 9) if rng.random() < 0.45 else 0.0)
    for x, near, far in sorted(blocks, key=lambda block: -block[1]):
        facade, height = random_facade(rng), rng.uniform(5.5, 15)
        walls.append(Wall(np.array([(x, 0, near), (x, 0, far), (x, height, far), (x, height, near)]), facade, height))
        if near > NEAR:
            walls.append(front(x, x + np.sign(x) * 12, near, facade, height))
    _draw_walls(canvas, walls, light)


def draw_tree(canvas: Canvas, light: Light, x: float, z: float, noise: np.ndarray, rng: np.random.Generator) -> None:
    """A trunk and a leafy crown made of noise over a few blobs."""
    height, spread = rng.uniform(4.2, 6.5), rng.uniform(1.1, 1.9)
    shift = rng.integers(TILE)
    camera = canvas.camera
    trunk = np.array([(x - 0.14, 0, z), (x + 0.14, 0, z), (x + 0.08, height * 0.7, z), (x - 0.08, height * 0.7, z)])
    canvas.face(trunk, Paint((0.12, 0.08, 0.05), light.leaves + 1.5))
    corners = np.array([(x - 2 * spread, height * 0.3, z), (x + 2 * spread, height * 0.3, z),
                        (x + 2 * spread, height * 1.25, z), (x - 2 * spread, height * 1.25, z)])
    found = canvas.region(camera.project(corners))
    if found is None:
        return
    window, mask = found
    rows = np.arange(window[0].start, window[0].stop)[:, None]
    columns = np.arange(window[1].start, window[1].stop)[None]
    wx, wy = camera.world(columns, rows, z)
    wx = wx - x
    wx, wy = wx.astype(np.float32), wy.astype(np.float32)
    field = np.full(mask.shape, -1, np.float32)
    for _ in range(7):
        bx, by = rng.uniform(-0.75, 0.75) * spread, height * rng.uniform(0.58, 0.95)
        radius = spread * rng.uniform(0.5, 0.85)
        field = np.maximum(field, 1 - ((wx - bx) ** 2 + (wy - by) ** 2) / radius ** 2)
    leaf = noise[(wy * 40).astype(np.int32) % TILE, ((wx * 40).astype(np.int32) + shift) % TILE]
    inside = mask & (field + 0.22 * leaf > 0.25)
    lit = np.clip(0.75 + 0.22 * leaf + 0.35 * (wy - height * 0.75) / height + 0.25 * wx * canvas.sun[0], 0.25, 1.6)
    green = np.array([0.06, 0.12, 0.03]) * rng.uniform(0.8, 1.3) + np.array([0.03, 0.0, 0.0]) * rng.random()
    canvas.albedo[window][inside] = (lit[..., None] * green)[inside]
    canvas.glow[window][inside] = 0
    canvas.heat[window][inside] = (light.leaves + 0.7 * leaf)[inside]
    canvas.depth[window][inside] = z
    canvas.label[window][inside] = 0



"""Day, dusk, night and fog: what shines, how warm things are, how the two cameras are set."""

from dataclasses import dataclass

import numpy as np

LIGHTS = ("day", "dusk", "night", "fog")
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """One condition. Colours are linear RGB, temperatures degrees Celsius."""

    name: str
    ambient: Colour  # what an upright white surface returns
    shadow: float  # brightness of ground in shadow, 1 = no shadows
    sky_top: Colour
    sky_low: Colour
    haze: Colour
    extinction: float  # per metre, visible; the infrared sees through most of it
    lamps_on: bool
    lit_windows: float  # share of windows
    air: float
    road: float
    wall: float
    leaves: float
    zenith: float  # sky temperatures
    low_sky: float
    black: float  # infrared range: these temperatures become 0 and 1
    white: float
    noise: float  # read noise of the visible camera, linear
    glare: float
    headlights: float  # power of the lamps of the car that carries the camera
    cloth: float  # how bright people's clothes are


_DAY = Light("day", (0.95, 0.95, 0.92), 0.42, (0.16, 0.33, 0.72), (0.60, 0.72, 0.86), (0.62, 0.70, 0.78), 0.004,
             False, 0.0, air=25, road=38, wall=31, leaves=25, zenith=-18, low_sky=12, black=6, white=50,
             noise=0.006, glare=0.5, headlights=0, cloth=1.0)
_DUSK = Light("dusk", (0.24, 0.20, 0.22), 0.9, (0.07, 0.09, 0.22), (0.72, 0.33, 0.16), (0.22, 0.17, 0.17), 0.008,
              True, 0.35, air=15, road=21, wall=18, leaves=13, zenith=-25, low_sky=4, black=-2, white=37,
              noise=0.010, glare=1.0, headlights=2.0, cloth=0.45)
_NIGHT = Light("night", (0.012, 0.014, 0.017), 1.0, (0.002, 0.003, 0.007), (0.012, 0.011, 0.013), (0.01, 0.01, 0.01),
               0.004, True, 0.22, air=8, road=10.5, wall=10, leaves=7, zenith=-30, low_sky=-6, black=-4, white=35,
               noise=0.007, glare=1.6, headlights=5.0, cloth=0.12)
_FOG = Light("fog", (0.42, 0.43, 0.45), 0.95, (0.50, 0.52, 0.55), (0.56, 0.57, 0.59), (0.55, 0.56, 0.58), 0.21,
             True, 0.1, air=7, road=8.5, wall=8, leaves=6.5, zenith=2, low_sky=5.5, black=-2, white=35,
             noise=0.009, glare=1.2, headlights=0.5, cloth=0.6)
_TABLE = {light.name: light for light in (_DAY, _DUSK, _NIGHT, _FOG)}


def conditions(name: str) -> Light:
    """The light called `name`; ValueError names the known ones."""
    if name not in _TABLE:
        raise ValueError(f"unknown light {name!r}; known: {', '.join(LIGHTS)}")
    return _TABLE[name]


def sun_direction(rng: np.random.Generator) -> np.ndarray:
    """Unit vector towards the sun: high, from a side, rather behind the camera."""
    azimuth = rng.uniform(0.25, 0.75) * np.pi * rng.choice([-1.0, 1.0])
    vector = np.array([np.sin(azimuth), rng.uniform(0.9, 1.4), -abs(np.cos(azimuth)) - 0.2])
    return vector / np.linalg.norm(vector)

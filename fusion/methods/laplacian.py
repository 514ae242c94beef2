"""Laplacian pyramid fusion (Burt and Kolczynski, ICCV 1993; pyramid of Burt and Adelson, 1983)."""

import cv2
import numpy as np

from fusion.method import Card, LumaMethod, register

LEVELS = 4
SMALLEST = 4  # the base keeps at least this many pixels a side


def build(image: np.ndarray, levels: int = LEVELS) -> list[np.ndarray]:
    """float32 [H,W] -> detail bands from fine to coarse, then the base; fewer levels where the picture is small."""
    bands: list[np.ndarray] = []
    base: np.ndarray = image.astype(np.float32)
    while len(bands) < levels and min(base.shape) >= 2 * SMALLEST:
        smaller = cv2.pyrDown(base)
        bands.append(base - cv2.pyrUp(smaller, dstsize=base.shape[::-1]))
        base = smaller
    return [*bands, base]


def collapse(bands: list[np.ndarray]) -> np.ndarray:
    """The inverse of `build`, for any height and width, odd ones included."""
    image = bands[-1]
    for band in reversed(bands[:-1]):
        image = band + cv2.pyrUp(image, dstsize=band.shape[::-1])
    return image


@register
class Laplacian(LumaMethod):
    """The stronger detail at every level, the mean of the bases."""

    card = Card(name="laplacian", title="LP", kind="classic", task=("ivf", "mif"),
                paper="Burt and Kolczynski, Enhanced image capture through fusion, ICCV 1993",
                venue="ICCV", year=1993,
                recipe={"released": f"{LEVELS} levels, detail of larger magnitude, mean base, on the luma in float; "
                                    "chroma of the visible picture"},
                parity="pyramid checked for perfect reconstruction")

    def fuse_luma(self, ir: np.ndarray, y: np.ndarray) -> np.ndarray:
        *details_ir, base_ir = build(ir)
        *details_vi, base_vi = build(y)
        details = [np.where(np.abs(a) > np.abs(b), a, b) for a, b in zip(details_ir, details_vi)]
        return collapse([*details, np.float32(0.5) * (base_ir + base_vi)])

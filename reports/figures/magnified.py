"""Pictures side by side, each with the same area framed and magnified in a corner (Figs. 5-10)."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

COLUMNS = (4, 5)  # whichever leaves fewer gaps in the last line
MARK = "#ffcc00"
Picture = npt.NDArray[Any]


def grid(shown: Mapping[str, Picture], area: tuple[int, int, int], title: str) -> Figure:
    """One axis per picture.

    Args:
        shown: title -> uint8 [H,W] or [H,W,3], all of one size.
        area: (row, column, side) of the magnified square, in pixels.
    """
    height, width = next(iter(shown.values())).shape[:2]
    columns = min(len(shown), min(COLUMNS, key=lambda n: -len(shown) % n))
    lines = -(-len(shown) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(9, 9 / columns * height / width * lines + 0.25 * lines + 0.3),
                                squeeze=False, layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03))
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, picture) in zip(axes.flat, shown.items()):
        _one(axis, picture, area)
        axis.set_title(name, pad=3, fontsize=9)
    figure.suptitle(title, fontsize=9, color="#555555")
    return figure


def _one(axis: Axes, picture: Picture, area: tuple[int, int, int]) -> None:
    row, column, side = area
    height, width = picture.shape[:2]
    kind: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255} if picture.ndim == 2 else {}
    axis.imshow(picture, **kind)
    axis.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, ec=MARK, lw=1.2))
    left = column + side / 2 > width / 2  # the inset goes where the marked area is not
    inset = axis.inset_axes((0.0 if left else 0.6, 0.0, 0.4, 0.4 * width / height))
    inset.imshow(picture[row:row + side, column:column + side], interpolation="nearest", **kind)
    inset.set_xticks([])
    inset.set_yticks([])
    for spine in inset.spines.values():
        spine.set(visible=True, edgecolor=MARK, linewidth=1.2)


def around(centre: tuple[float, float], side: int, size: tuple[int, int]) -> tuple[int, int, int]:
    """The square (row, column, side) around a centre (row, column), moved and cut to lie inside (height, width)."""
    side = min(side, *size)
    row, column = (int(np.clip(round(c - side / 2), 0, limit - side)) for c, limit in zip(centre, size))
    return row, column, side

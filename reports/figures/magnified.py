"""Pictures side by side, each with the same area framed and magnified below it (Figs. 5-10)."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke

COLUMNS = (4, 5)  # whichever leaves fewer gaps in the last line
WIDTH = 7.16  # inches: a page of two columns, so that sizes of text are those of the print
CROP = 0.5  # the magnified square's side in widths of a panel
FRAME = [Stroke(linewidth=2.6, foreground="black"), Normal()]  # white on black: no box, class or error has it
Picture = npt.NDArray[Any]


def columns_for(count: int) -> int:
    """Panels beside one another."""
    return min(count, min(COLUMNS, key=lambda n: -count % n))


def grid(shown: Mapping[str, Picture], area: tuple[int, int, int], title: str) -> Figure:
    """One picture a panel, below it the same area of each, magnified; nothing of a scene is covered.

    Args:
        shown: title -> uint8 [H,W] or [H,W,3], all of one size.
        area: (row, column, side) of the magnified square, in pixels.
    """
    height, width = next(iter(shown.values())).shape[:2]
    columns = columns_for(len(shown))
    lines = -(-len(shown) // columns)
    high = WIDTH / columns * (height / width + CROP)
    figure, axes = plt.subplots(2 * lines, columns, figsize=(WIDTH, high * lines + 0.3 * lines + 0.3), squeeze=False,
                                height_ratios=[height / width, CROP] * lines,
                                layout=ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.02))
    for axis in axes.flat:
        axis.axis("off")
    for number, (name, picture) in enumerate(shown.items()):
        line, column = divmod(number, columns)
        _one(axes[2 * line, column], axes[2 * line + 1, column], picture, area)
        axes[2 * line, column].set_title(name, pad=3, fontsize=8)
    figure.suptitle(title, fontsize=8, color="#555555")
    return figure


def _one(axis: Axes, below: Axes, picture: Picture, area: tuple[int, int, int]) -> None:
    row, column, side = area
    kind: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255} if picture.ndim == 2 else {}
    axis.imshow(picture, **kind)
    axis.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, ec="white", lw=1.2,
                             path_effects=FRAME))
    below.imshow(picture[row:row + side, column:column + side], interpolation="nearest", **kind)


def around(centre: tuple[float, float], side: int, size: tuple[int, int]) -> tuple[int, int, int]:
    """The square (row, column, side) around a centre (row, column), moved and cut to lie inside (height, width)."""
    side = min(side, *size)
    row, column = (int(np.clip(round(c - side / 2), 0, limit - side)) for c, limit in zip(centre, size))
    return row, column, side

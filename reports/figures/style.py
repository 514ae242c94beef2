"""One look for all figures: fonts, sizes, a colour and a marker per method that stay the same everywhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from core.files import aside
from reports.data import RunData

# Fourteen colours as far from one another, from OURS and from the greys as sRGB has them, with normal sight and with
# deuteranopia (a farthest-point search by CIEDE2000; the test measures them). More methods need more than colour:
# textbook methods are dotted, what a description marks is dashed, what no paper names is dash-dotted.
_PALETTE = ("#0000ff", "#cc66ff", "#ee8800", "#555500", "#003300", "#555566", "#eeaaff",
            "#eebb99", "#664444", "#00aaaa", "#5577aa", "#112255", "#55aa77", "#771199")
_FIXED = {"visible": "#bbbbbb", "infrared": "#777777", "average": "#222222", "laplacian": "#786e50"}
OURS = "#d62728"
_MARKERS = "osD^vP*Xhp<>8"
PADDING = 0.1  # inches around a figure
_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10, "axes.labelsize": 9, "legend.fontsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6",
    "axes.axisbelow": True, "figure.dpi": 100, "pdf.fonttype": 42,
    "svg.hashsalt": "ivfbench",
}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in this style and nothing else; the user's own matplotlib settings are left alone.

    Nor are they obeyed: a matplotlibrc in the folder where one happens to stand can ask for LaTeX, which is a program.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def colour(data: RunData, method: str) -> str:
    """The method's colour: by its name and the paper, not by what happens to be in one figure; ours is red."""
    if data.is_ours(method):
        return OURS
    printed = data.paper.by_name.get(method)
    given = printed.colour if printed and printed.colour != OURS else ""
    return _FIXED.get(method) or given or _PALETTE[_place(data, method) % len(_PALETTE)]


def marker(data: RunData, method: str) -> str:
    return _MARKERS[_place(data, method) % len(_MARKERS)]


def line(data: RunData, method: str) -> dict[str, Any]:
    """Colour, dashes and width of the method's line, as keywords of matplotlib."""
    printed, ours = data.paper.by_name.get(method), data.is_ours(method)
    dashes = "--" if printed and printed.dashed else ":" if data.kind(method) == "classic" else \
        "-" if printed or ours or method in _FIXED else "-."
    return {"color": colour(data, method), "ls": dashes, "lw": 2.2 if ours else 1.2, "zorder": 3 if ours else 2}


def _place(data: RunData, method: str) -> int:
    known = [*_FIXED, *data.paper.by_name]
    order = [*known, *sorted(m for m in data.run.methods if m not in known)]
    return order.index(method) if method in order else len(order)


def save(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write PDF and PNG without dates, aside and then renamed: the same figure gives the same bytes."""
    made = []
    if engine := figure.get_layout_engine():
        engine.execute(figure)  # before the extent is measured, and once: drawing again must not move anything
        figure.set_layout_engine("none")
    # the extent is measured once: savefig's own "tight" draws the whole figure again for every format
    extent = figure.get_tightbbox().padded(PADDING)
    for suffix, metadata in ((".pdf", {"CreationDate": None, "Producer": "ivfbench"}), (".png", {"Software": None})):
        path = folder / f"{stem}{suffix}"
        with aside(path, durable=False) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata, dpi=160, bbox_inches=extent)
        made.append(path)
    plt.close(figure)
    return made

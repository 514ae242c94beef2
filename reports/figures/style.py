"""One look for all figures: fonts, sizes, a colour and a marker per method that stay the same everywhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from reports.data import PAPER_ORDER, RunData

# Paul Tol's muted scheme and its relatives: told apart with every common colour blindness.
_PALETTE = ("#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499",
            "#6699cc", "#997700", "#004488", "#ee99aa", "#555555")
_MARKERS = "osD^vP*Xhp<>8d"
_FIXED = {"visible": "#bbbbbb", "infrared": "#777777", "smfnet": "#d62728"}
PADDING = 0.1  # inches around a figure
_RC = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10, "axes.labelsize": 9, "legend.fontsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6",
    "axes.axisbelow": True, "figure.dpi": 100, "pdf.fonttype": 42,
    "svg.hashsalt": "ivfbench",
}


@contextmanager
def applied() -> Iterator[None]:
    """Draw in this style; the user's own matplotlib settings are left alone."""
    with matplotlib.rc_context(_RC):
        yield


def colour(data: RunData, method: str) -> str:
    """The method's colour: by its place among all known methods, not by what happens to be in one figure."""
    return _FIXED.get(method) or _PALETTE[_place(data, method) % len(_PALETTE)]


def marker(data: RunData, method: str) -> str:
    return _MARKERS[_place(data, method) % len(_MARKERS)]


def _place(data: RunData, method: str) -> int:
    others = sorted(m for m in data.run["methods"] if m not in PAPER_ORDER and m not in _FIXED)
    order = [*PAPER_ORDER, *others]
    return order.index(method) if method in order else len(order)


def save(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write PDF and PNG without dates, aside and then renamed: the same figure gives the same bytes."""
    made = []
    # the extent is measured once: savefig's own "tight" draws the whole figure again for every format
    extent = figure.get_tightbbox(figure.canvas.get_renderer()).padded(PADDING)
    for suffix, metadata in ((".pdf", {"CreationDate": None, "Producer": "ivfbench"}), (".png", {"Software": None})):
        path = folder / f"{stem}{suffix}"
        temporary = path.with_name(f".{stem}.{os.getpid()}.tmp{suffix}")
        try:
            figure.savefig(temporary, metadata=metadata, dpi=160, bbox_inches=extent)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        made.append(path)
    plt.close(figure)
    return made

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

# Paul Tol's muted scheme and its relatives: told apart with every common colour blindness. So many methods need more
# than colour: textbook methods are dotted, what was trained on medical pictures is dashed, strangers are dash-dotted.
_PALETTE = ("#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499",
            "#6699cc", "#997700")
# Table IV leaves out four methods of the palette, whose colours serve again
_MEDICAL = {"csmca": "#88ccee", "nsst_papcnn": "#44aa99", "matr": "#999933", "gesenet": "#882255",
            "msgfusion": "#ee99aa", "emfusion": "#ee8866", "ifcnn": "#004488"}
_FIXED = {"visible": "#bbbbbb", "infrared": "#777777", "average": "#222222", "laplacian": "#a65628",
          **dict(zip(PAPER_ORDER, _PALETTE, strict=True)), **_MEDICAL, "smfnet": "#d62728"}
_MARKERS = "osD^vP*Xhp<>8"
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
    """The method's colour: by its name, not by what happens to be in one figure."""
    return _FIXED.get(method) or _PALETTE[_place(data, method) % len(_PALETTE)]


def marker(data: RunData, method: str) -> str:
    return _MARKERS[_place(data, method) % len(_MARKERS)]


def line(data: RunData, method: str) -> dict:
    """Colour, dashes and width of the method's line, as keywords of matplotlib."""
    dashes = "--" if method in _MEDICAL else ":" if data.kind(method) == "classic" else \
        "-" if method in _FIXED else "-."
    ours = data.kind(method) == "ours"
    return {"color": colour(data, method), "ls": dashes, "lw": 2.2 if ours else 1.2, "zorder": 3 if ours else 2}


def _place(data: RunData, method: str) -> int:
    order = [*_FIXED, *sorted(m for m in data.run.methods if m not in _FIXED)]
    return order.index(method) if method in order else len(order)


def save(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write PDF and PNG without dates, aside and then renamed: the same figure gives the same bytes."""
    made = []
    if engine := figure.get_layout_engine():
        engine.execute(figure)  # before the extent is measured, and once: drawing again must not move anything
        figure.set_layout_engine("none")
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

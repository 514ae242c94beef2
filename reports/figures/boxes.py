"""Per-image values: the spread of every metric over a data set, and cumulative curves."""

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.columns import all_of_pictures
from reports.data import RunData
from reports.figures import style
from reports.figures.stems import stem

COLUMNS = 3
POINTS = 2000  # of a curve: an axis is narrower
Key = tuple[str, str]  # metric, variant


def draw(data: RunData) -> dict[str, Figure]:
    """boxes_<data set> and curves_<data set> where at least two pictures were scored."""
    figures = {}
    for suite in data.suites("pictures"):
        shown = all_of_pictures(data, suite)
        for dataset in data.datasets(suite):
            rows = data.suite(suite).query("dataset == @dataset")
            there = set(rows["method"].unique())
            methods = [m for m in data.methods(suite) if data.kind(m) != "source" and m in there]
            if rows["item"].nunique() < 2 or not methods:
                continue
            measured = set(rows["metric"].unique())
            scored = [c for c in shown if c.metric in measured]
            heads = {(c.metric, c.variant): c.title + c.arrow for c in scored}
            better = {(c.metric, c.variant): c.higher_is_better for c in scored}
            title = f"{data.dataset_title(dataset)}, {rows['item'].nunique()} pictures"
            figures[stem(data, "boxes", suite, dataset)] = _boxes(data, title, rows, methods, heads)
            figures[stem(data, "curves", suite, dataset)] = _curves(data, title, rows, methods, heads, better)
    return figures


def _values(rows: pd.DataFrame, methods: list[str], metric: Key) -> dict[str, npt.NDArray[np.float64]]:
    """method -> its finite per-image values."""
    found = rows[(rows["metric"] == metric[0]) & (rows["variant"] == metric[1]) & np.isfinite(rows["value"])]
    by_method = {str(method): values.to_numpy() for method, values in found.groupby("method")["value"]}
    return {m: by_method.get(m, np.empty(0)) for m in methods}


def _thinned(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Places of the points to draw: all, or as many as a page can show."""
    return np.unique(np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).astype(np.intp))


def _grid(title: str, heads: dict[Key, str], height: float) -> tuple[Figure, list[tuple[Axes, Key]]]:
    """(figure, [(axis, metric)]): COLUMNS metrics beside one another, each line `height` inches high."""
    lines = -(-len(heads) // COLUMNS)
    figure, axes = plt.subplots(lines, COLUMNS, figsize=(9, height * lines + 0.4), squeeze=False, layout="constrained",
                                sharey="row")
    for axis in axes.flat[len(heads):]:
        axis.axis("off")
    for axis, head in zip(axes.flat, heads.values()):
        axis.set_title(head)
        axis.locator_params(axis="x", nbins=5)
    figure.suptitle(title)
    return figure, list(zip(axes.flat, heads))


def _boxes(data: RunData, title: str, rows: pd.DataFrame, methods: list[str], heads: dict[Key, str]) -> Figure:
    """Lying boxes, so that each has its method's name beside it; medians white, outliers as dots."""
    figure, axes = _grid(title, heads, 0.17 * len(methods) + 0.7)
    for axis, metric in axes:
        parts = axis.boxplot(list(_values(rows, methods, metric).values()), orientation="horizontal",
                             patch_artist=True, widths=0.65, medianprops={"color": "white", "lw": 1.4},
                             flierprops={"marker": ".", "ms": 3, "mec": "none", "mfc": "#888888"})
        for box, method in zip(parts["boxes"], methods):
            box.set(facecolor=style.colour(data, method), edgecolor="none")
        axis.set_yticks(range(1, len(methods) + 1), [data.title(m) for m in methods], fontsize=8)
        axis.set_ylim(len(methods) + 0.6, 0.4)  # the table's first method on top
        axis.grid(False, axis="y")
    return figure


def _curves(data: RunData, title: str, rows: pd.DataFrame, methods: list[str], heads: dict[Key, str],
            better: dict[Key, bool | None]) -> Figure:
    """The share of pictures with at most this value; below each axis, on which side the better curves lie."""
    figure, axes = _grid(title, heads, 2.3)
    for place, (axis, metric) in enumerate(axes):
        for method, found in _values(rows, methods, metric).items():
            if len(found):
                kept = _thinned(found)
                axis.step(np.sort(found)[kept], (kept + 1) / len(found), where="post", **style.line(data, method))
        axis.set_ylim(0, 1.02)
        axis.set_xlabel({True: "better →", False: "← better", None: ""}[better[metric]], fontsize=8)
        if place % COLUMNS == 0:
            axis.set_ylabel("share of pictures")
    handles = [Line2D([], [], **style.line(data, m), label=data.title(m)) for m in methods]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(methods)), frameon=False,
                  handlelength=3)
    return figure

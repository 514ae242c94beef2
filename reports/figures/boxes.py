"""Per-image values: the spread of every metric over a data set, and cumulative curves."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from metrics import registry
from reports.data import RunData
from reports.figures import style

COLUMNS = 3


def draw(data: RunData) -> dict[str, Figure]:
    """boxes_<data set> and curves_<data set> where at least two pictures were scored."""
    figures = {}
    for suite in ("ivf", "mif"):
        for dataset in data.datasets(suite):
            rows = data.suite(suite).query("dataset == @dataset")
            methods = [m for m in data.methods(suite) if data.kind(m) != "source" and m in set(rows["method"])]
            if rows["item"].nunique() < 2 or not methods:
                continue
            variant = rows["variant"].iloc[0]
            metrics = [m for m in registry.names(variant) if m in set(rows["metric"])]
            heads = {m: f"{m} {registry.get(m, variant).arrow}" for m in metrics}
            title = f"{data.dataset_title(dataset)}, {rows['item'].nunique()} pictures"
            figures[f"boxes_{dataset}"] = _boxes(data, title, rows, methods, heads)
            figures[f"curves_{dataset}"] = _curves(data, title, rows, methods, heads)
    return figures


def _values(rows, methods: list[str], metric: str) -> dict[str, np.ndarray]:
    """method -> its finite per-image values."""
    found = rows[(rows["metric"] == metric) & np.isfinite(rows["value"])]
    return {m: found.loc[found["method"] == m, "value"].to_numpy() for m in methods}


def _grid(title: str, heads: dict[str, str], height: float, **how):
    """(figure, [(axis, metric)]): COLUMNS metrics beside one another, each line `height` inches high."""
    lines = -(-len(heads) // COLUMNS)
    figure, axes = plt.subplots(lines, COLUMNS, figsize=(9, height * lines + 0.4), squeeze=False, layout="constrained",
                                **how)
    for axis in axes.flat[len(heads):]:
        axis.axis("off")
    for axis, head in zip(axes.flat, heads.values()):
        axis.set_title(head)
        axis.locator_params(axis="x", nbins=5)
    figure.suptitle(title)
    return figure, list(zip(axes.flat, heads))


def _boxes(data: RunData, title: str, rows, methods: list[str], heads: dict[str, str]) -> Figure:
    """Lying boxes, so that each has its method's name beside it; medians white, outliers as dots."""
    figure, axes = _grid(title, heads, 0.17 * len(methods) + 0.7, sharey="row")
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


def _curves(data: RunData, title: str, rows, methods: list[str], heads: dict[str, str]) -> Figure:
    """The share of pictures with at most this value."""
    figure, axes = _grid(title, heads, 2.3, sharey="row")
    for place, (axis, metric) in enumerate(axes):
        for method, found in _values(rows, methods, metric).items():
            if len(found):
                axis.step(np.sort(found), np.arange(1, len(found) + 1) / len(found), where="post",
                          **style.line(data, method))
        axis.set_ylim(0, 1.02)
        if place % COLUMNS == 0:
            axis.set_ylabel("share of pictures")
    handles = [plt.Line2D([], [], **style.line(data, m), label=data.title(m)) for m in methods]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(methods)), frameon=False,
                  handlelength=3)
    return figure

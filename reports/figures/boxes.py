"""Per-image values: the spread of every metric over a data set, and cumulative curves."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from metrics import registry
from reports.data import RunData
from reports.figures import style

COLUMNS = 4


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
            figures[f"boxes_{dataset}"] = _grid(data, dataset, rows, methods, metrics, variant, _box)
            figures[f"curves_{dataset}"] = _grid(data, dataset, rows, methods, metrics, variant, _curve)
    return figures


def _grid(data: RunData, dataset: str, rows, methods: list[str], metrics: list[str], variant: str, plot) -> Figure:
    lines = -(-len(metrics) // COLUMNS)
    figure, axes = plt.subplots(lines, COLUMNS, figsize=(11, 2.5 * lines), squeeze=False)
    for axis in axes.flat[len(metrics):]:
        axis.axis("off")
    for axis, metric in zip(axes.flat, metrics):
        of_metric = rows[(rows["metric"] == metric) & np.isfinite(rows["value"])]
        plot(axis, data, {m: of_metric.loc[of_metric["method"] == m, "value"].to_numpy() for m in methods})
        axis.locator_params(axis="y", nbins=4)
        axis.set_title(f"{metric} {registry.get(metric, variant).arrow}")
    handles = [plt.Line2D([], [], color=style.colour(data, m), lw=3, label=data.title(m)) for m in methods]
    figure.legend(handles=handles, loc="lower center", ncols=min(7, len(methods)), frameon=False,
                  bbox_to_anchor=(0.5, -0.02 - 0.03 * (-(-len(methods) // 7))))
    figure.suptitle(data.dataset_title(dataset))
    figure.tight_layout()
    return figure


def _box(axis, data: RunData, values: dict[str, np.ndarray]) -> None:
    parts = axis.boxplot(list(values.values()), patch_artist=True, widths=0.65,
                         medianprops={"color": "white", "lw": 1.4},
                         flierprops={"marker": ".", "ms": 3, "mec": "none", "mfc": "#888888"})
    for box, method in zip(parts["boxes"], values):
        box.set(facecolor=style.colour(data, method), edgecolor="none")
    axis.set_xticks([])


def _curve(axis, data: RunData, values: dict[str, np.ndarray]) -> None:
    """The share of pictures with at most this value."""
    for method, found in values.items():
        if len(found):
            axis.step(np.sort(found), np.arange(1, len(found) + 1) / len(found), where="post",
                      color=style.colour(data, method), lw=2.2 if data.kind(method) == "ours" else 1.2)
    axis.set_ylim(0, 1.02)
    axis.set_ylabel("share of pictures")

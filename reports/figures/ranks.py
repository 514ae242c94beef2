"""Average rank over pictures and metrics, with the number of metrics on which a test finds a better method."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from reports.data import RunData
from reports.figures import style
from reports.statistics import summaries

ALPHA = 0.05


def draw(data: RunData) -> dict[str, Figure]:
    """ranks_<table>: one line per data set; needs three methods."""
    figures = {}
    titles = {data.title(m): m for m in data.run.methods}
    for stem, summary in summaries(data).items():
        if summary["method"].nunique() >= 3:
            figures[f"ranks_{stem.removesuffix('_statistics')}"] = _diagram(data, summary, titles)
    return figures


def _title(dataset: str, metrics: list[str]) -> str:
    named = textwrap.fill(", ".join(metrics), 90)
    return (f"{dataset}: average rank over {len(metrics)} metrics, 1 is best (Wilcoxon signed-rank, Holm, {ALPHA:g})\n"
            f"{named}")


def _diagram(data: RunData, summary: pd.DataFrame, titles: dict[str, str]) -> Figure:
    datasets = list(dict.fromkeys(summary["dataset"]))
    count = summary["method"].nunique()
    figure, axes = plt.subplots(len(datasets), 1, figsize=(7.5, (0.3 * count + 1.2) * len(datasets)), squeeze=False)
    for axis, dataset in zip(axes.flat, datasets):
        group = summary[summary["dataset"] == dataset]
        ranks = group.groupby("method", sort=False)["rank"].mean().sort_values()
        beaten = group[group["p_holm"] < ALPHA].groupby("method")["metric"].count()
        for place, (method, rank) in enumerate(ranks.items()):
            key = titles[method]
            axis.plot([1, rank], [-place, -place], color="#e0e0e0", lw=1, zorder=1)
            axis.scatter(rank, -place, s=46, color=style.colour(data, key), zorder=2)
            lost = int(beaten.get(method, 0))
            axis.annotate(f"{rank:.2f}   worse than the best on {lost} of {group['metric'].nunique()}", (rank, -place),
                          xytext=(8, 0), textcoords="offset points", va="center", fontsize=7, color="#555555")
        axis.set_yticks([-p for p in range(len(ranks))], list(ranks.index))
        axis.set_xlim(0.8, 1.45 * count)  # room for what stands beside the last point
        axis.grid(False, axis="y")
        axis.set_ylim(0.6 - len(ranks), 0.6)
        axis.set_title(_title(dataset, list(dict.fromkeys(group["metric"]))), fontsize=9)
    figure.tight_layout()
    return figure

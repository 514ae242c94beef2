"""Quality against cost: the paper's leading metric over multiply-accumulates."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from reports.columns import Shown
from reports.data import RunData
from reports.figures import style
from reports.figures.leading import leading
from reports.figures.stems import stem


def draw(data: RunData) -> dict[str, Figure]:
    """cost_<data set>, where suites of both kinds have rows for at least two methods."""
    costs = data.suites("cost")
    if not costs:
        return {}
    rows = data.suite(costs[0])
    cost = rows[rows["metric"] == "macs_g"].groupby("method")["value"].mean()
    time = rows[rows["metric"] == "time_s"].groupby("method")["value"].mean()
    figures = {}
    for suite in data.suites("pictures"):
        metric = leading(data, suite)
        means = data.means(suite)["mean"]
        for dataset in data.datasets(suite):
            quality = means.loc[dataset].unstack(["metric", "variant"])[metric.metric, metric.variant]
            methods = [m for m in data.methods(suite) if m in quality and cost.get(m, 0) > 0]
            if len(methods) >= 2 and data.dataset(dataset).task == "ivf":
                name, title = stem(data, "cost", suite, dataset), data.dataset_title(dataset)
                figures[name] = _scatter(data, title, methods, quality, cost, time, metric)
    return figures


def _scatter(data: RunData, title: str, methods: list[str], quality: "pd.Series[float]", cost: "pd.Series[float]",
             time: "pd.Series[float]", metric: Shown) -> Figure:
    figure, axis = plt.subplots(figsize=(5.6, 3.8))
    for method in methods:
        # the area grows with the time per picture, so that the slow stand out
        axis.scatter(cost[method], quality[method], s=30 + 260 * (time.get(method, 0) / time.max()) ** 0.5,
                     color=style.colour(data, method), alpha=0.85, edgecolor="white")
        axis.annotate(data.title(method), (cost[method], quality[method]), xytext=(7, 4),
                      textcoords="offset points", fontsize=8)
    axis.set_xscale("log")
    axis.set_xlabel("multiply-accumulates at 640×480 (G, log)")
    axis.set_ylabel(f"{metric.title} on {title}{metric.arrow}")
    axis.set_title("Quality against cost (area: time per picture)")
    return figure

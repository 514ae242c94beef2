"""Quality against cost: Table I's VIF over Table V's multiply-accumulates."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from reports.data import RunData
from reports.figures import style

METRIC = "VIF"


def draw(data: RunData) -> dict[str, Figure]:
    """cost_<data set>, where both suites have rows for at least two methods."""
    if data.suite("complexity").empty:
        return {}
    cost = data.suite("complexity").query("metric == 'macs_g'").groupby("method")["value"].mean()
    time = data.suite("complexity").query("metric == 'time_s'").groupby("method")["value"].mean()
    figures = {}
    for dataset in data.datasets("ivf"):
        quality = data.means("ivf")["mean"].loc[dataset].unstack("metric")[METRIC]
        methods = [m for m in data.methods("ivf") if m in quality and cost.get(m, 0) > 0]
        if len(methods) >= 2:
            figure, axis = plt.subplots(figsize=(5.6, 3.8))
            for method in methods:
                # the area grows with the time per picture, so that the slow stand out
                axis.scatter(cost[method], quality[method], s=30 + 260 * (time.get(method, 0) / time.max()) ** 0.5,
                             color=style.colour(data, method), alpha=0.85, edgecolor="white")
                axis.annotate(data.title(method), (cost[method], quality[method]), xytext=(7, 4),
                              textcoords="offset points", fontsize=8)
            axis.set_xscale("log")
            axis.set_xlabel("multiply-accumulates at 640×480 (G, log)")
            axis.set_ylabel(f"{METRIC} on {data.dataset_title(dataset)} ↑")
            axis.set_title("Quality against cost (area: time per picture)")
            figures[f"cost_{dataset}"] = figure
    return figures

"""Loss over the epochs of every training: one figure per suite and data set, one line per method."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from reports.data import RunData
from reports.figures import style


def draw(data: RunData) -> dict[str, Figure]:
    """training_<suite>_<data set> where units left the losses of their epochs."""
    figures = {}
    for suite in data.suites("items"):
        for dataset in data.datasets(suite):
            methods = data.methods(suite)
            found = {method: losses for method in methods if (losses := _losses(data, suite, method, dataset))}
            if found:
                figures[f"training_{suite}_{dataset}"] = _curves(data, suite, dataset, found)
    return figures


def _losses(data: RunData, suite: str, method: str, dataset: str) -> list[list[float]]:
    """Per seed, the mean loss of each epoch."""
    units = [unit for unit in data.run.units if (unit.method, unit.dataset, unit.status) == (method, dataset, "done")
             and suite in unit.suites]
    found = []
    for unit in units:
        result = data.result(unit)
        losses = result.details.get("losses") if result is not None else None
        if isinstance(losses, (list, tuple)) and losses:
            found.append([float(value) for value in losses])
    return found


def _curves(data: RunData, suite: str, dataset: str, found: dict[str, list[list[float]]]) -> Figure:
    figure, axis = plt.subplots(figsize=(5.6, 3.2))
    for method, seeds in found.items():
        for number, losses in enumerate(seeds):
            axis.plot(range(1, len(losses) + 1), losses, **style.line(data, method),
                      label=data.title(method) if not number else "_")
    axis.set_yscale("log")
    axis.set_xlabel("epoch")
    axis.set_ylabel("mean training loss (lower is better)")
    axis.set_title(f"{data.suite_record(suite).title.split(',')[0]} on {data.dataset_title(dataset)}: training")
    axis.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, handlelength=3)
    return figure

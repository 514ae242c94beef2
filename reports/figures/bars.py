"""Methods as bars with their spread over seeds, classes beside one another, ablations."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.columns import Shown, columns, left_out
from reports.data import RunData
from reports.figures import style


def draw(data: RunData) -> dict[str, Figure]:
    """<suite>_<data set>, <suite>_classes_<data set>, ablation_<data set>, ablation_trained."""
    figures = {}
    tasks = {suite: task for suite in data.suites("items") if (task := Task.of(data, suite)) is not None}
    for suite, task in tasks.items():
        for dataset in data.datasets(suite):
            values = data.by_item(suite, dataset)
            named = data.labelled_title(suite, dataset)
            methods = [m for m in data.methods(suite) if (m, task.mean.metric, "-") in values.index]
            if methods:
                figures[f"{suite}_{dataset}"] = _means(data, named, values, methods, task.mean)
                present = [c for c in task.classes if (methods[0], task.per_class, c) in values.index]
                if present:
                    figures[f"{suite}_classes_{dataset}"] = _classes(data, named, values, methods, task, present)
    full = {table.ours for table in data.paper.tables if table.ours}
    for suite in data.ablation_suites():
        shown = columns(data, data.table_of(suite))
        for dataset in data.datasets(suite):
            means = data.means(suite)["mean"].loc[dataset].unstack(["metric", "variant"])
            values = {f"{c.title}{c.arrow}": means[c.metric, c.variant].dropna() for c in shown}
            figures[f"ablation_{dataset}"] = _ablation(values, data.dataset_title(dataset), full)
    trained = {f"{task.mean.title}{task.mean.arrow}": values for suite, task in tasks.items()
               if not (values := data.ablations_trained_on(suite, task.mean.metric).dropna()).empty}
    if trained:
        figures["ablation_trained"] = _ablation(trained, "detection and segmentation of what they fused", full)
    return figures


@dataclass(frozen=True)
class Task:
    """mean: the column that stands for a suite. per_class: metric of its classes. classes: in the table's order."""

    mean: Shown
    per_class: str
    title: str
    classes: tuple[str, ...]

    @classmethod
    def of(cls, data: RunData, suite: str) -> "Task | None":
        """None for a suite without a value over all classes."""
        table = data.table_of(suite)
        shown = columns(data, table)
        means = [column for column in shown if column.column.item == "-"]
        classes = [column for column in shown if column.column.item != "-"]
        if not means:
            return None
        mean = means[-1] if table.columns else means[0]  # a paper's table ends with what it is about
        metric = classes[0].metric if classes else ""
        title = classes[0].column.group or metric if classes else ""
        printed = [column.column.item for column in classes if column.metric == metric]
        return cls(mean, metric, title, (*printed, *left_out(data, table)))


def _means(data: RunData, named: str, values: pd.DataFrame, methods: list[str], metric: Shown) -> Figure:
    figure, axis = plt.subplots(figsize=(6.5, 0.34 * len(methods) + 1.2))
    found = [values.loc[(m, metric.metric, "-")] for m in methods]
    place = np.arange(len(methods))[::-1]
    axis.barh(place, [f["mean"] for f in found], color=[style.colour(data, m) for m in methods], height=0.68,
              xerr=[0 if np.isnan(f["std"]) else f["std"] for f in found], error_kw={"ecolor": "#222222", "lw": 1})
    for y, f in zip(place, found):
        axis.annotate(f"{f['mean']:.3f}", (f["mean"] + (0 if np.isnan(f["std"]) else f["std"]), y), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=8)
    axis.set_yticks(place, [data.title(m) for m in methods])
    axis.grid(False, axis="y")
    axis.set_xlim(0, max(0.05, 1.18 * max(f["mean"] for f in found)))
    seeds = int(max(f["seeds"] for f in found))
    spread = f" (mean ± s.d. of {seeds} seeds)" if seeds > 1 else ""
    axis.set_title(f"{metric.title}, {named}{spread}")
    return figure


def _classes(data: RunData, named: str, values: pd.DataFrame, methods: list[str], task: Task,
             classes: list[str]) -> Figure:
    figure, axis = plt.subplots(figsize=(max(6, 1.05 * len(classes)), 3.4))
    width = 0.82 / len(methods)
    for number, method in enumerate(methods):
        heights = [values["mean"].get((method, task.per_class, c), np.nan) for c in classes]
        axis.bar(np.arange(len(classes)) + (number - (len(methods) - 1) / 2) * width, heights, width,
                 color=style.colour(data, method), label=data.title(method))
    axis.set_xticks(range(len(classes)), classes)
    axis.set_xlim(-0.6, len(classes) - 0.4)  # classes without a number keep their room
    axis.grid(False, axis="x")
    axis.set_ylabel(task.title)
    axis.set_title(named)
    axis.legend(ncols=min(6, len(methods)), frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return figure


def _ablation(shown: dict[str, "pd.Series[float]"], where: str, full: set[str]) -> Figure:
    """shown: title -> value by ablation. full: those that are the whole method, drawn in its colour."""
    figure, axes = plt.subplots(1, len(shown), figsize=(max(3.6, 2.6 * len(shown)), 2.6), squeeze=False)
    for axis, (title, values) in zip(axes.flat, shown.items()):
        drawn = axis.bar(range(len(values)), values,
                         color=[style.OURS if m in full else "#88a0b8" for m in values.index])
        axis.bar_label(drawn, fmt="%.3g", fontsize=6, rotation=90, padding=2)
        axis.set_xticks(range(len(values)), [m.upper() for m in values.index], rotation=90)
        spread = values.max() - values.min() or values.max() or 1.0
        axis.set_ylim(max(0, values.min() - 0.5 * spread), values.max() + 0.45 * spread)
        axis.set_title(title)
        axis.grid(False, axis="x")
    figure.suptitle(f"Ablations on {where} (axes do not start at zero)", fontsize=9)
    figure.tight_layout()
    return figure

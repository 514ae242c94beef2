"""Fig. 11 and the mAP/mIoU comparisons: methods as bars with their spread over seeds, classes as dots, ablations."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from reports.data import RunData
from reports.figures import style
from reports.tables.downstream import DETECTION_CLASSES, SEGMENTATION_CLASSES
from reports.tables.fusion import ABLATION_METRICS

_TASKS = {"detection": ("mAP50", "mAP@0.5", "AP50", DETECTION_CLASSES),
          "segmentation": ("mIoU", "mIoU", "IoU", (*SEGMENTATION_CLASSES, "Guardrail"))}


def draw(data: RunData) -> dict[str, Figure]:
    """<suite>_<data set>, <suite>_classes_<data set>, ablation_<data set>."""
    figures = {}
    for suite, (mean, title, per_class, classes) in _TASKS.items():
        for dataset in data.datasets(suite):
            values = data.by_item(suite, dataset)
            named = data.labelled_title(suite, dataset)
            methods = [m for m in data.methods(suite) if (m, mean, "-") in values.index]
            if methods:
                figures[f"{suite}_{dataset}"] = _means(data, named, values, methods, mean, title)
                present = [c for c in classes if (methods[0], per_class, c) in values.index]
                figures[f"{suite}_classes_{dataset}"] = _classes(data, named, values, methods, per_class, present)
    for dataset in data.datasets("ablation"):
        means = data.means("ablation")["mean"].loc[dataset].unstack("metric")
        figures[f"ablation_{dataset}"] = _ablation(
            {m: means[m].dropna() for m in ABLATION_METRICS if m in means}, data.dataset_title(dataset))
    trained = {title: values for suite, (mean, title, *_) in _TASKS.items()
               if not (values := data.ablations_trained_on(suite, mean).dropna()).empty}
    if trained:
        figures["ablation_trained"] = _ablation(trained, "detection and segmentation of what they fused")
    return figures


def _means(data: RunData, named: str, values, methods: list[str], metric: str, title: str) -> Figure:
    figure, axis = plt.subplots(figsize=(6.5, 0.34 * len(methods) + 1.2))
    found = [values.loc[(m, metric, "-")] for m in methods]
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
    axis.set_title(f"{title}, {named}{spread}")
    return figure


def _classes(data: RunData, named: str, values, methods: list[str], metric: str, classes: list[str]) -> Figure:
    figure, axis = plt.subplots(figsize=(max(6, 1.05 * len(classes)), 3.4))
    width = 0.82 / len(methods)
    for number, method in enumerate(methods):
        heights = [values["mean"].get((method, metric, c), np.nan) for c in classes]
        axis.bar(np.arange(len(classes)) + (number - (len(methods) - 1) / 2) * width, heights, width,
                 color=style.colour(data, method), label=data.title(method))
    axis.set_xticks(range(len(classes)), classes)
    axis.set_xlim(-0.6, len(classes) - 0.4)  # classes without a number keep their room
    axis.grid(False, axis="x")
    axis.set_ylabel(metric.replace("AP50", "AP@0.5"))
    axis.set_title(named)
    axis.legend(ncols=min(6, len(methods)), frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    return figure


def _ablation(shown: dict, where: str) -> Figure:
    """shown: title -> value by ablation."""
    figure, axes = plt.subplots(1, len(shown), figsize=(max(3.6, 2.6 * len(shown)), 2.6), squeeze=False)
    for axis, (title, values) in zip(axes.flat, shown.items()):
        drawn = axis.bar(range(len(values)), values,
                         color=["#d62728" if m == "ae8" else "#88a0b8" for m in values.index])
        axis.bar_label(drawn, fmt="%.3g", fontsize=6, rotation=90, padding=2)
        axis.set_xticks(range(len(values)), [m.upper() for m in values.index], rotation=90)
        spread = values.max() - values.min() or values.max() or 1.0
        axis.set_ylim(max(0, values.min() - 0.5 * spread), values.max() + 0.45 * spread)
        axis.set_title(f"{title} ↑")
        axis.grid(False, axis="x")
    figure.suptitle(f"Ablations on {where} (axes do not start at zero)", fontsize=9)
    figure.tight_layout()
    return figure

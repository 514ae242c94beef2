"""One radar per data set, one axis per column of its table, best outside."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from reports.columns import Shown, columns
from reports.data import RunData
from reports.figures import style
from reports.figures.stems import stem
from reports.significance import distinguishable

FLOOR = 0.1  # the worst method's place on an axis: at 0 its polygon would collapse into the centre
ALPHA = 0.05
NARROW = 0.25  # of an axis, for a spread that a paired test cannot tell from chance


def draw(data: RunData) -> dict[str, Figure]:
    """radar_<data set> for suites of values per picture; needs two methods and three metrics."""
    figures = {}
    for suite in data.suites("pictures"):
        means = data.means(suite)["mean"]
        shown = {(c.metric, c.variant): c for c in columns(data, data.table_of(suite))}
        for dataset in data.datasets(suite):
            values = means.loc[dataset].unstack(["metric", "variant"])
            values = values[[pair for pair in shown if pair in values]].dropna()
            # a source compared with itself scores highest on several metrics: its polygon would say nothing
            values = values.loc[[m for m in values.index if data.kind(m) != "source"]]
            if len(values) >= 2 and values.shape[1] >= 3:
                told = distinguishable(data, suite, dataset, values, ALPHA)
                figures[stem(data, "radar", suite, dataset)] = _radar(data, dataset, values,
                                                                      [shown[p] for p in values], told)
    return figures


def normalised(values: pd.DataFrame, shown: Sequence[Shown]) -> pd.DataFrame:
    """Each metric's worst method -> FLOOR, best -> 1 (lower-is-better metrics turned round); all equal -> 1.

    values: one line per method, one column per `shown`.
    """
    signs = [-1 if column.higher_is_better is False else 1 for column in shown]
    signed = values * signs
    spread = signed.max() - signed.min()
    return (FLOOR + (1 - FLOOR) * (signed - signed.min()) / spread.where(spread > 0)).fillna(1.0)


def _radar(data: RunData, dataset: str, values: pd.DataFrame, shown: Sequence[Shown],
           told_apart: Sequence[bool]) -> Figure:
    scaled = normalised(values, shown)
    middle = (1 + FLOOR) / 2
    for column, told in zip(scaled.columns, told_apart):
        if not told:
            scaled[column] = middle + NARROW * (scaled[column] - middle)
    angles = np.linspace(0, 2 * np.pi, values.shape[1], endpoint=False)
    figure = plt.figure(figsize=(5.4, 4.6))
    axes = figure.add_subplot(projection="polar")
    assert isinstance(axes, PolarAxes)  # for the type checker
    axes.set_theta_offset(np.pi / 2)
    axes.set_theta_direction(-1)
    for method in data.ordered(values.index):
        polygon = [*scaled.loc[method], scaled.loc[method].iloc[0]]
        axes.plot([*angles, angles[0]], polygon, **style.line(data, method), marker=style.marker(data, method), ms=3.5,
                  label=data.title(method))
    heads = [f"{c.title}{c.arrow}\n{ends(values[p].min(), values[p].max())}" + ("" if told else "\nn.s.")
             for c, p, told in zip(shown, values, told_apart)]
    axes.set_xticks(angles, heads)
    for label, told in zip(axes.get_xticklabels(), told_apart):
        label.set_color("black" if told else "#888888")
    axes.tick_params(axis="x", pad=12)
    axes.set_yticks([FLOOR, (1 + FLOOR) / 2, 1.0], [])
    axes.set_ylim(0, 1.04)
    axes.spines["polar"].set_visible(False)
    axes.set_title(data.dataset_title(dataset), pad=22)
    axes.legend(loc="center left", bbox_to_anchor=(1.18, 0.5), frameon=False, handlelength=3)
    said = "per axis: worst of these methods inside, best outside (range under the name)"
    if not all(told_apart):
        said += f"\nn.s., drawn narrow: best and worst do not differ (paired Wilcoxon, Holm, {ALPHA:g})"
    figure.text(0.5, -0.02, said, ha="center", va="top", fontsize=7, color="#555555")
    return figure


def ends(low: float, high: float) -> str:
    """Both ends of an axis with the same digits, enough to show two of their difference.

    >>> ends(6.5, 7.125), ends(1.8846, 1.9101), ends(40, 52)
    ('6.50 – 7.12', '1.885 – 1.910', '40 – 52')
    """
    spread = high - low
    digits = max(0, 1 - math.floor(math.log10(spread))) if spread > 0 else 2
    return f"{low:.{digits}f} – {high:.{digits}f}"

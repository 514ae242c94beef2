"""Fig. 1c: one radar per data set, one axis per metric, best outside."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from metrics import registry
from reports.data import RunData
from reports.figures import style

FLOOR = 0.1  # the worst method's place on an axis: at 0 its polygon would collapse into the centre


def draw(data: RunData) -> dict[str, Figure]:
    """radar_<data set> for the fusion and the medical suite; needs two methods and three metrics."""
    figures = {}
    for suite in ("ivf", "mif"):
        means = data.means(suite)["mean"]
        for dataset in data.datasets(suite):
            values = means.loc[dataset].unstack("metric")
            values = values[[m for m in registry.TABLE_METRICS if m in values]].dropna()
            # a source compared with itself scores highest on several metrics: its polygon would say nothing
            values = values.loc[[m for m in values.index if data.kind(m) != "source"]]
            if len(values) >= 2 and values.shape[1] >= 3:
                figures[f"radar_{dataset}"] = _radar(data, dataset, values, data.variants(suite)[0])
    return figures


def normalised(values: pd.DataFrame, variant: str) -> pd.DataFrame:
    """Each metric's worst method -> FLOOR, best -> 1 (lower-is-better metrics turned round); all equal -> 1."""
    signs = [1 if registry.get(m, variant).higher_is_better else -1 for m in values]
    signed = values * signs
    spread = signed.max() - signed.min()
    return (FLOOR + (1 - FLOOR) * (signed - signed.min()) / spread.where(spread > 0)).fillna(1.0)


def _radar(data: RunData, dataset: str, values: pd.DataFrame, variant: str) -> Figure:
    scaled = normalised(values, variant)
    angles = np.linspace(0, 2 * np.pi, values.shape[1], endpoint=False)
    figure, axes = plt.subplots(figsize=(5.4, 4.6), subplot_kw={"projection": "polar"})
    axes.set_theta_offset(np.pi / 2)
    axes.set_theta_direction(-1)
    for method in data.ordered(values.index):
        polygon = [*scaled.loc[method], scaled.loc[method].iloc[0]]
        axes.plot([*angles, angles[0]], polygon, **style.line(data, method), marker=style.marker(data, method), ms=3.5,
                  label=data.title(method))
    heads = [f"{m} {registry.get(m, variant).arrow}\n{values[m].min():.3g} – {values[m].max():.3g}" for m in values]
    axes.set_xticks(angles, heads)
    axes.tick_params(axis="x", pad=12)
    axes.set_yticks([FLOOR, (1 + FLOOR) / 2, 1.0], [])
    axes.set_ylim(0, 1.04)
    axes.spines["polar"].set_visible(False)
    axes.set_title(data.dataset_title(dataset), pad=22)
    axes.legend(loc="center left", bbox_to_anchor=(1.18, 0.5), frameon=False, handlelength=3)
    figure.text(0.5, -0.02, "per axis: worst of these methods inside, best outside (range under the name)",
                ha="center", fontsize=7, color="#555555")
    return figure

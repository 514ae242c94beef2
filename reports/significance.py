"""Which cells of a table a paired test tells from ours."""

import numpy as np
import pandas as pd

from metrics import statistics
from reports.columns import Shown
from reports.data import RunData
from results.paper import PaperTable


def marked(data: RunData, table: PaperTable, shown: list[Shown], dataset: str,
           alpha: float) -> set[tuple[str, str, str]]:
    """(method, metric, variant) whose values per picture differ from ours: Wilcoxon signed-rank, Holm per column.

    Only pictures on which both have a finite value count, and seeds are averaged first. Nothing without a method of
    ours among the rows.
    """
    rows = data.suite(table.suite)
    rows = rows[rows["dataset"] == dataset]
    found: set[tuple[str, str, str]] = set()
    for column in shown:
        of_column = rows[(rows["metric"] == column.metric) & (rows["variant"] == column.variant)]
        values = of_column.groupby(["method", "item"])["value"].mean().unstack("item")
        ours = [method for method in values.index if data.is_ours(method)]
        others = [method for method in values.index if method not in ours and data.kind(method) != "source"]
        if not ours or not others:
            continue
        p = statistics.holm([_paired(values.loc[method].to_numpy(float), values.loc[ours[0]].to_numpy(float))
                             for method in others])
        found |= {(method, column.metric, column.variant) for method, value in zip(others, p) if value < alpha}
    return found


def distinguishable(data: RunData, suite: str, dataset: str, means: pd.DataFrame, alpha: float) -> list[bool]:
    """Per column (metric, variant) of means by method: whether a paired test tells its two extremes apart.

    Wilcoxon signed-rank on the pictures' values, Holm over the columns.
    """
    rows = data.suite(suite)
    rows = rows[rows["dataset"] == dataset]
    p = []
    for metric, variant in means.columns:
        of_column = rows[(rows["metric"] == metric) & (rows["variant"] == variant)]
        values = of_column.groupby(["method", "item"])["value"].mean().unstack("item")
        low, high = means[metric, variant].idxmin(), means[metric, variant].idxmax()
        p.append(_paired(values.loc[low].to_numpy(float), values.loc[high].to_numpy(float)))
    return [bool(value < alpha) for value in statistics.holm(p)]


def _paired(first: "np.ndarray[tuple[int], np.dtype[np.float64]]",
            second: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    both = np.isfinite(first) & np.isfinite(second)
    return statistics.wilcoxon(first[both], second[both]) if both.any() else float("nan")

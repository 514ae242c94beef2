"""Statistics on per-image values: how certain is a mean, and is the best method really better?

Every comparison is paired: only the images on which all methods have a finite value are used, and how many were left
out is stated.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import stats

from metrics.registry import get

COLUMNS = ["dataset", "metric", "variant", "method", "images", "left_out", "mean", "low", "high", "rank", "best",
           "p", "p_holm"]
_DRAWN = 2**22  # values of a bootstrap that are held at once: 32 MiB


def summarise(frame: pd.DataFrame, *, confidence: float = 0.95, resamples: int = 9999, seed: int = 0) -> pd.DataFrame:
    """Compare the methods, one group per (dataset, metric, variant).

    Args:
        frame: one line per value, with the columns dataset, metric, variant, method, item (the image) and value.
        confidence: level of the bootstrap intervals.
        resamples: bootstrap resamples; the same images are drawn for all methods.
        seed: of the bootstrap.
    Returns a DataFrame with COLUMNS, in the order of first appearance:
        images, left_out: images compared, and images that some method has no finite value for.
        mean, low, high: mean over the images compared and its percentile bootstrap interval (nan below two images).
        rank: average over the images of the method's rank among the methods, 1 = best, ties share their ranks.
        best: whether it has the best mean (the first, should several share it).
        p, p_holm: two-sided Wilcoxon signed-rank test against the best method, and after Holm's correction for the
            number of comparisons in the group; nan for the best method itself.
    Raises ValueError for missing columns, or two values for one (method, item); MetricError for an unknown metric.
    """
    missing = [name for name in ("dataset", "metric", "variant", "method", "item", "value") if name not in frame]
    if missing:
        raise ValueError(f"per-image values lack the column(s) {', '.join(missing)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: expected a level between 0 and 1, such as 0.95")
    tables = []
    for (dataset, metric, variant), group in frame.groupby(["dataset", "metric", "variant"], sort=False):
        twice = group.duplicated(["method", "item"])
        if twice.any():
            method, item = group.loc[twice, ["method", "item"]].iloc[0]
            raise ValueError(f"{dataset}, {metric} ({variant}): two values for method {method}, image {item}; "
                             "pass one seed at a time")
        methods = list(dict.fromkeys(group["method"]))
        values = group.pivot(index="method", columns="item", values="value").loc[methods]
        table = compare(values.to_numpy(float), higher_is_better=get(metric, variant).higher_is_better,
                        confidence=confidence, resamples=resamples, seed=seed)
        address = {"dataset": dataset, "metric": metric, "variant": variant, "method": methods}
        tables.append(table.assign(**address)[COLUMNS])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def compare(values: np.ndarray, *, higher_is_better: bool, confidence: float = 0.95, resamples: int = 9999,
            seed: int = 0) -> pd.DataFrame:
    """The same for one group: float [methods, images], nan where a value is missing -> one line per method."""
    complete = np.isfinite(values).all(axis=0)
    used = values[:, complete]
    count = used.shape[1]
    if count == 0:
        nothing = dict.fromkeys(("mean", "low", "high", "rank", "p", "p_holm"), np.nan)
        return pd.DataFrame({"images": 0, "left_out": values.shape[1], **nothing, "best": False},
                            index=range(len(values)))
    means = used.mean(axis=1)
    best = int(np.argmax(means) if higher_is_better else np.argmin(means))
    low, high = bootstrap_interval(used, confidence=confidence, resamples=resamples, seed=seed)
    p = np.array([np.nan if row == best else wilcoxon(used[row], used[best]) for row in range(len(used))])
    return pd.DataFrame({
        "images": count, "left_out": int((~complete).sum()), "mean": means, "low": low, "high": high,
        "rank": average_rank(used, higher_is_better=higher_is_better), "best": np.arange(len(used)) == best,
        "p": p, "p_holm": holm(p),
    })


def bootstrap_interval(values: np.ndarray, *, confidence: float = 0.95, resamples: int = 9999,
                       seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval of the mean along the last axis: float [methods, images] -> low, high [methods].

    One draw of images serves all methods. nan for fewer than two images.
    """
    if values.shape[-1] < 2:
        return np.full(len(values), np.nan), np.full(len(values), np.nan)
    batch = int(np.clip(_DRAWN // values.size, 1, 200))  # the same draws, however many are held at once
    interval = stats.bootstrap((values,), np.mean, axis=-1, confidence_level=confidence, n_resamples=resamples,
                               batch=batch, method="percentile", rng=np.random.default_rng(seed)).confidence_interval
    return interval.low, interval.high


def wilcoxon(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of the paired Wilcoxon signed-rank test; 1 when no image tells the two apart."""
    if np.array_equal(first, second):
        return 1.0
    return float(stats.wilcoxon(first, second).pvalue)


def holm(p: Iterable[float]) -> np.ndarray:
    """Holm's step-down correction for as many comparisons as there are finite p values; nan stays nan.

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 1979.

    >>> [round(float(value), 6) for value in holm([0.01, 0.04, 0.03, float("nan")])]
    [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)[:np.isfinite(p).sum()]  # nan sorts last
    corrected = np.full(p.shape, np.nan)
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1)
    return corrected


def average_rank(values: np.ndarray, *, higher_is_better: bool) -> np.ndarray:
    """Mean over the images of each method's rank: float [methods, images] -> [methods]; 1 = best, ties share."""
    return np.asarray(stats.rankdata(-values if higher_is_better else values, axis=0).mean(axis=1))


def overall_rank(summary: pd.DataFrame) -> pd.DataFrame:
    """Average rank over all metrics of a dataset, from `summarise`: columns dataset, variant, method, metrics, rank."""
    groups = summary.groupby(["dataset", "variant", "method"], sort=False)["rank"]
    return groups.agg(metrics="count", rank="mean").reset_index()

"""Beside the tables of values per picture: intervals, paired tests and ranks on the per-image values."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from metrics import registry, statistics
from reports.data import RunData

RESAMPLES = 1999  # enough for a 95 % interval, and a page is rebuilt in seconds


def summaries(data: RunData) -> dict[str, pd.DataFrame]:
    """File stem -> metrics.statistics.summarise of the fused methods (a source compared with itself is left out)."""
    return data.once("summaries", lambda: _summaries(data))


def _summaries(data: RunData) -> dict[str, pd.DataFrame]:
    found = {}
    known = {(name, variant) for variant in registry.variants() for name in registry.names(variant)}
    for suite in data.suites("pictures"):
        rows = data.suite(suite)
        rows = rows[pd.MultiIndex.from_frame(rows[["metric", "variant"]]).isin(known)]
        rows = rows[~rows["method"].isin([m for m in rows["method"].unique() if data.kind(m) == "source"])]
        if rows["method"].nunique() >= 2:
            summary = statistics.summarise(rows, resamples=RESAMPLES)
            summary["method"] = summary["method"].map(data.title)
            summary["dataset"] = summary["dataset"].map(data.dataset_title)
            found[f"{data.table_of(suite).name}_statistics"] = summary
    return found


def write_statistics(data: RunData, folder: Path, write_text: Callable[[Path, str], Path]) -> list[Path]:
    """One CSV per summary, full precision."""
    return [write_text(folder / f"{stem}.csv", summary.to_csv(index=False, lineterminator="\n"))
            for stem, summary in summaries(data).items()]

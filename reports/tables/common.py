"""What the builders share."""

from collections.abc import Iterable

import pandas as pd

from reports.data import RunData
from reports.table import Cell

SAMPLE_NOTE = ("Made from scenes that the benchmark renders itself: the numbers show that the path works, "
               "they compare with no published value.")


def cell(means: pd.DataFrame, key: tuple, digits: int, reason: str) -> Cell:
    """The cell under `key` of a frame with mean and std; without a number, an en dash with the reason."""
    if key not in means.index:
        return Cell(None, digits, note=reason or "not run")
    found = means.loc[key]
    value = float(found["mean"])
    if pd.isna(value):
        return Cell(None, digits, note="undefined")
    spread = float(found["std"]) if found["seeds"] > 1 else None
    return Cell(value, digits, spread=spread)


def notes(data: RunData, suite: str, *more: str) -> tuple[str, ...]:
    """What must be said below a table: its data sets' notes, what the methods say of themselves, seeds, the sample."""
    found = [f"{data.dataset_title(name)}: {data.dataset_note(name)}." for name in data.datasets(suite)
             if data.dataset_note(name)]
    methods: Iterable[str] = data.suite(suite)["method"].unique()
    found += [f"{data.title(m)}: {note}." for m in data.ordered(methods)
              if (note := data.method(m).note.rstrip("."))]
    seeds = data.suite(suite)["seed"].nunique()
    if seeds > 1:
        found.append(f"Mean ± standard deviation over {seeds} seeds.")
    if any(data.dataset(name).rendered for name in data.datasets(suite)):
        found.append(SAMPLE_NOTE)
    return (*filter(None, more), *dict.fromkeys(found))

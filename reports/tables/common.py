"""What the builders share."""

from collections.abc import Iterable

import pandas as pd

from reports.columns import Shown, columns
from reports.data import RunData
from reports.reasons import NOT_RUN, Why
from reports.table import Cell
from results.paper import PaperTable
from results.records import FLOAT32

SAMPLE_NOTE = ("Made from scenes that the benchmark renders itself: the numbers show that the path works, "
               "they compare with no published value.")

ROUNDED = "Fused with products in bfloat16, not comparable with published values digit by digit:"


def cell(means: pd.DataFrame, key: tuple[str, ...], column: Shown, reason: Why, statistic: str = "mean") -> Cell:
    """The cell under `key` of a frame with mean and std, in the column's unit; without a number, a dash and why."""
    if key not in means.index:
        return Cell(None, column.digits, note=reason.note or NOT_RUN, detail=reason.detail)
    found, factor = means.loc[key], column.column.factor
    value = float(found["median" if statistic == "median" else "mean"]) * factor
    if pd.isna(value):
        return Cell(None, column.digits, note="undefined")
    spread = "spread" if statistic == "mean ± std" else "std" if found["seeds"] > 1 and statistic == "mean" else ""
    return Cell(value, column.digits, spread=float(found[spread]) * factor if spread else None)


def notes(data: RunData, table: PaperTable, datasets: list[str], *more: str) -> tuple[str, ...]:
    """What must be said below a table: of its data sets, methods, their precision, seeds, and the sample."""
    suite = table.suite
    found = [f"{data.dataset_title(name)}: {data.dataset_note(name)}." for name in datasets if data.dataset_note(name)]
    methods: Iterable[str] = data.suite(suite)["method"].unique()
    found += [f"{data.title(m)}: {note}." for m in data.ordered(methods, table)
              if (note := data.method(m).note.rstrip("."))]
    rounded = [data.title(m) for m in data.ordered(methods, table) if data.method(m).precision != FLOAT32]
    if rounded:
        found.append(f"{ROUNDED} {', '.join(rounded)}.")
    seeds = data.suite(suite)["seed"].nunique()
    if seeds > 1:
        found.append(f"Mean ± standard deviation over {seeds} seeds.")
    # what scoring could not do, e.g. a metric that is not defined for a small picture
    found += [f"{note}." for unit in data.run.units if unit.stage == "score" and suite in unit.suites and
              unit.dataset in datasets for note in unit.notes]
    if any(data.dataset(name).rendered for name in datasets):
        found.append(SAMPLE_NOTE)
    return (*filter(None, more), *dict.fromkeys(found))


def filled(data: RunData, table: PaperTable, text: str, datasets: list[str]) -> str:
    """A text of the description with {datasets}, {variants} and {how} put in."""
    named = ", ".join(data.labelled_title(table.suite, name) for name in datasets)
    shown = [column.variant for column in columns(data, table) if column.variant]
    variants = ", ".join(dict.fromkeys(shown or data.variants(table.suite)))
    return text.replace("{datasets}", named).replace("{variants}", variants).replace("{how}", how(data, table)).rstrip()


def how(data: RunData, table: PaperTable) -> str:
    """What the units say of themselves (network, split, pictures at hand), each sentence once."""
    said = [note for unit in data.run.units if table.suite in unit.suites for note in unit.notes]
    return "; ".join(dict.fromkeys(said)) + "." if said else ""



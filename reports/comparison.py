"""Ours beside the published values: per cell the difference and a status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import pandas as pd

from reports.data import RunData
from reports.numerals import numeral
from reports.table import Cell, Header, Line, Table
from results.paper import Column, PaperTable, printed_digits
from results.records import FLOAT32

EXACT, CLOSE, DIFFERS = "exact", "within 1 %", "differs"


@dataclass(frozen=True)
class Compared:
    """One cell. digits: as printed in the paper. reason: what is known of why the method's row differs."""

    table: int
    dataset: str
    method: str
    metric: str
    published: float
    ours: float
    digits: int
    reason: str = ""

    @property
    def difference(self) -> float:
        return self.ours - self.published

    @property
    def status(self) -> str:
        """exact: the same printed digits; within 1 % of the published value; differs."""
        if f"{self.ours:.{self.digits}f}" == f"{self.published:.{self.digits}f}":
            return EXACT
        return CLOSE if abs(self.difference) <= 0.01 * abs(self.published) else DIFFERS

    @property
    def note(self) -> str:
        """The reason, where there is something to explain."""
        return "" if self.status == EXACT else self.reason


def compare(data: RunData) -> list[Compared]:
    """Every cell that both the paper and this run have, under the paper's definitions.

    Runs on rendered data have none, but for what a network costs.
    """
    return [cell for table in data.paper.tables if table.csv for cell in _table(data, table)]


def _table(data: RunData, table: PaperTable) -> Iterator[Compared]:
    published = data.paper.published(table.number)
    if data.suite(table.suite).empty:
        return
    for dataset in data.datasets(table.suite):
        if table.datasets and dataset not in table.datasets:
            continue
        ours = _Ours(data, table, dataset)
        for method in data.methods(table.suite):
            row = published_row(data, table, published, dataset, method)
            if row is not None:
                yield from _cells(data, table, dataset, method, row, ours)


class _Ours:
    """A run's values on one data set, addressed by a described column."""

    def __init__(self, data: RunData, table: PaperTable, dataset: str) -> None:
        self.kind = data.suite_record(table.suite).kind
        self.dataset = dataset
        self.values: pd.Series[float] = data.by_item(table.suite, dataset)["mean"] if self.kind == "items" else \
            data.means(table.suite)["mean"]

    def value(self, method: str, column: Column) -> float:
        """nan where the run has none, or not under the described definition or condition."""
        if self.kind == "items":
            return float(self.values.get((method, column.metric, column.item), float("nan"))) * column.factor
        if self.kind == "pictures":
            key = (self.dataset, method, column.metric, column.variant)
            return float(self.values.get(key, float("nan"))) * column.factor
        key3 = (self.dataset, method, column.metric)
        found = self.values[key3] if key3 in self.values.index.droplevel("variant") else {}
        fitting = [float(v) for variant, v in dict(found).items() if str(variant).startswith(column.condition)]
        return fitting[0] * column.factor if fitting else float("nan")


def published_row(data: RunData, table: PaperTable, published: pd.DataFrame, dataset: str,
                  method: str) -> "pd.Series[float] | None":
    """The printed row of a method of the run, or None where the paper has none."""
    rows = published[published["dataset"] == table.datasets.get(dataset)] if "dataset" in published else published
    if table.rows == "ablations":
        rows = rows[rows["id"].str.lower() == method.lower()]
    else:
        # a slim or otherwise different network under another title is not the paper's method, but for what it costs
        counted = data.suite_record(table.suite).kind == "cost"
        printed = data.paper.by_name.get(method)
        if printed is None or not (counted or data.is_published(method)):
            return None
        rows = rows[rows["method"].str.lower() == printed.title.lower()]
    if "trained_on_medical" in rows:
        rows = rows[rows["trained_on_medical"] == int(data.is_medical(method))]
    return rows.iloc[0] if len(rows) else None


def _cells(data: RunData, table: PaperTable, dataset: str, method: str, row: "pd.Series[float]",
           ours: _Ours) -> Iterator[Compared]:
    reason = _reason(data, table, dataset, method)
    counted = data.suite_record(table.suite).kind == "cost"
    title = data.network_title(method) if counted else data.title(method)
    for column in table.described:
        if column.source not in row or not isfinite(float(row[column.source])):
            continue
        value = ours.value(method, column)
        if isfinite(value):
            yield Compared(table.number, data.dataset_title(dataset), title, column.source, float(row[column.source]),
                           value, printed_digits(column, table), reason)


def _reason(data: RunData, table: PaperTable, dataset: str, method: str) -> str:
    """Why a row may differ from the paper's: the data, the protocol, the method, the table; else how it was checked."""
    record = data.method(method)
    reasons = [data.dataset_note(dataset)]
    if record.precision != FLOAT32:
        reasons.append(f"fused with products in {record.precision}, whose digits are not float32's")
    if record.protocol and record.protocol != data.paper.protocol:
        reasons.append(f"run with the protocol {record.protocol}; the paper's rows are those of {data.paper.protocol}")
    else:
        counted = data.suite_record(table.suite).kind == "cost"
        reasons.append(_of_method(data, method, table.suite if counted else dataset))
    return ". ".join(filter(None, (*reasons, table.differs))) or record.parity


def _of_method(data: RunData, method: str, where: str) -> str:
    """What the description knows of a method's row; where it says so, what the method's card knows."""
    for reason in data.paper.reasons:
        if reason.method == method and (not reason.datasets or where in reason.datasets):
            return reason.text
    return data.method(method).differs.get(where, "") if data.paper.cards_explain else ""


def to_frame(cells: Sequence[Compared]) -> pd.DataFrame:
    """One line per cell: table, dataset, method, metric, published, ours, difference, status, note."""
    return pd.DataFrame([{
        "table": c.table, "dataset": c.dataset, "method": c.method, "metric": c.metric, "published": c.published,
        "ours": c.ours, "difference": c.difference, "status": c.status, "note": c.note} for c in cells],
        columns=["table", "dataset", "method", "metric", "published", "ours", "difference", "status", "note"])


def summary_table(data: RunData, cells: Sequence[Compared]) -> Table | None:
    """Per table, data set and method: how many cells are exact, within 1 %, differ, and the largest difference."""
    if not cells:
        return None
    lines = []
    for (number, dataset, method), group in to_frame(cells).groupby(["table", "dataset", "method"], sort=False):
        counts = group["status"].value_counts()
        relative = (group["difference"].abs() / group["published"].abs()).max() * 100
        note = next(filter(None, group["note"]), "")
        lines.append(Line(method, (Cell(numeral(data.paper, number)), Cell(dataset),
                                   *(Cell(float(counts.get(s, 0)), 0) for s in (EXACT, CLOSE, DIFFERS)),
                                   Cell(float(relative), 3, note=note))))
    headers = (Header("Table"), Header("Data set"), Header("exact"), Header("within 1 %"), Header("differs"),
               Header("largest difference (%)"))
    return Table("comparison", "Published and reproduced: cells that agree to the printed digits, within 1 %, or not",
                 "Method", headers, tuple(lines))


def cells_table(data: RunData, cells: Sequence[Compared]) -> Table | None:
    """Cell by cell: published, ours, difference, status. For the page; the CSV has full precision."""
    if not cells:
        return None
    headers = tuple(map(Header, ("Table", "Data set", "Metric", "published", "ours", "difference", "status")))
    lines = tuple(Line(c.method, (
        Cell(numeral(data.paper, c.table)), Cell(c.dataset), Cell(c.metric), Cell(c.published, c.digits),
        Cell(c.ours, c.digits), Cell(c.difference, c.digits + 1), Cell(c.status))) for c in cells)
    return Table("comparison_cells", "Published and reproduced, cell by cell", "Method", headers, lines)

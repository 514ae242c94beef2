"""Tables of what a method costs: one value per method."""

import pandas as pd

from reports.columns import Shown, columns
from reports.data import RunData
from reports.reasons import Why
from reports.table import Header, Line, Table, ranked
from reports.tables.common import cell, filled, notes
from results.paper import PaperTable

SAID = "Measured at {variants}."


def build(data: RunData, table: PaperTable, datasets: list[str]) -> Table:
    """One line per method that was measured, with the conditions below."""
    shown = columns(data, table)
    means = data.means(table.suite).groupby(level=["dataset", "method", "metric"], sort=False).first()
    lines = [line for dataset in datasets for method in data.methods(table.suite, table)
             if (line := _line(data, table, shown, means, (dataset, method))) is not None]
    headers = tuple(Header(column.title, column.higher_is_better, column.column.group) for column in shown)
    more = [filled(data, table, text, datasets) for text in (table.said or SAID, *table.notes)]
    return ranked(Table(table.name, filled(data, table, table.caption, datasets), table.corner, headers, tuple(lines),
                        notes(data, table, datasets, *more), wide="transposed" if table.transposed else ""))


def _line(data: RunData, table: PaperTable, shown: list[Shown], means: pd.DataFrame,
          row: tuple[str, str]) -> Line | None:
    dataset, method = row
    # weights of another network are not timed: the method's own note says so
    reason = data.why(table.suite, method, dataset) or Why(data.method(method).note)
    cells = [cell(means, (dataset, method, column.metric), column, reason) for column in shown]
    if all(c.value is None for c in cells):
        return None
    return Line(data.network_title(method), tuple(cells), cite=data.cite(method))

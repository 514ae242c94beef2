"""Tables of values per class: what a detector or a segmenter makes of the fused pictures."""

from dataclasses import replace

import pandas as pd

from reports.columns import Shown, columns, left_out
from reports.data import RunData
from reports.reasons import Why
from reports.table import Cell, Header, Line, Table, ranked, with_average_rank
from reports.tables.common import cell, filled, notes
from reports.tables.pictures import mark
from results.paper import PaperTable

SAID = "Made by: {variants}. {how}"


def build(data: RunData, table: PaperTable, datasets: list[str]) -> Table:
    """One line per method and data set, one column per class and per value over all classes."""
    shown = columns(data, table)
    headers = tuple(Header(column.title, column.higher_is_better, column.column.group) for column in shown)
    several = len(datasets) > 1 or table.blocks  # one data set is named in the caption
    lines = tuple(line for dataset in datasets for line in _lines(data, table, shown, dataset, several))
    more = [filled(data, table, text, datasets) for text in (table.said or SAID, *table.notes)]
    missing = left_out(data, table)
    if missing and table.left_out_note:
        more.append(table.left_out_note.replace("{left_out}", ", ".join(missing)))
    made = ranked(Table(table.name, filled(data, table, table.caption, datasets), table.corner, headers, lines,
                        notes(data, table, datasets, *more), wide="transposed" if table.transposed else ""))
    return with_average_rank(made) if table.average_rank else made


def _lines(data: RunData, table: PaperTable, shown: list[Shown], dataset: str, several: bool) -> list[Line]:
    values = data.by_item(table.suite, dataset)
    block = data.labelled_title(table.suite, dataset) if several else ""
    lines = []
    for method in data.methods(table.suite, table):
        reason = data.why(table.suite, method, dataset)
        cells = tuple(_cell(values, method, column, reason) for column in shown)
        if any(c.value is not None for c in cells) or reason:
            lines.append(Line(data.title(method) + mark(data, table, method), cells, block,
                              data.kind(method) != "source", data.cite(method)))
    return lines


def _cell(values: pd.DataFrame, method: str, column: Shown, reason: Why) -> Cell:
    """A cell; a class that has no number because no test picture shows it says so."""
    key = (method, column.metric, column.column.item)
    found = cell(values, key, column, reason)
    absent = found.value is None and key in values.index and key[2] != "-"
    return replace(found, note="no such object in the test pictures", detail="") if absent else found

"""Table -> CSV, as the paper's tables are kept in results/published/: printed digits, no marks."""

import csv
import io
import re
from math import isfinite

from core.names import FORMULA
from reports.table import Cell, Table

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")


def render(table: Table) -> str:
    """Columns: data set (where the table has several blocks or names them), label, one per header."""
    blocks = any(table.blocks)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [h.text for h in table.headers]
    if len(set(names)) < len(names):
        names = ["_".join(filter(None, [h.group, h.text])) for h in table.headers]
    writer.writerow([*(["dataset"] if blocks else []), "method", *names])
    for line in table.lines:
        writer.writerow([*([plain(line.block)] if blocks else []), plain(line.label), *map(_value, line.cells)])
    return text.getvalue()


def plain(text: str) -> str:
    """A text as a cell that no spreadsheet computes: one that begins like a formula gets an apostrophe in front."""
    if text.startswith(FORMULA) and len(text) > 1 and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def _value(cell: Cell) -> str:
    if isinstance(cell.value, str):
        return plain(cell.value)
    if cell.value is None or not isfinite(cell.value):
        return ""
    return f"{cell.value:.{cell.digits}f}"

"""A table's LaTeX and CSV for the page's buttons that copy them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reports.pasteable import pasteable
from reports.render import csv
from reports.render import latex as as_latex
from reports.table import Cell, Table

LONG = 200  # rows: what is longer is no table of a paper, and copied as CSV only


def texts(tables: Sequence[Table], latex: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Table's name -> format -> text without a machine's paths and commands.

    Args:
        latex: name -> what was written already, with the user's options.
    """
    found: dict[str, dict[str, str]] = {}
    for table in map(_plain, tables):
        short = table.name in latex or len(table.lines) <= LONG
        written = latex.get(table.name) or (as_latex.render(table, colour=table.colour) if short else "")
        found[table.name] = {**({"LaTeX": written} if written else {}), "CSV": csv.render(table)}
    return found


def _plain(table: Table) -> Table:
    """The table with every text as it may be pasted."""
    def cell(of: Cell) -> Cell:
        return replace(of, value=pasteable(of.value)) if isinstance(of.value, str) else of

    lines = (replace(line, label=pasteable(line.label), block=pasteable(line.block),
                     cells=tuple(map(cell, line.cells))) for line in table.lines)
    return replace(table, caption=pasteable(table.caption), lines=tuple(lines))

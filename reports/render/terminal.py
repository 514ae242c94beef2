"""A table for the terminal, through rich: the best bold, the second underlined, never wider than the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console, ConsoleOptions
from rich.table import Table as RichTable
from rich.text import Text

from reports.table import Cell, Table

_STYLES = {1: "bold red", 2: "underline blue", 0: ""}


def render(table: Table) -> RichTable:
    """The table as a rich renderable; blocks are divided by their names."""
    made = RichTable(title=table.caption, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    made.add_column(table.corner, no_wrap=True)
    for header in table.headers:
        heading = f"{header.group} {header.text}".strip() if header.group else header.text
        made.add_column(f"{heading} {header.arrow}".strip(), justify="right", no_wrap=True)
    several = len(table.blocks) > 1
    for block in table.blocks:
        if several:
            made.add_row(Text(block, style="italic"))
        for line in table.lines:
            if line.block == block:
                made.add_row(Text(line.label), *map(_cell, line.cells))
        made.add_section()
    return made


def fitted(table: Table, console: Console, options: ConsoleOptions) -> Iterator[RichTable]:
    """The table in as few parts as fit beside one another's column of names; no part is wider than the console."""
    columns = range(len(table.headers))
    while columns:
        taken = columns
        while len(taken) > 1 and _too_wide(render(_part(table, taken)), console, options):
            taken = taken[:-1]
        columns = columns[len(taken):]
        first = taken.start == 0
        yield render(replace(_part(table, taken), caption=table.caption if first else f"{table.caption} (continued)"))


def _part(table: Table, columns: Sequence[int]) -> Table:
    lines = (replace(line, cells=tuple(line.cells[place] for place in columns)) for line in table.lines)
    return replace(table, headers=tuple(table.headers[place] for place in columns), lines=tuple(lines), caption="")


def _too_wide(made: RichTable, console: Console, options: ConsoleOptions) -> bool:
    wide = options.update(width=10_000)
    return console.measure(made, options=wide).maximum > options.max_width


def _cell(cell: Cell) -> Text:
    return Text(cell.text, style=_STYLES[cell.rank])

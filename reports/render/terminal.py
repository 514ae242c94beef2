"""A table for the terminal, through rich: the best bold, the second underlined."""

from rich import box
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
        made.add_column(f"{heading} {header.arrow}".strip(), justify="right")
    several = len(table.blocks) > 1
    for block in table.blocks:
        if several:
            made.add_row(Text(block, style="italic"))
        for line in table.lines:
            if line.block == block:
                made.add_row(Text(line.label), *map(_cell, line.cells))
        made.add_section()
    return made


def _cell(cell: Cell) -> Text:
    return Text(cell.text, style=_STYLES[cell.rank])

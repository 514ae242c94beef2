"""Table -> GitHub Markdown."""

from collections.abc import Iterable
from itertools import pairwise

from reports.legend import legend
from reports.pasteable import pasteable
from reports.table import Cell, Table


def render(table: Table) -> str:
    """Best bold, second underlined; one column names the data set where the table has blocks."""
    blocks = any(table.blocks)
    notes, number = table.footnotes()
    heads = [*(["Data set"] if blocks else []), table.corner,
             *(" ".join(filter(None, [h.group, h.text, h.arrow])) for h in table.headers)]
    said = legend(table, colour=False)
    out = [f"**{escape(table.caption)}**" + (f" {escape(said)}" if said else ""), "", _row(map(escape, heads)),
           _row(["---"] * (2 if blocks else 1) + ["---" if text else "---:" for text in table.text_columns])]
    first = {0, *(i + 1 for i, (a, b) in enumerate(pairwise(table.lines)) if a.block != b.block)}
    for i, line in enumerate(table.lines):
        start = [escape(line.block) if i in first else ""] if blocks else []
        out.append(_row([*start, escape(line.label), *(_cell(c, number) for c in line.cells)]))
    below = [(f"[{number[note]}] ", note) for note in notes] + [("", note) for note in table.notes]
    out += ["", *(f"{mark}{escape(text)}  " for mark, note in below if (text := pasteable(note)))]
    return "\n".join(out).rstrip() + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, number: dict[str, int]) -> str:
    text = {1: "**{}**", 2: "<u>{}</u>"}.get(cell.rank, "{}").format(escape(cell.text))
    return f"{text} [{number[cell.note]}]" if cell.note else text


def escape(text: str) -> str:
    """Text that Markdown prints as it is."""
    for character in "\\`*_|<>[]":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())

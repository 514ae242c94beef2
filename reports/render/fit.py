"""How a table fits a two-column page at a size that can be read: as it is, shrunk a little, or in several parts.

Widths are estimates in points, from Times and Computer Modern at the size that floats have (8 pt in a 10 pt document).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from reports.table import Cell, Header, Line, Table, laid_out

Width = Literal["column", "page", "landscape"]
POINTS: dict[Width, float] = {"column": 252.0, "page": 516.0, "landscape": 690.0}  # of IEEEtran
FONT, SPREAD, SMALLEST = 8.0, 7.0, 6.0  # \footnotesize, what stands behind ±, and what is still read without effort
GAP = 4.0  # between two columns: twice \tabcolsep
LABEL = 0.28  # a longer label is broken, at this part of the float's width
ROWS = 48  # what fits on a page; a longer table goes on in another float of the same number
BOLD = 1.13  # how much wider bold digits are
# of Computer Modern at 8 pt, the wider of the two fonts, in parts of the size
_EM = {**dict.fromkeys(".,:;'|!()[]ijlt ", 0.33), **dict.fromkeys("0123456789–-abcdefghknopqrsuvxyz", 0.54),
       **dict.fromkeys("↑↓mwMW±=", 1.0)}


def text_width(text: str, font: float = FONT) -> float:
    """Points of a line."""
    return font * sum(_EM.get(character, 0.8) for character in text)


def font_size(table: Table, width: Width) -> float:
    """Points of the numbers of a table that is shrunk to the float's width; a spread, like an index, is smaller."""
    room = POINTS[width]
    label = min(LABEL * room, max((text_width(line.label) for line in table.lines), default=0.0))
    columns = [max([text_width(_heading(header)), *(_cell_width(line.cells[i]) for line in table.lines)])
               for i, header in enumerate(table.headers)]
    total = max(label, text_width(table.corner)) + sum(columns) + GAP * (len(columns) + 1)
    return FONT * min(1.0, room / total)


def parts(table: Table, width: Width) -> list[Table]:
    """The table in its layout where it can be read so, else one part per data set, else of fewer columns each.

    Parts after the first say in their captions what they go on with.
    """
    wide = laid_out(table) if width != "column" else table
    if font_size(wide, width) >= SMALLEST:
        return [wide]
    blocks = table.blocks if len(table.blocks) > 1 else [None]
    found = []
    for block in blocks:
        part = table if block is None else _of_block(table, block)
        found += [part] if font_size(part, width) >= SMALLEST else _columns(part, width)
    return found


def pages(table: Table) -> list[Table]:
    """The table in parts that are not longer than a page."""
    starts = range(0, max(1, len(table.lines)), ROWS)
    return [replace(table, lines=table.lines[start:start + ROWS],
                    caption=f"{table.caption} (continued)" if start else table.caption) for start in starts]


def _of_block(table: Table, block: str) -> Table:
    lines = tuple(replace(line, block="") for line in table.lines if line.block == block)
    return replace(table, lines=lines, caption=f"{table.caption.rstrip('.')}: {block}", wide="")


def _columns(table: Table, width: Width) -> list[Table]:
    """As many columns in each part as can be read."""
    found, first = [], 0
    while first < len(table.headers):
        last = first + 1
        while last < len(table.headers) and font_size(_cut(table, first, last + 1), width) >= SMALLEST:
            last += 1
        part = _cut(table, first, last)
        found.append(replace(part, caption=f"{table.caption} (continued)") if first else part)
        first = last
    return found or [table]


def _cut(table: Table, first: int, last: int) -> Table:
    lines: Sequence[Line] = [replace(line, cells=line.cells[first:last]) for line in table.lines]
    return replace(table, headers=table.headers[first:last], lines=tuple(lines))


def _heading(header: Header) -> str:
    return f"{header.text} {header.arrow}".strip()


def _cell_width(cell: Cell) -> float:
    value, plus_minus, spread = cell.text.partition(" ± ")
    after = (text_width(" ± " + spread, SPREAD) if plus_minus else 0) + (2.5 if cell.note else 0)
    return text_width(value) * (BOLD if cell.rank == 1 else 1) + after

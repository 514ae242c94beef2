"""Table -> HTML for the page: one sortable table per block."""

from html import escape
from itertools import groupby
from math import isfinite

from reports.table import Cell, Table

_MARKS = {1: ' class="best"', 2: ' class="second"'}


def render(table: Table) -> str:
    """A <section>; the page's script makes the header buttons sort. Every text is escaped."""
    notes, number = table.footnotes(at_length=True)
    parts = [f'<section class="table" id="{escape(table.name)}"><h3>{escape(table.caption)}</h3>']
    for block, lines in groupby(table.lines, key=lambda line: line.block):
        title = f"<caption>{escape(block)}</caption>" if block else ""
        heads = "".join(_head(h.text, h.arrow, text) for h, text in zip(table.headers, table.text_columns))
        rows = "".join(
            f'<tr{"" if line.ranked else " class=source"}><th scope="row">{escape(line.label)}</th>'
            f"{''.join(_cell(cell, number) for cell in line.cells)}</tr>" for line in lines)
        head = f"{_groups(table)}<tr>{_head(table.corner, '')}{heads}</tr>"
        parts.append(f'<div class="scroll"><table>{title}<thead>{head}</thead><tbody>{rows}</tbody></table></div>')
    parts += [f"<p class=note><sup>{number[note]}</sup> {escape(note)}</p>" for note in notes]
    parts += [f"<p class=note>{escape(note)}</p>" for note in table.notes]
    return "".join([*parts, "</section>"])


def _groups(table: Table) -> str:
    if not any(h.group for h in table.headers):
        return ""
    spans = [(group, len(list(members))) for group, members in groupby(table.headers, key=lambda h: h.group)]
    cells = "".join(f'<th scope="colgroup" colspan="{span}">{escape(group)}</th>' if group else
                    f'<td colspan="{span}"></td>' for group, span in spans)
    return f'<tr class="groups"><td></td>{cells}</tr>'


def _head(text: str, arrow: str, is_text: bool = False) -> str:
    kind = ' class="text"' if is_text else ""
    return f'<th scope="col"{kind} aria-sort="none"><button type="button">{escape(text)} {escape(arrow)}</button></th>'


def _cell(cell: Cell, number: dict[str, int]) -> str:
    kind = ' class="text"' if isinstance(cell.value, str) else _MARKS.get(cell.rank, "")
    # sorted by the full value, not by the printed digits; a missing one has none
    number_there = isinstance(cell.value, (int, float)) and isfinite(cell.value)
    value = f' data-value="{cell.value!r}"' if number_there else ""
    note = cell.detail or cell.note
    mark = f"<sup>{number[note]}</sup>" if note else ""
    return f"<td{kind}{value}>{escape(cell.text)}{mark}</td>"

"""A table as data: built once, ranked once, rendered by one small function per format."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

DASH = "–"
TIE = "="  # behind best or second cells that share their rank
Layout = Literal["", "beside", "transposed"]


@dataclass(frozen=True)
class Header:
    """A column. higher_is_better None: not ranked. group: spans neighbouring columns of the same group. cite: key."""

    text: str
    higher_is_better: bool | None = None
    group: str = ""
    cite: str = ""

    @property
    def arrow(self) -> str:
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class Cell:
    """A number or a text. rank: 1 best, 2 second, 0 neither. spread: standard deviation over seeds.

    note: why the value is missing or what must be said; rendered as a footnote. detail: the same at length, for the
    page. mark: behind the number. tie: another cell has the same rank.
    """

    value: float | str | None = None
    digits: int = 4
    rank: int = 0
    note: str = ""
    spread: float | None = None
    mark: str = ""
    detail: str = ""
    tie: bool = False

    @property
    def text(self) -> str:
        """As printed: fixed digits, an en dash where there is no number."""
        if isinstance(self.value, str):
            return self.value
        if self.value is None or not isfinite(self.value):
            return DASH
        spread = f" ± {self.spread:.{self.digits}f}" if self.spread is not None and isfinite(self.spread) else ""
        return f"{self.value:.{self.digits}f}{spread}{self.mark}{TIE if self.tie else ''}"

    @property
    def has_number(self) -> bool:
        return not isinstance(self.value, str) and self.value is not None and isfinite(self.value)


@dataclass(frozen=True)
class Line:
    """A row. ranked False: printed, but never best or second (the source rows). block: rows of one data set.

    cite: BibTeX key, printed in LaTeX.
    """

    label: str
    cells: tuple[Cell, ...]
    block: str = ""
    ranked: bool = True
    cite: str = ""


@dataclass(frozen=True)
class Table:
    """name: file stem ("table1"). corner: heading of the label column. notes: printed below.

    wide: how the paper lays it out over the page's width: "" as it is, "beside" blocks side by side, "transposed".
    single_column, colour: of the LaTeX form. average_rank: the last column is one.
    """

    name: str
    caption: str
    corner: str
    headers: tuple[Header, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    wide: Layout = ""
    single_column: bool = False
    colour: bool = True
    average_rank: bool = False

    def __post_init__(self) -> None:
        for line in self.lines:
            if len(line.cells) != len(self.headers):
                raise ValueError(f"{self.name}: row {line.label} has {len(line.cells)} cells "
                                 f"for {len(self.headers)} columns")

    @property
    def text_columns(self) -> tuple[bool, ...]:
        """Per column: does it hold texts, which are set from the left?"""
        return tuple(bool(self.lines) and all(isinstance(line.cells[i].value, str) for line in self.lines)
                     for i in range(len(self.headers)))

    @property
    def blocks(self) -> list[str]:
        return list(dict.fromkeys(line.block for line in self.lines))

    def footnotes(self, *, at_length: bool = False) -> tuple[list[str], dict[str, int]]:
        """(cell notes, or details where there are some, in order of appearance, note -> its number from 1)."""
        notes = ((cell.detail if at_length else "") or cell.note for line in self.lines for cell in line.cells)
        found = list(dict.fromkeys(filter(None, notes)))
        return found, {note: number for number, note in enumerate(found, 1)}


def ranked(table: Table) -> Table:
    """Set ranks per block and column on the displayed digits; ties share a rank (two bests leave no second).

    A column in which all share one value has no best. Ranks set before are forgotten.
    """
    lines = [replace(line, cells=tuple(replace(cell, rank=0, tie=False) for cell in line.cells))
             for line in table.lines]
    for block in table.blocks:
        members = [i for i, line in enumerate(lines) if line.block == block and line.ranked]
        for column, header in enumerate(table.headers):
            if header.higher_is_better is None:
                continue
            ranks = _ranks(lines, members, column, header.higher_is_better)
            for index, rank in ranks.items():
                cells = list(lines[index].cells)
                cells[column] = replace(cells[column], rank=rank, tie=list(ranks.values()).count(rank) > 1)
                lines[index] = replace(lines[index], cells=tuple(cells))
    return replace(table, lines=tuple(lines))


def with_average_rank(table: Table) -> Table:
    """The table with a last column: the mean, over the ranked columns, of a row's place on the printed digits.

    Ties share the mean of their places; a row that lacks a number has none.
    """
    columns = [n for n, header in enumerate(table.headers) if header.higher_is_better is not None]
    places: dict[int, list[float]] = {}
    for block in table.blocks:
        members = [i for i, line in enumerate(table.lines) if line.block == block and line.ranked]
        for column in columns:
            shown = _displayed(table.lines, members, column)
            for i, value in shown.items():
                better = sum((v > value) is bool(table.headers[column].higher_is_better) and v != value
                             for v in shown.values())
                equal = sum(v == value for v in shown.values())
                places.setdefault(i, []).append(better + (equal + 1) / 2)
    lines = [replace(line, cells=(*line.cells, _mean_place(places.get(i, []), len(columns), line.ranked)))
             for i, line in enumerate(table.lines)]
    return ranked(replace(table, headers=(*table.headers, Header("Rank", False)), lines=tuple(lines),
                          average_rank=True))


def without_empty(table: Table) -> Table:
    """The table without rows that have no number; side by side, a row stays while one data set has a number for it."""
    def row(line: Line) -> tuple[str, str]:
        return "" if table.wide == "beside" else line.block, line.label

    filled = {row(line) for line in table.lines if any(cell.has_number for cell in line.cells)}
    return replace(table, lines=tuple(line for line in table.lines if row(line) in filled
                                      or all(isinstance(cell.value, str) for cell in line.cells)))


def without_notes(table: Table) -> Table:
    """The table without what stands below it."""
    lines = tuple(replace(line, cells=tuple(replace(c, note="", detail="") for c in line.cells))
                  for line in table.lines)
    return replace(table, lines=lines, notes=())


def _mean_place(places: Sequence[float], columns: int, is_ranked: bool) -> Cell:
    if columns and len(places) == columns:
        return Cell(sum(places) / columns, 2)
    return Cell(None, 2, note="a number is missing" if is_ranked else "not ranked")


def _displayed(lines: Sequence[Line], members: Sequence[int], column: int) -> dict[int, float]:
    """Line -> its number as printed, where it has one."""
    shown = {}
    for i in members:
        cell = lines[i].cells[column]
        if isinstance(cell.value, int | float) and isfinite(cell.value):
            shown[i] = round(float(f"{cell.value:.{cell.digits}f}"), cell.digits)
    return shown


def _ranks(lines: Sequence[Line], members: Sequence[int], column: int, higher: bool) -> dict[int, int]:
    shown = _displayed(lines, members, column)
    if len(set(shown.values())) < 2:  # a lone number is not a best, nor is one that all share
        return {}
    order = sorted(shown.values(), reverse=higher)
    places = {i: order.index(value) + 1 for i, value in shown.items()}
    return {i: place for i, place in places.items() if place <= 2}


def laid_out(table: Table) -> Table:
    """The table as `table.wide` wants it over the whole width of a page.

    Rows that share a label within a block cannot be told apart side by side: such a table stays as it is.
    """
    if table.wide == "beside":
        addresses = [(line.block, line.label) for line in table.lines]
        return beside(table) if len(set(addresses)) == len(addresses) else table
    return transposed(table) if table.wide == "transposed" else table


def beside(table: Table) -> Table:
    """Blocks side by side: one group of columns per block, one row per label; a label missing in a block: dashes."""
    headers = tuple(replace(h, group=block) for block in table.blocks for h in table.headers)
    found = {(line.block, line.label): line for line in table.lines}
    nothing = tuple(Cell(None, note="not run") for _ in table.headers)
    lines = []
    for label in _merged([[line.label for line in table.lines if line.block == block] for block in table.blocks]):
        cells = tuple(c for b in table.blocks for c in (found[b, label].cells if (b, label) in found else nothing))
        same = [line for line in table.lines if line.label == label]
        lines.append(Line(label, cells, ranked=any(line.ranked for line in same), cite=same[0].cite))
    return replace(table, headers=headers, lines=tuple(lines), wide="")


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """One order in which each label comes right after its predecessor in the first list that has it."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for label in order:
            if label not in merged:
                merged.insert(place, label)
            place = merged.index(label) + 1
    return merged


def transposed(table: Table) -> Table:
    """Headers become rows and rows columns, as in the paper's Table V; blocks become groups of columns."""
    lines = tuple(Line(f"{header.text} {header.arrow}".strip(), tuple(line.cells[i] for line in table.lines))
                  for i, header in enumerate(table.headers))
    several = len(table.blocks) > 1
    headers = tuple(Header(line.label, group=line.block if several else "", cite=line.cite) for line in table.lines)
    return replace(table, headers=headers, lines=lines, wide="")

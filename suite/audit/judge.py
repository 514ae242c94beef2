"""Which definition gives the printed digits: per cell, then per column. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from results.audit import named
from suite.audit.claimed import Cell
from suite.audit.definitions import OWN, Candidate

NEAR = 0.01


@dataclass(frozen=True)
class Judged:
    """A cell and the definitions that give its digits. nearest: the definition that comes closest, and its value."""

    cell: Cell
    reproduced: tuple[Candidate, ...]
    nearest: Candidate
    value: float

    @property
    def near(self) -> bool:
        return abs(self.value - self.cell.value) <= NEAR * abs(self.cell.value)


@dataclass(frozen=True)
class Column:
    """A printed column. best: definitions that reproduce the most cells (all of the same number)."""

    heading: str
    metric: str
    cells: tuple[Judged, ...]
    best: tuple[Candidate, ...]

    @property
    def one_definition(self) -> bool:
        return bool(self.best) and all(self.best[0] in judged.reproduced for judged in self.cells)

    @property
    def others(self) -> tuple[Judged, ...]:
        """Cells that the column's definition does not give."""
        return tuple(judged for judged in self.cells if not self.best or self.best[0] not in judged.reproduced)

    @property
    def mixed(self) -> bool:
        """Whether some rows need another definition than the others."""
        return any(judged.reproduced for judged in self.others)


def judge(cell: Cell, values: Mapping[Candidate, float]) -> Judged:
    """One cell against every definition's value; half a unit of the last printed digit is allowed, ties included."""
    off = {candidate: abs(value - cell.value) for candidate, value in values.items() if value == value}
    slack = cell.tolerance * (1 + 1e-9) + 1e-12
    nearest = min(off, key=lambda candidate: (off[candidate], candidate), default=("-", "undefined"))
    fitting = sorted((c for c in off if off[c] <= slack), key=lambda c: c[1] != OWN)  # plain definitions first
    return Judged(cell, tuple(fitting), nearest, values.get(nearest, float("nan")))


def columns(cells: Sequence[Judged]) -> list[Column]:
    """Columns, mixed ones first. A definition that explains most of the table is taken before one that ties with it."""
    overall: dict[Candidate, int] = {}
    for judged in cells:
        for candidate in judged.reproduced:
            overall[candidate] = overall.get(candidate, 0) + 1
    found = []
    for heading in dict.fromkeys(judged.cell.column for judged in cells):
        own = tuple(judged for judged in cells if judged.cell.column == heading)
        count = {c: sum(c in judged.reproduced for judged in own) for judged in own for c in judged.reproduced}
        best = [c for c in count if count[c] == max(count.values())]
        best.sort(key=lambda c: (c[1] != OWN, -overall[c]))
        found.append(Column(heading, own[0].cell.metric, own, tuple(best)))
    return sorted(found, key=lambda column: not column.mixed)


def sentence(column: Column) -> str:
    """What is said of a column."""
    if column.one_definition:
        return f"reproduced by {named(column.best)}"
    given = len(column.cells) - len(column.others)
    start = f"{given} of {len(column.cells)} cells reproduced by {named(column.best)}; " if column.best else ""
    mixed = "ROWS OF DIFFERENT DEFINITIONS: " if column.mixed else ""
    return mixed + start + "; ".join(map(cell_said, column.others))


def cell_said(judged: Judged) -> str:
    cell = judged.cell
    where = f"{cell.row}{' ' + cell.dataset if cell.dataset else ''} {cell.text}"
    if judged.reproduced:
        return f"{where} reproduced by {named(judged.reproduced)}"
    close = "within 1 % of" if judged.near else "by none; nearest"
    return f"{where} {close} {named([judged.nearest])} {judged.value:.6g}"

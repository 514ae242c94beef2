"""The paper's claims in numbers, recomputed from its own tables and from a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from reports.columns import direction
from reports.comparison import Compared, compare
from reports.data import RunData
from reports.numerals import numeral
from reports.table import Cell, Header, Line, Table, ranked
from results.paper import LABELS, Column, Paper, PaperClaim, PaperTable, printed_digits


@dataclass(frozen=True)
class Claim:
    """stated: the number in the paper's text. published: from its tables. ours: from this run, None without rows."""

    text: str
    stated: float
    published: float
    ours: float | None


def claims(data: RunData, compared: Sequence[Compared] | None = None) -> list[Claim]:
    """The leads over the mean of the other methods that the description states, recomputed.

    compared: `compare(data)`, where it is at hand.
    """
    cells = compare(data) if compared is None else compared
    return [_claim(data, claim, cells) for claim in data.paper.claims]


def _claim(data: RunData, claim: PaperClaim, cells: Sequence[Compared]) -> Claim:
    ours = {method.title for method in data.paper.methods if method.ours}
    table = data.paper.published(claim.table).set_index("method")[claim.column]
    of_paper = {str(name): float(value) for name, value in table.items()}
    of_run = {c.method: c.ours for c in cells if (c.table, c.metric) == (claim.table, claim.column)}
    found = _lead(of_run, ours, claim.scale)
    stated = _lead(of_paper, ours, claim.scale)
    return Claim(claim.text, claim.stated, float("nan") if stated is None else stated, found)


def _lead(values: Mapping[str, float], ours: set[str], scale: float) -> float | None:
    mine = [value for name, value in values.items() if name in ours]
    others = [value for name, value in values.items() if name not in ours and isfinite(value)]
    return scale * (mine[0] - sum(others) / len(others)) if mine and others else None


def claims_table(found: Sequence[Claim]) -> Table:
    """One line per claim: as stated, from the published tables, from this run."""
    headers = (Header("stated"), Header("from the published tables"), Header("from this run"))
    lines = tuple(Line(c.text, (Cell(c.stated, 2), Cell(c.published, 2), Cell(
        c.ours, 2, note="" if c.ours is not None else "not run on the paper's data with the paper's methods")))
        for c in found)
    return Table("claims", "Claims of the paper, recomputed", "Claim", headers, lines)


def placings(table: Table) -> dict[str, tuple[int, int]]:
    """Label -> how often best, how often second, over all columns and blocks of a ranked table."""
    found: dict[str, tuple[int, int]] = {}
    for line in table.lines:
        best, second = found.get(line.label, (0, 0))
        found[line.label] = (best + sum(c.rank == 1 for c in line.cells),
                             second + sum(c.rank == 2 for c in line.cells))
    return found


def published_table(paper: Paper, number: int) -> Table:
    """A table of the paper, ranked by the same rule as ours, columns as the CSV has them."""
    table, frame = paper.table(number), paper.published(number)
    described = {column.source: column for column in table.described}
    shown = [described[name] for name in frame.columns if name not in LABELS]
    lines = tuple(Line(_label(table, row), tuple(Cell(float(row[c.source]), printed_digits(c, table)) for c in shown),
                       str(row.get("dataset", ""))) for row in frame.to_dict("records"))
    return ranked(Table(f"published{number}", f"Table {numeral(paper, number)} as published", "Method",
                        tuple(Header(c.source, _higher(c)) for c in shown), lines))


def _higher(column: Column) -> bool:
    """Classes and scores: the higher, the better, where neither the description nor the registry says otherwise."""
    found = direction(column, column.variant)
    return True if found is None else found


def _label(table: PaperTable, row: Mapping[str, object]) -> str:
    if table.rows == "ablations":
        return str(row["id"])
    trained = bool(row.get("trained_on_medical"))
    marks = (group.mark for group in table.groups if group.trained_on_medical is trained)
    return str(row["method"]) + (next(marks, "") if "trained_on_medical" in row else "")


def placings_table(data: RunData, tables: Sequence[Table]) -> Table | None:
    """How often each method is best and second: as published and in this run's tables of the paper's data."""
    of_paper = {table.name: table for table in data.paper.tables
                if table.csv and data.suite_record(table.suite).kind != "cost"}
    lines = []
    for table in tables:
        if table.name not in of_paper:
            continue
        number = of_paper[table.name].number
        ours, paper = placings(table), placings(published_table(data.paper, number))
        lines += [Line(label, (Cell(numeral(data.paper, number)),
                               *(Cell(float(n), 0) for n in (*paper[label], *ours[label]))))
                  for label in ours if label in paper and (*paper[label], *ours[label]) != (0, 0, 0, 0)]
    if not lines:
        return None
    headers = (Header("Table"), *(Header(text, group=group) for group in ("published", "this run")
                                  for text in ("best", "second")))
    return Table("placings", "How often best and second best", "Method", headers, tuple(lines),
                 ("Counted on the printed digits over the columns of each table; this run counts among its own "
                  "methods and data sets, which may be fewer than the paper's.",))

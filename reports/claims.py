"""The paper's claims in numbers, recomputed from its own tables and from a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from reports.comparison import ROMAN
from reports.data import RunData
from reports.table import Cell, Header, Line, Table, ranked
from reports.tables.fusion import MEDICAL_MARK
from results.published import published

OURS = "SMFNet"
# Table V has no best; digits are the printed ones.
_DIGITS = {1: 4, 2: 3, 3: 3, 4: 4, 6: 4}
_LABELS = ("dataset", "method", "trained_on_medical", "id", "configuration")
# table, suite, data set, column in the paper, metric of the rows, name, stated in the paper's abstract
_LEADS = ((2, "detection", "m3fd", "mAP50", "mAP50", "mAP@0.5", 8.27),
          (3, "segmentation", "mfnet", "mIoU", "mIoU", "mIoU", 5.85))


@dataclass(frozen=True)
class Claim:
    """stated: the number in the paper's text. published: from its tables. ours: from this run, None without rows."""

    text: str
    stated: float
    published: float
    ours: float | None


def claims(data: RunData) -> list[Claim]:
    """SMFNet's leads over the mean of the other methods of the paper, in points (100 x mAP or mIoU)."""
    found = []
    for number, suite, dataset, column, metric, name, stated in _LEADS:
        paper = published(number).set_index("method")[column]
        ours = None
        if dataset in data.datasets(suite):
            values = data.by_item(suite, dataset)["mean"]
            run = pd.Series({data.title(m): values[m, metric, "-"] for m in data.methods(suite)
                             if (m, metric, "-") in values.index and data.title(m) in paper.index})
            ours = _lead(run) if OURS in run.index and len(run) > 1 else None
        found.append(Claim(f"{OURS}'s {name} above the mean of the other methods (points)", stated, _lead(paper), ours))
    return found


def _lead(values: pd.Series) -> float:
    return float(100 * (values[OURS] - values.drop(OURS).mean()))


def claims_table(found: Sequence[Claim]) -> Table:
    """One line per claim: as stated, from the published tables, from this run."""
    headers = (Header("stated"), Header("from the published tables"), Header("from this run"))
    lines = tuple(Line(c.text, (Cell(c.stated, 2), Cell(c.published, 2), Cell(
        c.ours, 2, note="" if c.ours is not None else "not run on the paper's data with the paper's methods")))
        for c in found)
    return Table("claims", "Claims of the paper, recomputed", "Claim", headers, lines)


def placings(table: Table) -> dict[str, tuple[int, int]]:
    """Label -> how often best, how often second, over all columns and blocks of a ranked table."""
    found: dict[str, list[int]] = {}
    for line in table.lines:
        counts = found.setdefault(line.label, [0, 0])
        for cell in line.cells:
            if cell.rank:
                counts[cell.rank - 1] += 1
    return {label: tuple(counts) for label, counts in found.items()}


def published_table(number: int) -> Table:
    """A table of the paper, ranked by the same rule as ours. Raises KeyError for Table V, which ranks nothing."""
    frame, digits = published(number), _DIGITS[number]
    columns = [c for c in frame.columns if c not in _LABELS]
    lines = tuple(Line(_label(row), tuple(Cell(float(row[c]), digits) for c in columns), str(row.get("dataset", "")))
                  for _, row in frame.iterrows())
    return ranked(Table(f"published{number}", f"Table {ROMAN[number]} as published", "Method",
                        tuple(Header(c, True) for c in columns), lines))


def _label(row: pd.Series) -> str:
    if "id" in row:
        return row["id"]
    return row["method"] + (MEDICAL_MARK if row.get("trained_on_medical") else "")


def placings_table(tables: Sequence[Table]) -> Table | None:
    """How often each method is best and second: as published and in this run's tables of the paper's data."""
    lines = []
    for table in tables:
        number = int(table.name.removeprefix("table")) if table.name.removeprefix("table").isdigit() else 0
        if number not in _DIGITS:
            continue
        ours, paper = placings(table), placings(published_table(number))
        lines += [Line(label, (Cell(ROMAN[number]), *(Cell(float(n), 0) for n in (*paper[label], *ours[label]))))
                  for label in ours if label in paper and (*paper[label], *ours[label]) != (0, 0, 0, 0)]
    if not lines:
        return None
    headers = (Header("Table"), *(Header(text, group=group) for group in ("published", "this run")
                                  for text in ("best", "second")))
    return Table("placings", "How often best and second best", "Method", headers, tuple(lines),
                 ("Counted on the printed digits over the columns of each table; this run counts among its own "
                  "methods and data sets, which may be fewer than the paper's.",))

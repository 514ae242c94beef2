"""The audit of a claimed table as a section of the page."""

from pathlib import Path

from core.errors import IvfbenchError
from reports.errors import ReportError
from reports.table import Cell, Header, Line, Table
from results.audit import FILE, AuditedCell, named, read_audit

SHOWN = 2000  # cells: what a browser still sorts at once
_HEADERS = ("Data set", "printed", "reproduced by", "nearest definition", "its value")


def audit_table(out: Path) -> Table | None:
    """What OUT/audit.csv found, one block per printed column; None where there is none.

    Raises ReportError for a file that `audit` did not write.
    """
    try:
        cells = read_audit(out)
    except IvfbenchError as error:
        raise ReportError(str(error)) from error
    if not cells:
        return None
    verdicts = {name: f"{name}: {verdict([cell for cell in cells if cell.column == name])}"
                for name in dict.fromkeys(cell.column for cell in cells)}
    lines = tuple(Line(cell.row, _cells(cell), verdicts[cell.column]) for cell in cells[:SHOWN])
    given = sum(bool(cell.reproduced_by) for cell in cells)
    notes = [f"{given} of {len(cells)} cells reproduced; `run_all.py audit` wrote them to {FILE}."]
    if len(cells) > SHOWN:
        notes.append(f"The first {SHOWN} are shown.")
    return Table("audit", "Audit of a claimed table: which definition gives the printed digits", "Row",
                 tuple(map(Header, _HEADERS)), lines, tuple(notes))


def verdict(cells: list[AuditedCell]) -> str:
    """What is said of one printed column."""
    given = [set(cell.definitions) for cell in cells if cell.definitions]
    shared = [name for name in next((c.definitions for c in cells if c.definitions), ())
              if all(name in names for names in given)]
    if given and not shared:
        return "ROWS OF DIFFERENT DEFINITIONS"
    count = f"{len(given)} of {len(cells)} cells reproduced"
    return f"{count} by {named(shared)}" if shared else count


def _cells(cell: AuditedCell) -> tuple[Cell, ...]:
    return tuple(map(Cell, (cell.dataset, cell.printed, cell.reproduced_by or "none", cell.nearest, cell.value)))

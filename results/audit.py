"""audit.csv: the cells of an audited table and what gives them. Written by the suite, read by the reports."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from core.errors import IvfbenchError
from core.files import read_text, write_text

FILE = "audit.csv"
LIMIT = 2**24  # bytes: a table of some ten thousand cells
_REMEDY = "write it again with `run_all.py audit ... --out`, or remove it"
_DEFINITION = re.compile(r"(.+) \(([^()]+)\)")


class AuditError(IvfbenchError):
    """An audit.csv that cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class AuditedCell:
    """One line of audit.csv, all of it text.

    column: heading as printed. metric: the registry's name. row, dataset, printed: as printed. reproduced_by: the
    definitions that give the printed digits, "" for none. nearest, value: the definition that comes closest and its
    value. said: the finding as a sentence.
    """

    column: str
    metric: str
    row: str
    dataset: str
    printed: str
    reproduced_by: str
    nearest: str
    value: str
    said: str

    @property
    def definitions(self) -> tuple[tuple[str, str], ...]:
        """'smfnet, cddfuse (float grey)' -> (('smfnet', 'float grey'), ('cddfuse', 'float grey'))."""
        found: list[tuple[str, str]] = []
        for part in self.reproduced_by.split("; "):
            if match := _DEFINITION.fullmatch(part):
                found += [(variant, match[2]) for variant in match[1].split(", ")]
        return tuple(found)


COLUMNS = tuple(field.name for field in fields(AuditedCell))


def named(definitions: Sequence[tuple[str, str]]) -> str:
    """(variant, preparation) by preparation, as `AuditedCell.definitions` takes them apart again.

    >>> named([("smfnet", "float grey"), ("cddfuse", "float grey"), ("vifb", "as the toolbox")])
    'smfnet, cddfuse (float grey); vifb (as the toolbox)'
    """
    by: dict[str, list[str]] = {}
    for variant, preparation in definitions:
        by.setdefault(preparation, []).append(variant)
    return "; ".join(f"{', '.join(of)} ({preparation})" for preparation, of in by.items())


def write_audit(out: Path, cells: Iterable[AuditedCell]) -> Path:
    """Write OUT/audit.csv. Returns its path."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *map(astuple, cells)])
    return write_text(out / FILE, text.getvalue())


def read_audit(out: Path) -> tuple[AuditedCell, ...]:
    """The cells of OUT/audit.csv, () where there is none.

    Raises AuditError, naming the file, for more than LIMIT bytes, other columns, or a line that is not as long.
    """
    path = out / FILE
    try:
        lines = list(csv.reader(io.StringIO(read_text(path, AuditError, limit=LIMIT)), strict=True))
    except FileNotFoundError:
        return ()
    except csv.Error as error:
        raise AuditError(f"{path}: not readable as CSV ({error}); {_REMEDY}") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise AuditError(f"{path}: its columns are not {', '.join(COLUMNS)}; {_REMEDY}")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(COLUMNS):
            raise AuditError(f"{path}, line {number}: {len(line)} values for {len(COLUMNS)} columns; {_REMEDY}")
    return tuple(AuditedCell(*line) for line in lines[1:])

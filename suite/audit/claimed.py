"""A table as printed: CSV, a LaTeX tabular or a Markdown table, read into cells that keep their digits."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from core.files import read_text
from metrics import names, variants
from suite.errors import UserError

LIMIT = 2**20  # bytes: a table, not a book
# Usual spellings beside the registry's own names, folded by `_folded`.
_SPELLINGS = {"entropy": "EN", "e": "EN", "std": "SD", "stddev": "SD", "mutualinformation": "MI", "viff": "VIF",
              "qabf": "Qabf", "qab/f": "Qabf", "qg": "Qabf", "nabf": "Nabf", "nab/f": "Nabf",
              "averagegradient": "AG", "spatialfrequency": "SF", "msssim": "MS_SSIM", "fmipixel": "FMI_pixel",
              "fmidct": "FMI_dct", "fmiw": "FMI_w"}
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))(?:[_^]?\s*(?:±|\+/-|\().*)?")
_BRACED = re.compile(r"\\(?:textbf|textit|underline|uline|emph|mathbf|mathrm|bm|boldsymbol|text|mbox)\s*\{([^{}]*)\}")
_COLOURED = re.compile(r"\\(?:textcolor|colorbox)\s*(?:\[[^\]]*\])?\{[^{}]*\}\s*\{([^{}]*)\}")
_SPANNING = re.compile(r"\\(?:multirow|multicolumn)\s*(?:\[[^\]]*\])?\{[^{}]*\}(?:\[[^\]]*\])?\{[^{}]*\}\s*"
                       r"\{([^{}]*)\}")
_DROPPED = re.compile(r"~?\\(?:cite[a-z]*|label|ref|rowcolor|cellcolor|color|cmidrule|cline)\*?\s*(?:\([^)]*\))?"
                      r"(?:\[[^\]]*\])*\{[^{}]*\}|\\[A-Za-z]+(?:\[[^\]]*\])?")


@dataclass(frozen=True)
class Cell:
    """One printed number: its text decides how many digits must agree."""

    row: str
    dataset: str
    column: str  # heading as printed
    metric: str  # the registry's name
    text: str

    @property
    def value(self) -> float:
        return float(self.text)

    @property
    def tolerance(self) -> float:
        """Half a unit of the last printed digit."""
        exponent = Decimal(self.text).as_tuple().exponent
        return 0.5 * 10.0 ** int(exponent)


@dataclass(frozen=True)
class Claimed:
    """cells: of the columns whose metric is known. unknown: headings of the others."""

    cells: tuple[Cell, ...]
    unknown: tuple[str, ...]


def read_claimed(path: Path) -> Claimed:
    """A printed table. Raises UserError naming the file when it holds none, or no column with a known metric."""
    try:
        text = read_text(path, UserError, limit=LIMIT)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; name a CSV, LaTeX or Markdown table") from error
    return parse(text, str(path))


def parse(text: str, where: str) -> Claimed:
    """A table's text. `where` names it in messages."""
    rows = [row for row in _grid(text) if any(row)]
    metrics = _metrics_by_spelling()
    at = next((n for n, row in enumerate(rows) if any(_metric(cell, metrics) for cell in row[1:])), None)
    if at is None:
        raise UserError(f"{where}: no heading row with a known metric (EN, SD, VIF, Q^{{AB/F}}, ...) found; give a "
                        "CSV, LaTeX tabular or Markdown table with its headings")
    header = rows[at]
    labels = [n for n, cell in enumerate(header) if _folded(cell) in ("dataset", "method", "methods", "")] or [0]
    of_set = next((n for n in labels if _folded(header[n]) == "dataset"), None)
    of_row = next((n for n in labels if n != of_set), 0)
    columns = [n for n in range(len(header)) if n not in (of_set, of_row) and header[n]]
    known = {n: _metric(header[n], metrics) for n in columns}
    cells = []
    for row in rows[at + 1:]:
        if len(row) != len(header):
            if len(row) == 1:
                continue  # a group's name across the table
            raise UserError(f"{where}, row {row[0]!r}: {len(row)} cells, but {len(header)} headings; repair the row")
        for n in columns:
            found = _NUMBER.fullmatch(row[n])
            if known[n] and found:
                cells.append(Cell(row[of_row], row[of_set] if of_set is not None else "", header[n], known[n],
                                  found.group(1)))
            elif known[n] and _folded(row[n]) not in ("", "nan", "na", "n/a"):
                raise UserError(f"{where}, row {row[of_row]!r}, column {header[n]}: {row[n]!r} is no number; write it "
                                "as printed, or leave the cell empty")
    if not cells:
        raise UserError(f"{where}: no numbers below the headings {', '.join(header)}")
    return Claimed(tuple(cells), tuple(header[n] for n in columns if not known[n]))


def _grid(text: str) -> list[list[str]]:
    if "\\begin{tabular" in text or re.search(r"&.*\\\\", text):
        return _latex(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(line.startswith("|") for line in lines):
        table = [line.strip("|").split("|") for line in lines if "|" in line and not re.fullmatch(r"[|:\-\s]+", line)]
        return [[_bare(re.sub(r"\*\*|__|<[^>]*>|`", "", cell)) for cell in row] for row in table]
    return [[_bare(cell) for cell in row] for row in csv.reader(io.StringIO(text))]


def _latex(text: str) -> list[list[str]]:
    """Rows of the first tabular; comments, rules and what only decorates are dropped."""
    text = re.sub(r"(?<!\\)%.*", "", text)
    inside = re.search(r"\\begin\{tabular[^}]*\}(.*?)\\end\{tabular", text, re.DOTALL)
    body = inside.group(1) if inside else text
    body = re.sub(r"^\s*(?:\[[^\]]*\])?(?:\{[^{}]*\}\s*)?\{(?:[^{}]|\{[^{}]*\})*\}", "", body) if inside else body
    return [[_plain(cell) for cell in re.split(r"(?<!\\)&", row)] for row in re.split(r"\\\\(?:\[[^\]]*\])?", body)]


def _plain(cell: str) -> str:
    """A LaTeX cell without what decorates it.

    >>> _plain(r"\\\\textcolor{red}{\\\\textbf{6.86}} $\\\\pm$ 0.1"), _plain(r"$Q^{AB/F}$ $\\\\uparrow$")
    ('6.86 ± 0.1', 'Q^AB/F')
    """
    cell = re.sub(r"\\pm(?![A-Za-z])", "±", cell.replace("$", ""))
    before = ""
    while before != cell:  # from the inside out
        before = cell
        for pattern in (_BRACED, _COLOURED, _SPANNING):
            cell = pattern.sub(r"\1", cell)
    return _bare(re.sub(r"[{}]", "", _DROPPED.sub("", cell.replace(r"\_", "_"))))


def _bare(cell: str) -> str:
    return " ".join(re.sub(r"[↑↓→~]", " ", cell).split())


def _folded(text: str) -> str:
    return re.sub(r"[\s_^{}$\-.]", "", text).casefold()


def _metrics_by_spelling() -> dict[str, str]:
    own = {_folded(name): name for variant in reversed(variants()) for name in names(variant)}
    return {**_SPELLINGS, **own}


def _metric(heading: str, known: dict[str, str]) -> str:
    """The registry's name of a printed heading, "" for one that is no metric."""
    return known.get(_folded(heading), "")


def rows_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.row for cell in cells))

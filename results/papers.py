"""A paper as data: one folder with paper.toml and one CSV per table, read into checked dataclasses.

The package's own papers lie in results/published/<name>; a user's lies anywhere. docs/papers.md explains every key.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from core import plugins, records
from core.files import read_toml
from core.names import nearest
from results.paper import FILE, LABELS, Known, Need, Paper, PaperError, PaperTable, printed_digits

__all__ = ["DEFAULT", "Known", "Need", "Paper", "PaperError", "check", "load_paper", "papers"]

FOLDER = Path(__file__).parent / "published"
_more_folders: list[Path] = []  # of plug-ins
DEFAULT = "smfnet"  # whose tables are printed when nobody says otherwise


def papers() -> tuple[str, ...]:
    """The papers that come with the package or a plug-in folder, the default one first."""
    found = sorted(_places())
    return tuple(sorted(found, key=lambda name: (name != DEFAULT, name)))


def load_paper(name: str | Path, known: Known | None = None) -> Paper:
    """A paper of the package by its name, or any by its folder, checked.

    Raises PaperError naming the file and what is wrong: an unknown key, a name that `known` does not have, a CSV that
    does not fit the description.
    """
    folder = _places().get(str(name), Path(name))
    path = folder / FILE
    try:
        content = read_toml(path, PaperError)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PaperError(f"{path}: no such file; name a paper or a folder that holds {FILE}"
                         f"{nearest(str(name), papers())}") from error
    paper = replace(records.read(Paper, content, str(path), PaperError), folder=folder.resolve())
    check(paper, known or Known())
    return paper


def _places() -> dict[str, Path]:
    """Name -> folder; the package's own come last and so keep their names."""
    return {path.parent.name: path.parent for folder in (*_more_folders, FOLDER) for path in folder.glob(f"*/{FILE}")}


@plugins.reader
def _read_plugin(folder: Path) -> list[Path]:
    """The papers of a plug-in folder: its subfolders that hold a description."""
    found = sorted(folder.glob(f"*/{FILE}"))
    if found and folder not in _more_folders:
        _more_folders.append(folder)
    return found


def check(paper: Paper, known: Known) -> None:
    """Raises PaperError for the first name that is unknown, in the description itself or to the caller."""
    for fault in _faults(paper, known):
        raise PaperError(f"{paper.file}, {fault}")


def _faults(paper: Paper, known: Known) -> Iterator[str]:
    names = [method.name for method in paper.methods]
    yield from _twice("methods, name", names)
    yield from _twice("tables, number", [str(table.number) for table in paper.tables])
    for method in paper.methods:
        if known.methods is not None and not method.printed_only and not method.pictures:
            yield from _unknown("methods, name", [method.name], known.methods,
                                "; one that nothing here computes is printed_only = true")
    for table in paper.tables:
        yield from (f"table {table.number}, {fault}" for fault in _table_faults(paper, table, known))
    numbers = [str(table.number) for table in paper.tables]
    for claim in paper.claims:
        yield from _unknown("claims, table", [str(claim.table)], numbers)
        yield from _unknown("claims, column", [claim.column], [c.source for c in paper.table(claim.table).described])
    for reason in paper.reasons:
        yield from _unknown("reasons, method", [reason.method], names)


def _table_faults(paper: Paper, table: PaperTable, known: Known) -> Iterator[str]:
    names = [method.name for method in paper.methods]
    if table.number < 1:
        yield "number: expected 1 or more"
    for column in table.described:
        if not 0 <= printed_digits(column, table) <= 15 or not 0 <= (column.digits or 0) <= 15:
            yield f"columns, digits of {column.title}: expected 0 to 15"
    if table.rows == "methods":
        yield from _unknown("groups, methods", table.methods, names)
    if known.suites is not None:
        yield from _unknown("suite", [table.suite], known.suites)
    if known.datasets is not None:
        yield from _unknown("datasets", table.datasets, known.datasets)
    if known.metrics is not None:
        for column in table.described:
            if column.variant:
                yield from _unknown("columns, variant", [column.variant], known.metrics)
                yield from _unknown("columns, metric", [column.metric], known.metrics[column.variant])
    if table.csv:
        yield from _csv_faults(paper, table)


def _csv_faults(paper: Paper, table: PaperTable) -> Iterator[str]:
    path = paper.folder / table.csv
    if path.parent != paper.folder or not path.is_file():
        yield f"csv = {table.csv!r}: no such file beside {FILE}"
        return
    try:
        frame = paper.published(table.number)
    except (ValueError, OSError) as error:
        yield f"csv = {table.csv!r}: not readable as a table ({' '.join(str(error).split())})"
        return
    printed = [name for name in frame.columns if name not in LABELS]
    yield from _unknown(f"{table.csv}, column", printed, [column.source for column in table.described])
    for name in printed:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            yield f"{table.csv}, column {name}: holds texts; expected numbers, or nothing for a gap"
    if "dataset" in frame:
        yield from _unknown(f"{table.csv}, dataset", frame["dataset"].astype(str).unique(), table.datasets.values())
    label = "id" if table.rows == "ablations" else "method"
    if label not in frame:
        yield f"{table.csv}: lacks the column {label}; it has {', '.join(frame.columns)}"
    elif label == "method":
        titles = [paper.by_name[name].title for name in table.methods]
        yield from _unknown(f"{table.csv}, method", frame["method"].astype(str).unique(), titles)


def _unknown(where: str, used: Iterable[str], known: Iterable[str], more: str = "") -> Iterator[str]:
    known = list(known)
    yield from (f"{where}: unknown {name!r}{nearest(name, known)}{more}" for name in used if name not in known)


def _twice(where: str, names: list[str]) -> Iterator[str]:
    yield from (f"{where}: {name!r} stands twice" for name in dict.fromkeys(names) if names.count(name) > 1)

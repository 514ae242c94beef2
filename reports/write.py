"""Everything a run's OUT shows, written from rows.csv and run.json; the same input gives the same bytes."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core import records
from core.errors import IvfbenchError
from core.files import make_way, read_bytes, read_json, sha256, write_text
from reports.areas import Area
from reports.audit import audit_table
from reports.claims import claims, claims_table, placings_table
from reports.comparison import Compared, cells_table, compare, summary_table, to_frame
from reports.data import RunData, load
from reports.errors import ReportError
from reports.figures import write_figures
from reports.notes import once
from reports.numerals import numeral
from reports.page import PICTURES, page
from reports.render import csv, latex, markdown
from reports.statistics import write_statistics
from reports.table import Cell, Table, ranked, without_empty, without_notes
from reports.tables import build_all
from results.audit import FILE as AUDIT

STAMP = ".cache/reports.json"


@dataclass(frozen=True)
class Options:
    """What a user may ask for.

    digits: None keeps each table's own. methods: None prints all (titles or names). colour, single_column: LaTeX;
    landscape: its tables that are too wide lie on their side instead of being split. notes: whether LaTeX and Markdown
    say below a table what must be known of it. drop_empty: leave out rows without a number.
    areas: magnified in the panels; other data sets show where the methods differ most.
    pictures: how many of each data set the page embeds. paper: whose tables are printed, a name or a folder; default:
    the run's own.
    """

    digits: int | None = None
    methods: tuple[str, ...] | None = None
    colour: bool = True
    single_column: bool = False
    landscape: bool = False
    notes: bool = True
    drop_empty: bool = False
    areas: tuple[Area, ...] = ()
    pictures: int = PICTURES
    paper: str | None = None


def write_all(out: Path, options: Options = Options(),
              progress: Callable[[int, int], None] = lambda done, total: None) -> list[Path]:
    """Write OUT/tables, OUT/figures and OUT/report.html. Returns what was written; `progress`: kinds of figures done.

    Raises ReportError when rows.csv or run.json is missing or damaged, or an option names what the run has not.
    """
    data = replace(load(Path(out), options.paper), areas=options.areas)
    figures = write_figures(data, data.out / "figures", progress)
    texts = rendered(data, options, figures)
    made = [*(path for path in texts if path.parent != data.out), *figures, data.out / "report.html"]
    for path, text in texts.items():
        _place(path, text)
    _remove_left_over(data.out, made)
    (data.out / STAMP).parent.mkdir(exist_ok=True)
    make_way(data.out / STAMP)
    write_text(data.out / STAMP, json.dumps({
        "inputs": _inputs(data, options), "options": asdict(options), "shown": shown(data),
        "files": {str(path.relative_to(data.out)): sha256(path) for path in made}}))
    return made


def rendered(data: RunData, options: Options, figures: Sequence[Path] | None = None) -> dict[Path, str]:
    """Path -> text of the tables, the comparison with the paper, the statistics and the page. Writes nothing.

    figures: those that the page embeds, in their order; files that are no PNG are passed over. None: no page.
    """
    found: dict[Path, str] = {}

    def keep(path: Path, text: str) -> Path:
        found[path] = text
        return path

    compared = compare(data)
    tables = build_tables(data, options)
    tables += beside_the_paper(data, tables, compared)
    write_tables(data, tables, options, keep)
    write_comparison(data, compared, keep)
    write_statistics(data, data.out / "tables", keep)
    if figures is not None:
        audited = audit_table(data.out)  # on the page alone: it is no table of a paper
        keep(data.out / "report.html", page(
            data, tables if audited is None else [*tables, audited],
            [path for path in figures if path.suffix == ".png"], cells_table(data, compared), options.pictures,
            {path.stem: text for path, text in found.items() if path.suffix == ".tex"}))
    return found


def shown(data: RunData) -> dict[str, str]:
    """What the page says of the run that made it; a later run with nothing to do leaves the page as it is."""
    return {"finished": data.run.finished, "command": data.run.command}


def _remove_left_over(out: Path, made: Sequence[Path]) -> None:
    """Remove what the last report wrote and this one did not: another paper's "table5" must not stand beside ours."""
    folders = (out / "tables", out / "figures")
    for name in stamp(out)["files"]:
        path = out / name
        if path not in made and path.parent in folders and path.is_file():
            path.unlink()


def stamp(out: Path) -> dict[str, Any]:
    """What the last report left about itself: inputs, options, shown, files (name -> sha256); empty if it is gone."""
    nothing: dict[str, Any] = {"inputs": "", "options": {}, "shown": {}, "files": {}}
    try:
        found = read_json(Path(out) / STAMP)
    except (OSError, IvfbenchError):
        return nothing
    whole = isinstance(found, dict) and found.keys() == nothing.keys() and all(
        isinstance(found[name], type(value)) for name, value in nothing.items())
    return found if whole else nothing


def is_current(out: Path) -> bool:
    """Whether OUT's reports were made without options from the rows, units and code of now, and are as written."""
    found = stamp(out)
    return bool(found["files"]) and bool(found["inputs"] == _inputs(load(out), Options())) and all(
        _is_file(Path(out) / name, digest) for name, digest in found["files"].items())


def _is_file(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _inputs(data: RunData, options: Options) -> str:
    """sha256 over what reports are made of: rows, run.json but its times, options, the audit, the paper, this package.

    Raises ReportError for an audit.csv that is no file.
    """
    run = records.write(replace(data.run, started="", finished="", command="", roots={}))
    digest = hashlib.sha256(json.dumps([run, asdict(options)], sort_keys=True).encode())
    digest.update(read_bytes(data.out / "rows.csv"))
    if (data.out / AUDIT).exists():
        digest.update(read_bytes(data.out / AUDIT, ReportError))
    made_of = [path for path in Path(__file__).parent.rglob("*.*") if path.suffix in (".py", ".j2", ".css", ".js")]
    described = [data.paper.file, *(data.paper.folder / table.csv for table in data.paper.tables if table.csv)]
    for path in sorted(made_of) + described:
        digest.update(read_bytes(path))
    return digest.hexdigest()


def build_tables(data: RunData, options: Options) -> list[Table]:
    """The paper's tables as far as the run has rows for them, and one for each suite that it does not describe.

    Raises ReportError for an unknown method of the options.
    """
    data = data if options.methods is None else data.only(options.methods)
    return [_apply(table, options) for table in build_all(data)]


def beside_the_paper(data: RunData, tables: Sequence[Table], compared: Sequence[Compared]) -> list[Table]:
    """Agreement with the published cells, placings and claims; nothing for a run without any of the paper's data."""
    if not compared:
        return []
    found = [summary_table(data, compared), placings_table(data, tables)]
    if data.paper.claims:
        found.append(claims_table(claims(data, compared)))
    return [table for table in found if table is not None]


def _apply(table: Table, options: Options) -> Table:
    table = without_empty(table) if options.drop_empty else table
    if options.digits is None:
        return table
    lines = (replace(line, cells=tuple(_digits(c, options.digits) for c in line.cells)) for line in table.lines)
    return ranked(replace(table, lines=tuple(lines)))


def _digits(cell: Cell, digits: int) -> Cell:
    return replace(cell, digits=digits) if isinstance(cell.value, float) else cell


Writer = Callable[[Path, str], Path]


def _place(path: Path, text: str) -> Path:
    """Write a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    make_way(path)
    return write_text(path, text)


def write_tables(data: RunData, tables: Sequence[Table], options: Options, write: Writer = _place) -> list[Path]:
    """OUT/tables/<name>.{tex,md,csv} and all.tex, a document that compiles as it is."""
    folder = data.out / "tables"
    made: list[Path] = []
    texts: list[tuple[int, str]] = []
    numbers = _numbers(data, tables)
    shown = once(tables, [f"Table {numeral(data.paper, number)}" for number in numbers])
    for table, number in zip(shown if options.notes else map(without_notes, tables), numbers):
        text = latex.render(table, colour=options.colour and table.colour, landscape=options.landscape,
                            single_column=options.single_column or table.single_column)
        texts.append((number, text))
        made += [write(folder / f"{table.name}.tex", text),
                 write(folder / f"{table.name}.md", markdown.render(table)),
                 write(folder / f"{table.name}.csv", csv.render(table))]
    made.append(write(folder / "all.tex", latex.document(
        texts, title="Infrared-visible image fusion", roman=data.paper.numerals == "roman",
        references=_references(data, tables))))
    return made


def _numbers(data: RunData, tables: Sequence[Table]) -> list[int]:
    """The paper's tables keep their numbers whichever are there; what is ours comes after its last one."""
    of_paper = {described.name: described.number for described in data.paper.tables}
    found: list[int] = []
    for table in tables:
        own = next((number for name, number in of_paper.items()
                    if table.name == name or table.name.startswith(f"{name}_")), None)
        found.append(own if own is not None else max([*of_paper.values(), *found], default=0) + 1)
    return found


def _references(data: RunData, tables: Sequence[Table]) -> dict[str, str]:
    """BibTeX key -> entry, of the methods that the tables cite."""
    cited = {line.cite for table in tables for line in table.lines if line.cite}
    return {method.cite: method.reference or method.title for method in data.paper.methods if method.cite in cited}


def write_comparison(data: RunData, compared: Sequence[Compared], write: Writer = _place) -> list[Path]:
    """OUT/tables/comparison_cells.csv, cell by cell, where the run has cells that the paper has too."""
    if not compared:
        return []
    text = to_frame(list(compared)).to_csv(index=False, lineterminator="\n")
    return [write(data.out / "tables" / "comparison_cells.csv", text)]

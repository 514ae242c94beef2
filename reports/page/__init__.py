"""OUT/report.html: one page. It carries small pictures; larger ones are read where they lie beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from core.files import read_bytes
from reports.data import RunData
from reports.numerals import numeral
from reports.page.embedded import script_json, uri
from reports.page.missing import groups, statuses
from reports.page.texts import texts
from reports.page.viewer import PICTURES, browser
from reports.render import html
from reports.table import Table

__all__ = ["PICTURES", "browser", "caption", "page", "sections"]

# first match counts: longer stems before their beginnings
_CAPTIONS = {
    "radar": "Mean of every metric, each axis scaled from the worst to the best of these methods",
    "boxes": "Spread of every metric over the pictures",
    "curves": "Share of pictures with at most this value",
    "panel": "The picture on which the methods differ most, with the most disputed area magnified",
    "ranks": "Average rank over pictures and metrics, and how often a method is significantly worse than the best",
    "cost": "Quality against multiply-accumulates and time",
    "detections": "What the detectors found, with the most disputed object magnified",
    "segmentations": "What the segmenters said, with the most disputed area magnified",
    "training": "Loss of each epoch",
    "ablation": "Metrics of the ablations",
}


def page(data: RunData, tables: Sequence[Table], figures: Sequence[Path], cells: Table | None = None,
         limit: int = PICTURES, latex: Mapping[str, str] | None = None) -> str:
    """The page's text.

    Args:
        cells: the comparison with the paper cell by cell, shown on demand.
        figures: PNG files to embed, in the order shown.
        limit: how many pictures of each data set the browser holds.
        latex: table's name -> its LaTeX as it was written; what is not there is rendered as it is by default.
    """
    folder = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["j2", "html"]),
                              trim_blocks=True, lstrip_blocks=True)
    environment.globals["source"] = lambda name: Markup((folder / name).read_text(encoding="utf-8"))
    return environment.get_template("page.html.j2").render(
        data=data, run=data.run, statuses=statuses(data), missing=groups(data),
        tables=[Markup(html.render(_numbered(data, table))) for table in tables],
        figures=[(heading, [(caption(data, path.stem), uri(read_bytes(path), "png")) for path in paths])
                 for heading, paths in sections(data, figures)],
        cells=Markup(html.render(cells)) if cells is not None else "",
        texts=script_json(texts([*tables, *([cells] if cells is not None else [])], latex or {})),
        browser=script_json(browser(data, limit)))


def _numbered(data: RunData, table: Table) -> Table:
    """With the paper's number before the caption, as LaTeX prints it."""
    number = _names(data).get(table.name)
    return replace(table, caption=f"{number}: {table.caption}") if number else table


def _names(data: RunData) -> dict[str, str]:
    """"table4" -> "Table IV", "table_<suite>" -> the suite's title."""
    return {table.name: f"Table {numeral(data.paper, table.number)}" if table.number else
            data.suite_record(table.suite).title for table in data.tables}


def caption(data: RunData, stem: str) -> str:
    """What a figure shows, from its file's stem: "radar_tno" -> "TNO: Mean of every metric ..."."""
    items = {name: (suite, text) for suite in data.suites("items")
             for name, text in ((f"{suite}_classes", "per class"), (suite, "over all classes"))}
    for start, text in [*_CAPTIONS.items(), *((name, found[1]) for name, found in items.items())]:
        if stem.startswith(start + "_"):
            rest = stem.removeprefix(start + "_")
            named = f"{data.suite_record(items[start][0]).title}, " if start in items else ""
            return f"{_names(data).get(rest) or data.dataset_title(rest)}: {named}{text}"
    return stem.replace("_", " ")


def sections(data: RunData, figures: Sequence[Path]) -> list[tuple[str, list[Path]]]:
    """(heading, files) in the order of the paper: fusion, then each training, what it costs, ablations."""
    trained = {suite: data.suite_record(suite).title.split(",")[0] for suite in data.suites("items")}
    headings = ["Fused pictures", *trained.values(), "Cost", "Ablations"]
    found: dict[str, list[Path]] = {heading: [] for heading in headings}
    for path in figures:
        start = path.stem.split("_")[0]
        named = next((title for suite, title in trained.items() if suite in path.stem.split("_")
                      or start == f"{suite}s"), "Fused pictures")
        found[{"cost": "Cost", "ablation": "Ablations"}.get(start, named)].append(path)
    return [(heading, paths) for heading, paths in found.items() if paths]

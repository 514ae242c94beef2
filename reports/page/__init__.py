"""OUT/report.html: one self-contained page. Pictures are embedded, nothing is loaded from anywhere."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup
from PIL import Image

from core.files import read_bytes
from reports.columns import Shown, all_of_pictures
from reports.data import RunData
from reports.figures.panels import pictures
from reports.numerals import numeral
from reports.page.missing import groups, statuses
from reports.render import html
from reports.table import Table

# The page has to stay light enough to be mailed (12 methods: about 0.4 MB a pair): unless told otherwise, this many
# pictures per data set, this long at most.
PICTURES, LONG_SIDE, QUALITY = 6, 512, 85

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
         limit: int = PICTURES) -> str:
    """The page's text.

    Args:
        cells: the comparison with the paper cell by cell, shown on demand.
        figures: PNG files to embed, in the order shown.
        limit: how many pictures of each data set the browser holds.
    """
    folder = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(["j2", "html"]),
                              trim_blocks=True, lstrip_blocks=True)
    environment.globals["source"] = lambda name: Markup((folder / name).read_text(encoding="utf-8"))
    return environment.get_template("page.html.j2").render(
        data=data, run=data.run, statuses=statuses(data), missing=groups(data),
        tables=[Markup(html.render(_numbered(data, table))) for table in tables],
        figures=[(heading, [(caption(data, path.stem), _uri(read_bytes(path), "png")) for path in paths])
                 for heading, paths in sections(data, figures)],
        cells=Markup(html.render(cells)) if cells is not None else "",
        browser=_script_json(browser(data, limit)))


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


def browser(data: RunData, limit: int = PICTURES) -> list[dict[str, Any]]:
    """What the picture browser shows: per data set its pictures by title, and the metrics of each method."""
    shown = []
    for suite in data.suites("pictures"):
        rows = data.suite(suite)
        metrics = all_of_pictures(data, suite)
        for dataset in data.datasets(suite):
            items = chosen_items(data, suite, dataset, limit)
            of_set = rows[rows["dataset"] == dataset]
            entries = []
            for item in items:
                found = pictures(data, dataset, item)
                if found:
                    entries.append({"id": item, "pictures": {t: _embed(p) for t, p in found.items()},
                                    "values": _values(data, dataset, of_set[of_set["item"] == item], metrics)})
            if entries:
                shown.append({"title": data.dataset_title(dataset), "items": entries,
                              "all": int(of_set["item"].nunique()),
                              "metrics": [[m.title, m.arrow.strip()] for m in metrics
                                          if m.metric in set(of_set["metric"])]})
    return shown


def chosen_items(data: RunData, suite: str, dataset: str, limit: int = PICTURES) -> list[str]:
    """At most `limit` ids, spread evenly over the data set."""
    rows = data.suite(suite)
    items = list(dict.fromkeys(rows.loc[rows["dataset"] == dataset, "item"]))
    picked = np.unique(np.linspace(0, len(items) - 1, min(limit, len(items))).round().astype(int))
    return [items[i] for i in picked]


def _values(data: RunData, dataset: str, rows: pd.DataFrame,
            metrics: Sequence[Shown]) -> dict[str, dict[str, float | None]]:
    """title -> metric -> value of one picture (mean over seeds; None where undefined)."""
    sources = dict(zip(("infrared", "visible"), data.source_titles(dataset)))
    found: dict[str, dict[str, float | None]] = {}
    named = {(m.metric, m.variant): m.title for m in metrics}
    address = ["method", "metric", "variant"]
    for (method, metric, variant), value in rows.groupby(address, sort=False)["value"].mean().items():
        title = sources.get(method) or data.title(method)
        found.setdefault(title, {})[named[metric, variant]] = float(value) if np.isfinite(value) else None
    return found


def _embed(picture: npt.NDArray[Any]) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((LONG_SIDE, LONG_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY)
    return _uri(buffer.getvalue(), "jpeg")


def _uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _script_json(content: Any) -> Markup:
    """JSON that cannot end its <script> element, whatever the ids hold."""
    text = json.dumps(content).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return Markup(text)

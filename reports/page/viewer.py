"""What the picture browser shows: pictures embedded small and linked at full size, their metrics, their layers."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.columns import Shown, all_of_pictures
from reports.data import RunData
from reports.figures.detections import SCORE
from reports.figures.panels import pictures
from reports.page import layers
from reports.page.embedded import small
from reports.page.linked import files

PICTURES = 6  # per data set, unless told otherwise


def browser(data: RunData, limit: int = PICTURES) -> list[dict[str, Any]]:
    """Per data set its pictures by title, the metrics of each method, and its layers; what was only trained on last.

    A picture: "id"; "size" [width, height]; "pictures" title -> data URI of a small JPEG; "files" title -> address of
    the lossless file relative to the page; "values" title -> metric -> number; "truth" and "found", see layers.Layers.
    """
    shown, done = [], set()
    for suite in [*data.suites("pictures"), *data.suites("items")]:
        for dataset in data.datasets(suite):
            if data.suite_record(suite).kind == "items" and dataset in done:
                continue
            done.add(dataset)
            found = _dataset(data, suite, dataset, limit)
            if found["items"]:
                shown.append(found)
    return shown


def _dataset(data: RunData, suite: str, dataset: str, limit: int) -> dict[str, Any]:
    rows, known = data.suite(suite), layers.labelled(data, dataset)
    of_set = rows[rows["dataset"] == dataset]
    if data.suite_record(suite).kind == "pictures":
        metrics, ids = all_of_pictures(data, suite), list(of_set["item"].unique())
    else:  # its rows' items are classes; its pictures are those that a training was tested on
        metrics, ids, of_set = [], known, of_set.iloc[:0]
    items = _chosen(ids, known, limit)
    over = layers.layers(data, dataset, items)
    entries = []
    for item in items:
        found = pictures(data, dataset, item)
        if found:
            height, width = next(iter(found.values())).shape[:2]
            entries.append({"id": item, "size": [width, height], "pictures": {t: small(p) for t, p in found.items()},
                            "files": {t: a for t, a in files(data, dataset, item).items() if t in found},
                            "values": _values(data, dataset, of_set[of_set["item"] == item], metrics),
                            "truth": over.truth.get(item, {}), "found": over.found.get(item, {})})
    measured = set(of_set["metric"].unique())
    return {"title": data.dataset_title(dataset), "items": entries, "all": len(ids),
            "classes": over.classes, "teacher": over.teacher, "score": SCORE,
            "metrics": [[m.title, m.arrow.strip()] for m in metrics if m.metric in measured]}


def _chosen(items: Sequence[str], labelled: Collection[str], limit: int) -> list[str]:
    """At most `limit` ids, spread evenly over the data set; those with boxes or masks before those without."""
    known = set(labelled)
    first = _spread([item for item in items if item in known], limit)
    picked = {*first, *_spread([item for item in items if item not in known], limit - len(first))}
    return [item for item in items if item in picked]


def _spread(items: Sequence[str], limit: int) -> list[str]:
    places = np.linspace(0, len(items) - 1, max(0, min(limit, len(items)))).round().astype(int)
    return [items[i] for i in np.unique(places)]


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

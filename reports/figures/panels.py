"""Fused pictures side by side, with one area magnified: the user's, or that of most disagreement."""

import numpy as np
from matplotlib.figure import Figure

from reports.areas import Area
from reports.data import RunData
from reports.errors import ReportError
from reports.figures.leading import leading
from reports.figures.magnified import grid
from reports.figures.stems import stem
from reports.pictures import read

AREA = 0.22  # side of the magnified square, as a fraction of the shorter side


def draw(data: RunData) -> dict[str, Figure]:
    """panel_<data set> for every scored data set whose pictures are at hand.

    Raises ReportError for an area asked for that is in no picture of the run.
    """
    figures, asked = {}, {area.dataset: area for area in data.areas}
    for suite in data.suites("pictures"):
        for dataset in data.datasets(suite):
            area = asked.pop(dataset, None)
            item = area.item if area else chosen_item(data, suite, dataset)
            shown = pictures(data, dataset, item) if item else {}
            if area is not None:
                _check(area, shown)
            if item and (len(shown) >= 3 or (area and shown)):
                figures[stem(data, "panel", suite, dataset)] = _panel(data, dataset, item, shown, area)
    if asked:
        raise ReportError(f"--area: no pictures of {', '.join(asked)} in this run")
    return figures


def _check(area: Area, shown: dict[str, np.ndarray]) -> None:
    if not shown:
        raise ReportError(f"--area: no picture {area.item} of {area.dataset} in this run")
    height, width = next(iter(shown.values())).shape[:2]
    if area.side < 1 or area.x + area.side > width or area.y + area.side > height:
        raise ReportError(f"--area: {area.x},{area.y},{area.side} does not lie inside picture {area.item} of "
                          f"{area.dataset}, which is {width} wide and {height} high")


def chosen_item(data: RunData, suite: str, dataset: str) -> str | None:
    """The picture on which the methods differ most by the leading metric: it shows more than an average one.

    None without rows.
    """
    metric = leading(data, suite)
    rows = data.suite(suite)
    rows = rows[(rows["dataset"] == dataset) & (rows["metric"] == metric.metric) & (rows["variant"] == metric.variant)]
    rows = rows[~rows["method"].isin([m for m in rows["method"].unique() if data.kind(m) == "source"])]
    if rows.empty:
        return None
    values = rows.groupby("item", sort=True)["value"]
    spread = values.max() - values.min()
    return str(spread.fillna(-1).idxmax())


def pictures(data: RunData, dataset: str, item: str) -> dict[str, np.ndarray]:
    """Title -> uint8 picture: both sources, then every method in table order."""
    found = {}
    sources = data.source_paths(dataset, item)
    if sources is not None:
        ir, vi = (read(path) for path in sources)
        if sources[0] == sources[1]:
            ir, vi = ir[..., 3], ir[..., :3]
        infrared, visible = data.source_titles(dataset)
        found = {visible: vi, infrared: ir}  # as the tables have them
    tables = [table for table in data.tables if dataset in data.table_datasets(table)]
    for method in data.ordered(data.run.methods, tables[0] if tables else None):
        path = data.fused_path(method, dataset, item)
        if path is not None and data.kind(method) != "source":
            found[data.title(method)] = read(path)
    return found


def disputed_area(shown: list[np.ndarray], side: int) -> tuple[int, int]:
    """(row, column) of the square of `side` pixels on which the pictures differ most from one another."""
    grey = np.stack([p.astype(np.float32).mean(-1) if p.ndim == 3 else p.astype(np.float32) for p in shown])
    spread = np.pad(grey.std(0).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = spread[side:, side:] - spread[:-side, side:] - spread[side:, :-side] + spread[:-side, :-side]
    row, column = np.unravel_index(sums.argmax(), sums.shape)
    return int(row), int(column)


def _panel(data: RunData, dataset: str, item: str, shown: dict[str, np.ndarray], area: Area | None) -> Figure:
    if area is not None:
        place = (area.y, area.x, area.side)
    else:
        side = max(8, round(AREA * min(next(iter(shown.values())).shape[:2])))
        fused = [p for title, p in shown.items() if title not in data.source_titles(dataset)]
        place = (*disputed_area(fused if len(fused) > 1 else list(shown.values()), side), side)
    return grid(shown, place, f"{data.dataset_title(dataset)}, picture {item}")

"""Figs. 5-7, 10: fused pictures side by side, with the area magnified on which the methods disagree most."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from reports.data import RunData
from reports.figures.magnified import grid

AREA = 0.22  # side of the magnified square, as a fraction of the shorter side


def draw(data: RunData) -> dict[str, Figure]:
    """panel_<data set> for every scored data set whose pictures are at hand."""
    figures = {}
    for suite in ("ivf", "mif"):
        for dataset in data.datasets(suite):
            item = chosen_item(data, suite, dataset)
            shown = pictures(data, dataset, item) if item else {}
            if len(shown) >= 3:
                figures[f"panel_{dataset}"] = _panel(data, dataset, item, shown)
    return figures


def chosen_item(data: RunData, suite: str, dataset: str) -> str | None:
    """The picture on which the methods' VIF differ most: it shows more than an average one. None without rows."""
    rows = data.suite(suite).query("dataset == @dataset and metric == 'VIF'")
    rows = rows[rows["method"].map(data.kind) != "source"]
    if rows.empty:
        return None
    spread = rows.groupby("item", sort=True)["value"].agg(lambda v: v.max() - v.min())
    return str(spread.fillna(-1).idxmax())


def pictures(data: RunData, dataset: str, item: str) -> dict[str, np.ndarray]:
    """Title -> uint8 picture: both sources, then every method in table order."""
    found = {}
    sources = data.source_paths(dataset, item)
    if sources is not None:
        ir, vi = (np.asarray(Image.open(path)) for path in sources)
        if sources[0] == sources[1]:
            ir, vi = ir[..., 3], ir[..., :3]
        found = dict(zip(data.source_titles(dataset), (ir, vi)))
    for method in data.ordered(data.run["methods"]):
        path = data.fused_path(method, dataset, item)
        if path is not None and data.kind(method) != "source":
            found[data.title(method)] = np.asarray(Image.open(path))
    return found


def disputed_area(shown: list[np.ndarray], side: int) -> tuple[int, int]:
    """(row, column) of the square of `side` pixels on which the pictures differ most from one another."""
    grey = np.stack([p.astype(np.float32).mean(-1) if p.ndim == 3 else p.astype(np.float32) for p in shown])
    spread = np.pad(grey.std(0).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = spread[side:, side:] - spread[:-side, side:] - spread[side:, :-side] + spread[:-side, :-side]
    row, column = np.unravel_index(sums.argmax(), sums.shape)
    return int(row), int(column)


def _panel(data: RunData, dataset: str, item: str, shown: dict[str, np.ndarray]) -> Figure:
    side = max(8, round(AREA * min(next(iter(shown.values())).shape[:2])))
    fused = [p for title, p in shown.items() if title not in data.source_titles(dataset)]
    row, column = disputed_area(fused if len(fused) > 1 else list(shown.values()), side)
    return grid(shown, (row, column, side), f"{data.dataset_title(dataset)}, picture {item}")

"""Predicted boxes on the fused pictures of all methods, with the area magnified on which they disagree."""

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from core.files import read_json
from reports.columns import item_titles
from reports.data import RunData
from reports.errors import ReportError
from reports.figures.magnified import WIDTH, around, columns_for, grid
from reports.labels import true_boxes as kept_boxes
from reports.pictures import read, read_rgb

# Okabe and Ito, told apart with every common colour blindness
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178))
SCORE = 0.25
TEXT = 7  # points of the labels in print
Predictions = dict[str, Any]
ENLARGED = 640  # small pictures are enlarged to about this width, so that a line is not thicker than a person


def draw(data: RunData) -> dict[str, Figure]:
    """detections_<data set> where the predictions and the fused pictures of at least two methods are at hand."""
    figures = {}
    for suite in data.suites("items"):
        for dataset in data.datasets(suite):
            found = predictions(data, suite, dataset)
            item = chosen_item(data, dataset, found)
            if item is not None:
                figures[f"detections_{dataset}"] = _figure(data, suite, dataset, item, found)
    return figures


def predictions(data: RunData, suite: str, dataset: str) -> dict[str, Predictions]:
    """Method -> predictions.json of the first seed: {"classes": [...], "images": {id: {"boxes": [...]}}}."""
    paths = {m: data.artefact(suite, m, dataset, "predictions.json") for m in data.methods(suite)}
    return {m: read_json(path, ReportError) for m, path in paths.items() if path is not None}


def chosen_item(data: RunData, dataset: str, found: dict[str, Predictions]) -> str | None:
    """The picture on which the methods' numbers of confident boxes differ most, among those that all of them have."""
    if len(found) < 2:
        return None
    items = [item for item in next(iter(found.values()))["images"]
             if all(item in p["images"] and data.fused_path(m, dataset, item) for m, p in found.items())]

    def dispute(item: str) -> tuple[int, int]:
        numbers = [len(_confident(p["images"][item]["boxes"])) for p in found.values()]
        return max(numbers) - min(numbers), max(numbers)

    return max(items, key=dispute, default=None)


def _confident(boxes: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    return [box for box in boxes if box[4] >= SCORE]


def true_boxes(data: RunData, dataset: str, item: str, size: tuple[int, int]) -> list[list[float]] | None:
    """[x0, y0, x1, y1, nan, class index] of a test picture of (height, width); None where the run kept none."""
    found = kept_boxes(data, dataset).get(item)
    if found is None:
        return None
    height, width = size
    return [[x0 * width, y0 * height, x1 * width, y1 * height, float("nan"), label] for label, x0, y0, x1, y1 in found]


def _figure(data: RunData, suite: str, dataset: str, item: str, found: dict[str, Predictions]) -> Figure:
    boxes = {m: _confident(p["images"][item]["boxes"]) for m, p in found.items()}
    paths = {m: path for m in found if (path := data.fused_path(m, dataset, item)) is not None}
    size = read(next(iter(paths.values()))).shape[:2]
    factor = max(1, round(ENLARGED / size[1]))
    row, column, side = _area(boxes, size)
    classes = next(iter(found.values()))["classes"]
    truth = true_boxes(data, dataset, item, size)
    visible = data.fused_path("visible", dataset, item)
    beside = columns_for(len(paths) + (truth is not None))
    size_of_text = round(TEXT / 72 * size[1] * factor * beside / WIDTH)
    names = item_titles(data, suite, classes)
    shown = {}
    if truth is not None:
        shown["Ground truth"] = boxed(visible or next(iter(paths.values())), truth, names, factor, size_of_text)
    shown |= {data.title(m): boxed(path, boxes[m], names, factor, size_of_text) for m, path in paths.items()}
    return grid(shown, (row * factor, column * factor, side * factor),
                f"{data.dataset_title(dataset)}, picture {item}: boxes with a score of at least {SCORE:g}")


def _area(boxes: dict[str, list[Sequence[float]]], size: tuple[int, int]) -> tuple[int, int, int]:
    """Around the small box that the fewest methods have: there they disagree, and there one has to look closely."""
    everything = [box for found in boxes.values() for box in found]
    side = max(16, round(0.3 * min(size)))
    if not everything:
        return around((size[0] / 2, size[1] / 2), side, size)

    def shared(box: Sequence[float]) -> tuple[int, float]:
        others = sum(any(_overlap(box, other) > 0.5 and box[5] == other[5] for other in found)
                     for found in boxes.values())
        return others, (box[2] - box[0]) * (box[3] - box[1])

    x0, y0, x1, y1 = min(everything, key=shared)[:4]
    return around(((y0 + y1) / 2, (x0 + x1) / 2), side, size)


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def boxed(path: Path, boxes: Sequence[Sequence[float]], classes: Sequence[str],
          factor: int = 1, text_size: int = 10) -> npt.NDArray[np.uint8]:
    """The picture, uint8 RGB [factor*H, factor*W, 3], with boxes [x0, y0, x1, y1, score, class index] drawn on it.

    text_size: of the labels, in pixels of what is returned. True boxes have nan as their score.
    """
    picture = Image.fromarray(read_rgb(path))
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    line = max(2, picture.width // 250)
    font = ImageFont.load_default(max(10, text_size))
    for x0, y0, x1, y1, score, label in sorted(boxes, key=lambda box: box[4]):
        colour = COLOURS[int(label) % len(COLOURS)]
        pen.rectangle([x0 * factor, y0 * factor, x1 * factor, y1 * factor], outline=colour, width=line)
        text = classes[int(label)] if isnan(score) else f"{classes[int(label)]} {score:.2f}"
        left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
        x = min(max(0, x0 * factor), picture.width - (right - left) - 4)
        y = max(0, y0 * factor - (bottom - top) - 6)
        pen.rectangle([x, y, x + right - left + 4, y + bottom - top + 5], fill=colour)
        pen.text((x + 2 - left, y + 2 - top), text, fill="black", font=font)
    return np.asarray(picture)

"""What lies over the pictures of the page: true and found boxes, true and found class masks of the trained suites."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from reports.columns import item_titles
from reports.data import RunData
from reports.errors import named_fault
from reports.figures.detections import COLOURS, SCORE, predictions
from reports.figures.segmentations import PALETTE, classes_of
from reports.labels import true_boxes
from reports.page.embedded import uri
from reports.pictures import read

TINT, EDGE = 140, 255  # opacity of 255: of what a segmenter found, of the outline of the truth
Layer = dict[str, Any]


@dataclass(frozen=True)
class Layers:
    """Of a data set. classes: kind ("boxes", "masks") -> (name, "#rrggbb") per class, as the layers index them.

    truth: item -> layer; found: item -> title -> layer. A layer holds "boxes", [class, x0, y0, x1, y1] in fractions of
    the picture (found ones with their score behind), and "mask", a data URI as large as the picture.
    """

    classes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    truth: dict[str, Layer] = field(default_factory=dict)
    found: dict[str, dict[str, Layer]] = field(default_factory=dict)
    teacher: bool = False

    @property
    def items(self) -> list[str]:
        """Ids of the pictures that have one."""
        return list(dict.fromkeys([*self.truth, *self.found]))


def layers(data: RunData, dataset: str, items: Iterable[str] | None = None) -> Layers:
    """Those of a data set; with `items` only of these pictures.

    Raises ReportError for predictions or labels that cannot be read.
    """
    made = Layers(teacher=data.dataset(dataset).teacher_labels)
    wanted = None if items is None else set(items)
    for suite in data.suites("items"):
        if dataset in data.datasets(suite):
            _boxes(data, suite, dataset, made, wanted)
            _masks(data, suite, dataset, made, wanted)
    return made


def labelled(data: RunData, dataset: str) -> list[str]:
    """Ids of the pictures of a data set whose truth the run kept, in the order of its pairs."""
    there = {*true_boxes(data, dataset), *data.dataset(dataset).labels}
    return [pair.id for pair in data.dataset(dataset).pairs if pair.id in there]


def _titles(data: RunData, dataset: str) -> Mapping[str, str]:
    """Method -> its title in the browser, where sources are called by what they show."""
    return {name: data.title(name) for name in data.run.methods} | \
        dict(zip(("infrared", "visible"), data.source_titles(dataset)))


def _named(data: RunData, suite: str, names: Sequence[str], colours: Sequence[Sequence[int]]) -> list[tuple[str, str]]:
    """Classes as the table heads them, with their colours in the figures."""
    return [(title, "#{:02x}{:02x}{:02x}".format(*map(int, colours[n % len(colours)])))
            for n, title in enumerate(item_titles(data, suite, names))]


def _boxes(data: RunData, suite: str, dataset: str, made: Layers, wanted: set[str] | None) -> None:
    titles, truth = _titles(data, dataset), true_boxes(data, dataset)
    for method, found in predictions(data, suite, dataset).items():
        with named_fault(data.artefact(suite, method, dataset, "predictions.json") or data.out):
            made.classes.setdefault("boxes", _named(data, suite, found["classes"], COLOURS))
            for item, of_item in found["images"].items():
                if wanted is not None and item not in wanted:
                    continue
                made.found.setdefault(item, {}).setdefault(titles[method], {})["boxes"] = _fractions(of_item)
                if item in truth:
                    made.truth.setdefault(item, {})["boxes"] = [[label, *_rounded(*corners)]
                                                                for label, *corners in truth[item]]


def _fractions(of_item: Mapping[str, Any]) -> list[list[float]]:
    """[class index, x0, y0, x1, y1, score] of the boxes that count, from [x0, y0, x1, y1, score, class] in pixels."""
    width, height = of_item["width"], of_item["height"]
    return [[int(label), *_rounded(x0 / width, y0 / height, x1 / width, y1 / height), *_rounded(score)]
            for x0, y0, x1, y1, score, label in of_item["boxes"] if score >= SCORE]


def _rounded(*values: float) -> list[float]:
    """To what a picture of some thousand pixels shows. Raises ValueError for what no script of the page could read."""
    if not all(isfinite(value) for value in values):
        raise ValueError("not a finite number")
    return [round(float(value), 4) for value in values]


def _folders(data: RunData, suite: str, dataset: str) -> dict[str, Path]:
    """Method -> folder of its id maps."""
    found = {m: data.artefact(suite, m, dataset, "predictions") for m in data.methods(suite)}
    return {m: folder for m, folder in found.items() if folder is not None and folder.is_dir()}


def _masks(data: RunData, suite: str, dataset: str, made: Layers, wanted: set[str] | None) -> None:
    titles = _titles(data, dataset)
    names = classes_of(data, suite, dataset)
    for method, folder in _folders(data, suite, dataset).items():
        made.classes.setdefault("masks", _named(data, suite, names, PALETTE.tolist()))
        for path in sorted(folder.glob("*.png")):
            item = path.stem
            if wanted is not None and item not in wanted:
                continue
            made.found.setdefault(item, {}).setdefault(titles[method], {})["mask"] = mask(read(path), len(names))
            true = data.label_path(dataset, item)
            if true is not None and "mask" not in made.truth.get(item, {}):
                made.truth.setdefault(item, {})["mask"] = mask(read(true), len(names), outline=True)


def mask(ids: npt.NDArray[Any], classes: int, *, outline: bool = False) -> str:
    """A PNG as data URI: objects in their class's colour, everything else transparent.

    Args:
        ids: class ids [H,W] from 0, the background; ids of no class (255: not judged) stay transparent.
        classes: how many there are. outline: the borders alone, two pixels wide, opaque.
    Returns "" for a picture that is no id map ([H,W,C]): it has no layer.
    """
    if ids.ndim != 2:
        return ""
    shown = np.where(ids < classes, ids, 0).astype(np.uint8)
    if outline:
        inside = np.ones(shown.shape, bool)
        around = np.pad(shown, 2, mode="edge")
        height, width = shown.shape
        for row, column in ((0, 2), (4, 2), (2, 0), (2, 4), (1, 1), (1, 3), (3, 1), (3, 3)):
            inside &= around[row:row + height, column:column + width] == shown
        shown = np.where(inside, 0, shown).astype(np.uint8)
    image = Image.fromarray(shown)  # ids as palette indices: a few hundred bytes
    image.putpalette(np.resize(PALETTE, (256, 3)).tobytes())
    opacity = bytes([0] + [EDGE if outline else TINT] * (max(classes, 2) - 1))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", transparency=opacity, optimize=True)
    return uri(buffer.getvalue(), "png")

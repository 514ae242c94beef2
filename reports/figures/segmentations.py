"""Predicted classes over the fused pictures; where the truth is at hand, misses yellow and errors pink."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.columns import item_titles
from reports.data import RunData
from reports.figures.magnified import around, grid
from reports.pictures import read, read_rgb

# MFNet's demo palette, one colour per class; a set of more classes goes on with lighter ones
PALETTE = np.array([(0, 0, 0), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 192), (128, 128, 0), (64, 64, 128),
                    (192, 128, 128), (192, 64, 0), (0, 192, 128), (128, 255, 0), (0, 255, 255), (255, 128, 0),
                    (160, 96, 255), (96, 160, 96), (224, 224, 192)], dtype=np.uint8)
MISSING, WRONG = (255, 255, 0), (255, 105, 180)
OPACITY = 0.6


def draw(data: RunData) -> dict[str, Figure]:
    """segmentations_<data set> where the id maps and the fused pictures of at least two methods are at hand."""
    figures = {}
    for suite in data.suites("items"):
        for dataset in data.datasets(suite):
            folders = {m: f for m in data.methods(suite)
                       if (f := data.artefact(suite, m, dataset, "predictions")) is not None and f.is_dir()}
            item = chosen_item(data, dataset, folders)
            if item is not None:
                figures[f"segmentations_{dataset}"] = _figure(data, suite, dataset, item, folders)
    return figures


def classes_of(data: RunData, suite: str, dataset: str) -> list[str]:
    """Names of the class ids from 0: a suite's rows list every class in the labels' order."""
    rows = data.suite(suite)
    return list(rows.loc[(rows["dataset"] == dataset) & (rows["item"] != "-"), "item"].unique())


def chosen_item(data: RunData, dataset: str, folders: dict[str, Path]) -> str | None:
    """The picture on whose pixels the methods disagree most, among those that all of them have."""
    if len(folders) < 2:
        return None
    items = [path.stem for path in sorted(next(iter(folders.values())).glob("*.png"))
             if all((f / path.name).is_file() and _under(data, m, dataset, path.stem) for m, f in folders.items())]
    return max(items, key=lambda item: _disputed(folders, item).mean(), default=None)


def _disputed(folders: dict[str, Path], item: str) -> np.ndarray:
    """bool [H,W]: not all methods say the same."""
    maps = [read(folder / f"{item}.png") for folder in folders.values()]
    different = np.zeros(maps[0].shape, bool)
    for other in maps[1:]:
        different |= other != maps[0]
    return different


def _figure(data: RunData, suite: str, dataset: str, item: str, folders: dict[str, Path]) -> Figure:
    truth_path = data.label_path(dataset, item)
    truth = read(truth_path) if truth_path is not None else None
    named = data.labelled_title(suite, dataset)
    shown: dict[str, np.ndarray] = {}
    used: set[int] = set()
    visible = data.fused_path("visible", dataset, item)
    if truth is not None and visible is not None:
        shown["Teacher labels" if "teacher" in named else "Ground truth"] = panel(read_rgb(visible), truth)
        used |= set(map(int, np.unique(truth)))
    for method, folder in folders.items():
        ids = read(folder / f"{item}.png")
        used |= set(map(int, np.unique(ids))) if truth is None else set()  # wrong ones are not drawn in their colour
        under = _under(data, method, dataset, item)
        if under is not None:  # it was there when the picture was chosen
            shown[data.title(method)] = panel(read_rgb(under), ids, truth)
    disputed = np.argwhere(_disputed(folders, item))
    size = next(iter(shown.values())).shape[:2]
    centre = np.median(disputed, axis=0) if len(disputed) else np.array(size) / 2
    figure = grid(shown, around(tuple(centre), max(16, round(0.3 * min(size))), size),
                  f"{named}, picture {item}")
    names = item_titles(data, suite, classes_of(data, suite, dataset))
    _legend(figure, {i: name for i, name in enumerate(names) if i and i in used},
            truth is not None)
    return figure


def _under(data: RunData, method: str, dataset: str, item: str) -> Path | None:
    """What a method's classes are drawn on: what it fused; the visible picture for one that fuses nothing."""
    return data.fused_path(method if data.unit("fuse", method, dataset) else "visible", dataset, item)


def panel(picture: np.ndarray, ids: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
    """uint8 RGB [H,W,3]: objects tinted by class; with `truth`, opaque: missed objects yellow, wrong ones pink.

    Args:
        picture: uint8 RGB [H,W,3]. ids, truth: class ids [H,W] from 0.
    """
    tinted = np.rint((1 - OPACITY) * picture + OPACITY * PALETTE[ids % len(PALETTE)]).astype(np.uint8)
    shown = np.where((ids > 0)[..., None], tinted, picture)
    if truth is not None:
        shown[(truth > 0) & (ids == 0)] = MISSING
        shown[(ids > 0) & (ids != truth)] = WRONG
    return shown


def _legend(figure: Figure, classes: dict[int, str], errors: bool) -> None:
    handles = [Patch(color=_rgb(PALETTE[i % len(PALETTE)]), label=name) for i, name in classes.items()]
    if errors:
        handles += [Patch(color=_rgb(colour), label=label)
                    for colour, label in ((MISSING, "missed"), (WRONG, "wrong"))]
    if handles:
        figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=min(7, len(handles)),
                      frameon=False)


def _rgb(colour: Sequence[int] | npt.NDArray[np.uint8]) -> tuple[float, float, float]:
    red, green, blue = (float(level) / 255 for level in colour)
    return red, green, blue

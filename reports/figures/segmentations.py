"""Fig. 9: predicted classes over the fused pictures; where the truth is at hand, misses yellow and errors pink."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.data import RunData
from reports.figures.magnified import around, grid
from reports.pictures import read, read_rgb

CLASSES = ("Unlabel", "Car", "Person", "Bike", "Curve", "Car stop", "Guardrail", "Color cone", "Bump")
# MFNet's demo palette, one colour per class
PALETTE = np.array([(0, 0, 0), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 192), (128, 128, 0), (64, 64, 128),
                    (192, 128, 128), (192, 64, 0)], dtype=np.uint8)
MISSING, WRONG = (255, 255, 0), (255, 105, 180)
OPACITY = 0.6


def draw(data: RunData) -> dict[str, Figure]:
    """segmentations_<data set> where the id maps and the fused pictures of at least two methods are at hand."""
    figures = {}
    for dataset in data.datasets("segmentation"):
        folders = {m: f for m in data.methods("segmentation") if (f := _folder(data, m, dataset)) is not None}
        item = chosen_item(data, dataset, folders)
        if item is not None:
            figures[f"segmentations_{dataset}"] = _figure(data, dataset, item, folders)
    return figures


def _folder(data: RunData, method: str, dataset: str) -> Path | None:
    unit = data.unit("segment", method, dataset)
    folder = data.out / unit.folder / "predictions" if unit and unit.status == "done" else None
    return folder if folder is not None and folder.is_dir() else None


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
    return np.any([other != maps[0] for other in maps[1:]], axis=0)


def _figure(data: RunData, dataset: str, item: str, folders: dict[str, Path]) -> Figure:
    truth_path = data.label_path(dataset, item)
    truth = read(truth_path) if truth_path is not None else None
    named = data.labelled_title("segmentation", dataset)
    shown, used = {}, set()
    visible = data.fused_path("visible", dataset, item)
    if truth is not None and visible is not None:
        shown["Teacher labels" if "teacher" in named else "Ground truth"] = panel(read_rgb(visible), truth)
        used |= set(np.unique(truth))
    for method, folder in folders.items():
        ids = read(folder / f"{item}.png")
        used |= set(np.unique(ids))
        shown[data.title(method)] = panel(read_rgb(_under(data, method, dataset, item)), ids, truth)
    disputed = np.argwhere(_disputed(folders, item))
    size = next(iter(shown.values())).shape[:2]
    centre = np.median(disputed, axis=0) if len(disputed) else np.array(size) / 2
    figure = grid(shown, around(tuple(centre), max(16, round(0.3 * min(size))), size),
                  f"{named}, picture {item}")
    _legend(figure, sorted(int(i) for i in used if 0 < i < len(CLASSES)), truth is not None)
    return figure


def _under(data: RunData, method: str, dataset: str, item: str) -> Path | None:
    """What a method's classes are drawn on: what it was trained on, for early fusion the visible picture."""
    early = method == "four_channel"
    return data.fused_path("visible" if early else method, dataset, item)


def panel(picture: np.ndarray, ids: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
    """uint8 RGB [H,W,3]: objects tinted by class; with `truth`, opaque: missed objects yellow, wrong ones pink.

    Args:
        picture: uint8 RGB [H,W,3]. ids, truth: class ids [H,W] in 0..8.
    """
    tinted = np.rint((1 - OPACITY) * picture + OPACITY * PALETTE[ids]).astype(np.uint8)
    shown = np.where((ids > 0)[..., None], tinted, picture)
    if truth is not None:
        shown[(truth > 0) & (ids == 0)] = MISSING
        shown[(ids > 0) & (ids != truth)] = WRONG
    return shown


def _legend(figure: Figure, classes: list[int], errors: bool) -> None:
    handles = [Patch(color=PALETTE[i] / 255, label=CLASSES[i]) for i in classes]
    if errors:
        handles += [Patch(color=np.array(colour) / 255, label=label)
                    for colour, label in ((MISSING, "missed"), (WRONG, "wrong"))]
    if handles:
        figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(handles), frameon=False)

"""Opening a detection data set: pictures found, labels read by name and checked, splits offered."""

import hashlib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.files import remembered
from downstream.detection.data.coco import read_coco
from downstream.detection.data.inspection import Inspection
from downstream.detection.data.policy import Box, Inspector, LabelError, LabelPolicy, Problem, RawLabel
from downstream.detection.data.statistics import LabelStatistics, statistics_of
from downstream.detection.data.voc import read_voc
from downstream.detection.data.yolo import NAME_LISTS, read_yolo, yolo_names
from downstream.manifests import read_scenes
from downstream.places import Found, by_id, find_labels, list_files, make_splits, pictures
from downstream.splits import LabelledSet, Split
from fusion import images


@dataclass(frozen=True, kw_only=True)
class DetectionSet(LabelledSet):
    """Boxes of one data set, restricted to the pictures at hand.

    boxes: id -> boxes (empty: a picture without objects). problems: everything the label policy dealt with.
    labels_at: where the labels were read. statistics: what they hold.
    scenes: id -> scene for `leakage`, or None where the id tells (day and night).
    """

    boxes: Mapping[str, tuple[Box, ...]]
    problems: tuple[Problem, ...]
    labels_at: Path
    statistics: LabelStatistics | None = None
    scenes: Mapping[str, str] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.boxes)

    @property
    def manifest(self) -> str:
        """sha256 over classes, ids and boxes."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for key, boxes in self.boxes.items():
            digest.update(f"\n{key}".encode())
            for box in boxes:
                crowd = " crowd" if box.crowd else ""
                digest.update(f" {box.label} {box.cx:.6f} {box.cy:.6f} {box.w:.6f} {box.h:.6f}{crowd}".encode())
        return digest.hexdigest()


def open_detection(name: str, root: Path, *, policy: LabelPolicy | None = None,
                   known: MutableMapping[str, Any] | None = None) -> DetectionSet:
    """Find pictures and boxes of a data set below `root`, where its description says (fusion.dataset_cards).

    Args:
        policy: what to do about broken labels.
        known: memory of picture sizes found before, extended.
    Raises LabelError: unknown name, no pictures or labels there, or a case that the policy refuses.
    """
    found = find_labels(name, "detection", root, LabelError)
    paths = pictures(found, LabelError)
    where = " + ".join(map(str, found.picture_folders))
    if not paths:
        raise LabelError(f"{where}: no pictures found. Published at {found.published}")
    inspector = Inspector(policy or LabelPolicy())
    labels, names_from = _read(found, paths, inspector)
    inspection = Inspection(found.labels, inspector, where, _sizes({} if known is None else known))
    boxes = inspection.boxes(labels, paths, _ORDERS[found.place.format])
    splits = _usable(make_splits(found, tuple(boxes), LabelError), boxes, found)
    scenes = None
    if found.labels.scenes:
        scenes = read_scenes(found.card.path.parent / found.labels.scenes)
        scenes = {key: scene for key, scene in scenes.items() if key in boxes}
    return DetectionSet(
        name=name, title=found.card.title, classes=found.labels.classes, splits=splits, pair_sets=found.pair_sets,
        folds=next((spec.folds for spec in found.specs if spec.folds), 0),
        notes=(found.place.note,) if found.place.note else (), boxes=boxes, problems=tuple(inspector.problems),
        labels_at=found.folders[0], scenes=scenes,
        statistics=statistics_of(boxes, inspection.sizes, found.labels.classes, names_from))


# format -> (the file holds centre and size, it holds a size)
_ORDERS = {"voc": (False, False), "coco": (False, True), "yolo": (True, True)}


def _read(found: Found, pictures: Mapping[str, Path], inspector: Inspector) -> tuple[list[RawLabel], str]:
    """Labels as they stand in the files, and where the names behind class numbers were found."""
    suffix = {"coco": ".json", "voc": ".xml", "yolo": ".txt"}[found.place.format]
    files = [path for folder in found.folders for path in list_files(folder, suffix)]
    if found.place.format == "coco":
        return read_coco(files, found.card, inspector, pictures), ""
    one = by_id([path for path in files if path.name.lower() not in NAME_LISTS], found.card, LabelError)
    used = [path for key, path in one.items() if key in pictures]
    unused = [RawLabel(key, f"{path}:1", ()) for key, path in one.items() if key not in pictures]  # reported, not read
    if found.place.format == "voc":
        return read_voc(used, found.card, inspector) + unused, ""
    names = [yolo_names(folder, found.top, found.place.numbers) for folder in found.folders]
    if len({classes for classes, _ in names}) > 1:
        raise LabelError(f"{found.folders[-1]}: its classes are {', '.join(names[-1][0])} ({names[-1][1]}), but "
                         f"{', '.join(names[0][0])} ({names[0][1]}) for {found.folders[0]}; one order for all")
    return read_yolo(used, names[0][0], found.card, inspector) + unused, names[0][1]


def _sizes(known: MutableMapping[str, Any]) -> Callable[[Path], tuple[int, int]]:
    """(height, width) of a picture, looked up in `known` first."""
    def size_of(path: Path) -> tuple[int, int]:
        height, width = remembered(known, "size", path, lambda: list(images.size(path)))
        return height, width

    return size_of


def _usable(splits: Mapping[str, Split], boxes: Mapping[str, object], found: Found) -> dict[str, Split]:
    """The splits that leave something to train on, to choose by and to test on, restricted to the labelled pictures."""
    restricted = {name: split.restrict(boxes) for name, split in splits.items()}
    usable = {name: split for name, split in restricted.items() if split.train and split.val and split.test}
    if usable:
        return usable
    text = f"{found.top}: {len(boxes)} labelled pictures are too few for any split of {found.card.name}"
    for split in splits.values():
        listed = [key for key in split.ids if key not in boxes]
        unlisted = sorted(set(boxes) - set(split.ids))
        parts = ", ".join(f"{len(ids)} {part}" for part, ids in split.restrict(boxes).parts.items())
        text += f"; split {split.name} is left with {parts}"
        if listed and unlisted:
            text += (f": its names ({', '.join(listed[:3])}, ...) are not those of the labelled pictures "
                     f"({', '.join(unlisted[:3])}, ...)")
    raise LabelError(f"{text}. Published at {found.published}")

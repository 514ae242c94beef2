"""Opening a detection data set: pictures found, labels read by name and checked, splits offered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.names import nearest
from downstream.detection import labels as lb
from downstream.detection.policy import Box, Inspector, LabelError, LabelPolicy, Problem, inspect
from downstream.detection.splits import MANIFESTS, Split, kfold, m3fd_scenes, read_lists, read_manifest
from fusion.pairs import SUFFIXES

FOLDERS = {
    "m3fd": ("m3fd", "M3FD", "M3FD_Detection"),
    "msrs": ("msrs", "MSRS", "MSRS-main"),
    "sample_m3fd": ("sample_m3fd",),
}
TITLES = {"m3fd": "M3FD", "msrs": "MSRS", "sample_m3fd": "Sample (boxes)"}
PUBLISHED = {
    "m3fd": "https://github.com/JinyuanLiu-CV/TarDAL (M3FD_Detection: Ir/, Vis/, Annotation/*.xml)",
    "msrs": "https://github.com/Linfeng-Tang/MSRS (test pictures), Lele-3/MSRS-detection-label (boxes)",
    "sample_m3fd": "rendered by the benchmark itself (fusion/sample)",
}
FOLDS = 5


@dataclass(frozen=True)
class DetectionSet:
    """Labels of one data set, restricted to the pictures at hand.

    boxes: id -> boxes (empty: a picture without objects). classes: canonical names, index = Box.label.
    splits: by name, the default first; MSRS has folds only, see `fold`.
    problems: everything the label policy dealt with.
    labels_at: where the labels were read. manifest: sha256 over classes, ids and boxes.
    scenes: id -> scene for `leakage`, or None where the id tells (MSRS: day and night).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    boxes: Mapping[str, tuple[Box, ...]]
    splits: Mapping[str, Split]
    problems: tuple[Problem, ...]
    labels_at: Path
    scenes: Mapping[str, str] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.boxes)

    @property
    def manifest(self) -> str:
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for key, boxes in self.boxes.items():
            digest.update(f"\n{key}".encode())
            for box in boxes:
                digest.update(f" {box.label} {box.cx:.6f} {box.cy:.6f} {box.w:.6f} {box.h:.6f}".encode())
        return digest.hexdigest()

    def split(self, name: str | None = None) -> Split:
        """The split of that name, by default the first one."""
        if name is None:
            return next(iter(self.splits.values()))
        if name not in self.splits:
            raise LabelError(f"{self.name}: unknown split {name!r}{nearest(name, self.splits)}; known: "
                             f"{', '.join(self.splits)}")
        return self.splits[name]

    def fold(self, number: int) -> Split:
        """Split `number` modulo the number of folds: what repetition `number` of a cross-validation is tested on."""
        return self.split(f"fold{number % FOLDS}of{FOLDS}")


def open_detection(name: str, root: Path, *, policy: LabelPolicy | None = None) -> DetectionSet:
    """Find pictures and labels of a data set below `root`.

    Args:
        name: "m3fd", "msrs" or "sample_m3fd".
        root: data root; M3FD may carry Annotation/*.xml (official), annotations_coco/*.json or labels/*.txt with a
            classes.txt, MSRS detection_label/fusion/test/*.txt.
        policy: what to do about broken labels.
    Raises LabelError: unknown name, no pictures or labels there, or a case that the policy refuses.
    """
    if name not in FOLDERS:
        raise LabelError(f"unknown detection data set {name!r}{nearest(name, FOLDERS)}")
    top = next((Path(root) / f for f in FOLDERS[name] if (Path(root) / f).is_dir()), None)
    if top is None:
        raise LabelError(f"{name}: none of {', '.join(FOLDERS[name])} in {root}. Published at {PUBLISHED[name]}")
    kind = "msrs" if name == "msrs" else "m3fd"
    pictures = top / ("test/vi" if kind == "msrs" else "Vis")
    ids = _pictures(pictures)
    if not ids:
        raise LabelError(f"{pictures}: no pictures found. Published at {PUBLISHED[name]}")
    inspector = Inspector(policy or LabelPolicy())
    labels_at, read = _labels(top, kind)
    index = lb.class_index(kind)
    boxes = inspect(read(inspector=inspector), ids, index, inspector, str(pictures))
    splits = _splits(name, top, boxes)
    if not splits:
        raise LabelError(f"{top}: {len(boxes)} labelled pictures are too few for any of {name}'s splits")
    scenes = {k: s for k, s in m3fd_scenes().items() if k in boxes} if name == "m3fd" else None
    return DetectionSet(name, TITLES[name], lb.NAMES[kind], boxes, splits, tuple(inspector.problems), labels_at, scenes)


def _pictures(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.iterdir() if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []


def _labels(top: Path, kind: str):
    """(folder, reader taking inspector=...) of the labels found."""
    if kind == "msrs":
        for folder in (top / "detection_label/fusion/test", top / "detection_label/test"):
            if folder.is_dir():
                return folder, partial(lb.read_yolo, folder, lb.yolo_names(folder, kind))
        raise LabelError(f"{top}: no detection_label/fusion/test; boxes: {PUBLISHED['msrs']}")
    if (top / "Annotation").is_dir():
        return top / "Annotation", partial(lb.read_voc, top / "Annotation")
    if coco := sorted((top / "annotations_coco").glob("*.json")):
        return top / "annotations_coco", partial(lb.read_coco, coco)
    if (top / "labels").is_dir():
        return top / "labels", partial(lb.read_yolo, top / "labels", lb.yolo_names(top / "labels", kind))
    raise LabelError(f"{top}: no labels. Expected Annotation/*.xml, annotations_coco/*.json or labels/*.txt. "
                     f"Published at {PUBLISHED['m3fd']}")


def _splits(name: str, top: Path, boxes: Mapping) -> dict[str, Split]:
    """The data set's splits that leave something to train on and to test on, restricted to the labelled pictures."""
    if name == "m3fd":
        found = [read_manifest(MANIFESTS / f"m3fd-{split}.txt") for split in ("paper", "public", "scene")]
    elif name == "msrs":
        # the benchmark's MSRS pairs are the test pictures: folds inside
        found = [kfold(boxes, k=FOLDS, fold=i) for i in range(FOLDS)] if len(boxes) >= FOLDS else []
    else:
        found = [read_lists(top)]
    found = [split.restrict(boxes) for split in found]
    return {split.name: split for split in found if split.train and split.val and split.test}

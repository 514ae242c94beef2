"""One YOLO data set per training: links to the fused pictures, one shared folder of label files.

The data set folder is made anew for every call, so no `.npy` or `.cache` of another picture can be picked up.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from downstream.detection.data.policy import Box
from downstream.detection.dataset import DetectionSet
from downstream.detection.settings import DetectionError
from downstream.splits import PARTS, Split
from fusion import images as pictures


def build_folder(out: Path, images: Mapping[str, Path], dataset: DetectionSet, split: Split, *, colour: bool,
                 labels: Path) -> Path:
    """Write `out`/{data.yaml, train.txt, val.txt, test.txt, images/, labels}; returns data.yaml.

    Args:
        images: picture id -> fused picture. Colour: linked, so what is trained on are the fused unit's own bytes.
            Grey (colour=False): colour pictures are written as their BT.601 grey, grey ones are linked.
        labels: folder in which the label files of this data set are written once, for all methods.
    """
    out = Path(out).absolute()
    shutil.rmtree(out, ignore_errors=True)
    (out / "images").mkdir(parents=True)
    (out / "labels").symlink_to(write_labels(labels, dataset), target_is_directory=True)
    for part in PARTS:
        paths = []
        for key in split.parts[part]:
            source = Path(images[key]).absolute()
            target = out / "images" / f"{key}{source.suffix.lower()}"
            picture = None if colour else pictures.read(source)
            if picture is None or picture.ndim == 2:
                target.symlink_to(source)
            else:
                target = target.with_suffix(".png")
                pictures.write_png(target, pictures.grey8(picture))
            paths.append(f"{target}\n")
        (out / f"{part}.txt").write_text("".join(paths), encoding="utf-8")
    config = {"path": str(out), **{part: f"{part}.txt" for part in PARTS}, "names": list(dataset.classes)}
    (out / "data.yaml").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    return out / "data.yaml"


def write_labels(folder: Path, dataset: DetectionSet) -> Path:
    """Write `folder`/<manifest>/<id>.txt ("class cx cy w h"); complete or absent. Returns that folder.

    A folder that is there already is taken over only if it holds just these labels.
    """
    target = Path(folder).absolute() / dataset.manifest[:16]
    if _holds(target, dataset):
        return target
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for key, boxes in dataset.boxes.items():
        (temporary / f"{key}.txt").write_text(_lines(boxes), encoding="utf-8")
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    try:
        if target.is_symlink() or target.exists():
            target.rename(old)
        temporary.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(temporary)
        check_labels(target, dataset)
    finally:
        if old.is_symlink() or old.is_file():
            old.unlink()
        shutil.rmtree(old, ignore_errors=True)
    return target


def check_labels(folder: Path, dataset: DetectionSet) -> None:
    """Raises DetectionError where a folder of `write_labels` no longer holds the data set's labels."""
    if not _holds(folder, dataset):
        raise DetectionError(f"{folder}: changed since the labels of {dataset.name} were written; run the same command "
                             "again, which writes them again")


def _holds(folder: Path, dataset: DetectionSet) -> bool:
    """Whether the folder has a file of just these labels for every picture."""
    try:
        return not folder.is_symlink() and all((folder / f"{key}.txt").read_bytes() == _lines(boxes).encode()
                                               for key, boxes in dataset.boxes.items())
    except OSError:
        return False


def _lines(boxes: Iterable[Box]) -> str:
    return "".join(f"{b.label} {b.cx:.6f} {b.cy:.6f} {b.w:.6f} {b.h:.6f}\n" for b in boxes if not b.crowd)


def check_images(images: Mapping[str, Path], dataset: DetectionSet, split: Split) -> str:
    """Every picture of the split is there and labelled. Returns sha256 over ids and the pictures' bytes."""
    for part in PARTS:
        if not split.parts[part]:
            raise DetectionError(f"{dataset.name}, split {split.name}: no {part} pictures; choose another split")
    keys = [key for part in PARTS for key in split.parts[part]]
    for what, found in (("label", dataset.boxes), ("picture", images)):
        missing = [key for key in keys if key not in found]
        if missing:
            raise DetectionError(f"{dataset.name}, split {split.name}: no {what} for {missing[0]} (and "
                                 f"{len(missing) - 1} more of {len(keys)}); fuse every pair of the split, or use the "
                                 "data set's own split")
    digest = hashlib.sha256()
    for key in keys:
        path = Path(images[key])
        if not path.is_file():
            raise DetectionError(f"{path}: no such picture; fuse {dataset.name} again")
        with path.open("rb") as handle:
            digest.update(f"{key}\0{hashlib.file_digest(handle, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()

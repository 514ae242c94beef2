"""One YOLO data set per training: links to the fused pictures, and label files.

The folder is made anew for every call, so no label, `.npy` or `.cache` (which ultralytics unpickles) of an earlier one
can be picked up.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.files import sha256
from downstream.detection.dataset import DetectionSet
from downstream.detection.settings import DetectionError
from downstream.splits import PARTS, Split
from fusion import images as pictures


def build_folder(out: Path, images: Mapping[str, Path], dataset: DetectionSet, split: Split, *, colour: bool) -> Path:
    """Write `out`/{data.yaml, train.txt, val.txt, test.txt, images/, labels/}; returns data.yaml.

    Args:
        images: picture id -> fused picture. Colour: linked, so what is trained on are the fused unit's own bytes.
            Grey (colour=False): colour pictures are written as their BT.601 grey, grey ones are linked.
    """
    out = Path(out).absolute()
    shutil.rmtree(out, ignore_errors=True)
    (out / "images").mkdir(parents=True)
    _write_labels(out / "labels", dataset, split)
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


def _write_labels(folder: Path, dataset: DetectionSet, split: Split) -> None:
    """`folder`/<id>.txt of the split's pictures: "class cx cy w h"."""
    folder.mkdir()
    for key in split.ids:
        lines = [f"{b.label} {b.cx:.6f} {b.cy:.6f} {b.w:.6f} {b.h:.6f}\n" for b in dataset.boxes[key] if not b.crowd]
        (folder / f"{key}.txt").write_text("".join(lines), encoding="utf-8")


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
        digest.update(f"{key}\0{sha256(path)}\n".encode())
    return digest.hexdigest()

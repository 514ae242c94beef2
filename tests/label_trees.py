"""Small made-up data sets with boxes or masks in the layouts that the descriptions name."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from downstream.detection import LabelError, LabelPolicy, open_detection
from fusion.images import write_png

SIZE = (100, 200)  # height, width

VOC = """<annotation>
<filename>{key}.png</filename>
<size><width>{width}</width><height>{height}</height><depth>3</depth></size>
{objects}
</annotation>
"""
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def picture(path: Path, size: tuple[int, int] = SIZE, value: int = 90, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = np.full((*size, channels) if channels > 1 else size, value, np.uint8)
    if path.suffix.lower() == ".png" and channels != 4:
        write_png(path, content)
    else:
        Image.fromarray(content).save(path)
    return path


def voc(path: Path, *objects: Sequence, size: tuple[int, int] = SIZE, text: str | None = None,
        encoding: str = "utf-8") -> Path:
    """One annotation; objects: (name, xmin, ymin, xmax, ymax) or the text of an <object>."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(item if isinstance(item, str) else OBJECT.format(*item) for item in objects)
    content = VOC.format(key=path.stem, width=size[1], height=size[0], objects=body) if text is None else text
    path.write_bytes(content.encode(encoding))
    return path


def m3fd(root: Path, count: int = 6) -> Path:
    """Pictures of M3FD whose numbers are in all parts of its split "scene". Returns the data set's folder."""
    from downstream.manifests import read_manifest
    from fusion.dataset_cards import DATASETS

    split = read_manifest(DATASETS / "manifests/m3fd-scene.txt")
    keys = sorted([*split.train[:count - 2], split.val[0], split.test[0]])
    for key in keys:
        picture(root / f"M3FD/Vis/{key}.png")
        picture(root / f"M3FD/Ir/{key}.png")
    return root / "M3FD"


def keys_of(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "Vis").glob("[!.]*.png"))


def coco(path: Path, boxes: Mapping[str, Sequence[Sequence]], size: tuple[int, int] = SIZE, **changes) -> Path:
    """COCO JSON; boxes: picture -> (category name, x, y, width, height[, iscrowd])."""
    names = sorted({item[0] for found in boxes.values() for item in found})
    table = {"images": [{"id": i, "file_name": f"{key}.png", "height": size[0], "width": size[1]}
                        for i, key in enumerate(boxes)],
             "categories": [{"id": i + 1, "name": name} for i, name in enumerate(names)],
             "annotations": [{"id": 0, "image_id": i, "category_id": names.index(item[0]) + 1, "bbox": list(item[1:5]),
                              "iscrowd": item[5] if len(item) > 5 else 0}
                             for i, found in enumerate(boxes.values()) for item in found]}
    for number, annotation in enumerate(table["annotations"]):
        annotation["id"] = number
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**table, **changes}), encoding="utf-8")
    return path


def yolo(folder: Path, lines: Mapping[str, str], classes: str | None = "People\nCar\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for key, text in lines.items():
        (folder / f"{key}.txt").write_text(text, encoding="utf-8")
    if classes is not None:
        (folder / "classes.txt").write_text(classes, encoding="utf-8")
    return folder


def pixels(dataset, size: tuple[int, int] = SIZE) -> dict[str, list[tuple]]:
    """id -> (class name, corners in pixels)."""
    return {key: [(dataset.classes[box.label], *(round(v, 3) for v in box.corners(*size))) for box in boxes]
            for key, boxes in dataset.boxes.items()}


# --- whole data sets all of whose labels are the same

TWO = [("People", 10, 20, 60, 70), ("Car", 100, 20, 190, 90)]
COCO_TWO = [("People", 10, 20, 50, 50), ("Car", 100, 20, 90, 70)]


def with_voc(root, *objects, **options):
    """A data set all of whose annotations are the same; its root."""
    top = m3fd(root)
    for key in keys_of(top):
        voc(top / f"Annotation/{key}.xml", *(objects or TWO), **options)
    return root


def with_coco(root, boxes=COCO_TWO, **options):
    top = m3fd(root)
    coco(top / "annotations_coco/instances.json", dict.fromkeys(keys_of(top), boxes), **options)
    return root


def with_yolo(root, text, classes="People\nCar\n"):
    top = m3fd(root)
    yolo(top / "labels", dict.fromkeys(keys_of(top), text), classes)
    return root


def read(root, **policy):
    return open_detection("m3fd", root, policy=LabelPolicy(**policy))


def refused(root, message, **policy):
    with pytest.raises(LabelError, match=message):
        read(root, **policy)


def all_are(root, boxes, **policy):
    found = pixels(read(root, **policy))
    assert len(found) == 6 and all(seen == boxes for seen in found.values()), found

"""Detection labels as they are published: M3FD's VOC files, COCO JSON, YOLO text, MSRS's boxes.

Classes are matched by name, never by number: the published copies of M3FD number them differently.
Corners are taken as plain pixel coordinates of the box's edges (x1 - x0 is the width), not as PASCAL's inclusive
1-based pixels.
"""

import json
import math
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from core.files import read_text
from downstream.detection.policy import (
    Box,
    Inspector,
    LabelError,
    LabelPolicy,
    Problem,
    RawLabel,
    RawObject,
    inspect,
    summary,
)

__all__ = ["NAMES", "Box", "Inspector", "LabelError", "LabelPolicy", "Problem", "RawLabel", "RawObject",
           "class_index", "inspect", "read_coco", "read_voc", "read_yolo", "summary", "yolo_names"]

# Canonical names; M3FD in the order of the paper's Table II.
NAMES = {
    "m3fd": ("People", "Car", "Bus", "Lamp", "Motorcycle", "Truck"),
    "msrs": ("person", "bicycle", "car"),
}
# The order of the numbers in label files that carry no names, where their publisher states it.
FILE_ORDER = {
    "msrs": ("person", "bicycle", "car"),  # Lele-3/MSRS-detection-label@cb6ffc0a
}
ALIASES = {
    "people": ("person", "pedestrian"), "person": ("people", "pedestrian"),
    "motorcycle": ("motor", "motorbike"), "bicycle": ("bike",),
}


def class_index(kind: str) -> dict[str, int]:
    """Lower-case class name or alias -> index into NAMES[kind]."""
    index = {}
    for number, name in enumerate(NAMES[kind]):
        for word in (name.lower(), *ALIASES.get(name.lower(), ())):
            index.setdefault(word, number)
    return index


def read_voc(folder: Path, inspector: Inspector) -> list[RawLabel]:
    """M3FD's official release: `folder`/*.xml, one per picture, classes by name, corners in pixels."""
    return [label for path in _files(folder, "*.xml") if (label := _voc(path, inspector)) is not None]


class _VocHandler:
    """Collects size and objects of a VOC file together with line numbers."""

    def __init__(self, parser):
        self.parser, self.stack, self.size, self.objects = parser, [], {}, []
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler = self.text

    def start(self, tag, _):
        self.stack.append(tag)
        if tag == "object":
            self.objects.append({"line": self.parser.CurrentLineNumber})

    def end(self, _):
        self.stack.pop()

    def text(self, data):
        parent, tag = [None, None, *self.stack][-2:]
        if tag in ("width", "height") and parent == "size":
            self.size[tag] = self.size.get(tag, "") + data
        elif "object" in self.stack and (parent == "bndbox" or (tag == "name" and parent == "object")):
            self.objects[-1][tag] = self.objects[-1].get(tag, "") + data


def _voc(path: Path, inspector: Inspector) -> RawLabel | None:
    parser = expat.ParserCreate()
    handler = _VocHandler(parser)
    try:
        parser.Parse(path.read_bytes(), True)
        width, height = float(handler.size["width"]), float(handler.size["height"])
        if not (width > 0 and height > 0):
            raise ValueError(f"size {width}x{height}")
    except expat.ExpatError as error:
        inspector.report("malformed", f"{path}:{error.lineno}", f"not readable as XML ({error})")
        return None
    except (KeyError, ValueError) as error:
        inspector.report("malformed", f"{path}:1", f"no usable <size> with width and height ({error})")
        return None
    objects = []
    for item in handler.objects:
        where = f"{path}:{item['line']}"
        try:
            x0, y0, x1, y1 = (_number(item[k]) for k in ("xmin", "ymin", "xmax", "ymax"))
            objects.append(RawObject(item["name"], x0 / width, y0 / height, x1 / width, y1 / height, where))
        except (KeyError, ValueError) as error:
            inspector.report("malformed", where, f"an object without usable name or corners ({error})")
    return RawLabel(path.stem, f"{path}:1", tuple(objects))


def read_coco(files: list[Path], inspector: Inspector) -> list[RawLabel]:
    """COCO JSON files (boxes [x, y, width, height] in pixels, category names); picture id = file name's stem."""
    labels = []
    for path in files:
        try:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            names = {c["id"]: c["name"] for c in table["categories"]}
            pictures = {p["id"]: p for p in table["images"]}
            stems = {key: PurePosixPath(p["file_name"]).stem for key, p in pictures.items()}
            annotations = list(table["annotations"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise LabelError(f"{path}: not COCO JSON with images, annotations, categories ({error!r})") from error
        objects: dict = {key: [] for key in pictures}
        for number, item in enumerate(annotations):
            where = f"{path}: annotations[{number}]"
            try:
                picture = pictures[item["image_id"]]
                x, y, w, h = (_number(v) for v in item["bbox"])
                width, height = picture["width"], picture["height"]
                name = str(names.get(item["category_id"], item["category_id"]))
                objects[item["image_id"]].append(
                    RawObject(name, x / width, y / height, (x + w) / width, (y + h) / height, where))
            except (KeyError, ValueError, TypeError, ZeroDivisionError) as error:
                inspector.report("malformed", where, f"no usable box, category or picture ({error!r})")
        labels += [RawLabel(stem, f"{path}: image {key}", tuple(objects[key])) for key, stem in stems.items()]
    return labels


def read_yolo(folder: Path, names: tuple[str, ...], inspector: Inspector) -> list[RawLabel]:
    """YOLO text: `folder`/*.txt, lines "class cx cy w h" in fractions, any blanks between; `names` by number."""
    labels = []
    for path in _files(folder, "*.txt"):
        if path.name == "classes.txt":
            continue
        objects = []
        for number, line in enumerate(read_text(path, LabelError).splitlines(), 1):
            if not line.strip():
                continue
            where, words = f"{path}:{number}", line.split()
            try:
                if len(words) != 5:
                    raise ValueError(f"{len(words)} fields, not 5")
                label, (cx, cy, w, h) = int(words[0]), (_number(word) for word in words[1:])
            except ValueError as error:
                inspector.report("malformed", where, f"{line.strip()!r} is not 'class cx cy w h' ({error})")
                continue
            name = names[label] if 0 <= label < len(names) else str(label)
            objects.append(RawObject(name, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, where))
        labels.append(RawLabel(path.stem, f"{path}:1", tuple(objects)))
    return labels


def yolo_names(folder: Path, kind: str) -> tuple[str, ...]:
    """The names behind a YOLO folder's numbers: classes.txt beside or in it, else the publisher's stated order.

    Raises LabelError where neither is known: copies of M3FD differ, so guessing would swap classes.
    """
    for path in (folder / "classes.txt", folder.parent / "classes.txt"):
        if path.is_file():
            return tuple(line.strip() for line in read_text(path, LabelError).splitlines() if line.strip())
    if kind in FILE_ORDER:
        return FILE_ORDER[kind]
    raise LabelError(f"{folder}: YOLO labels carry numbers only and the copies of {kind} number them differently; "
                     "put a classes.txt with one class name per line beside them")


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(Path(folder).glob(pattern))
    if not found:
        raise LabelError(f"{folder}: no {pattern} there")
    return found


def _number(value) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number

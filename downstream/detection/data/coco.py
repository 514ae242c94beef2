"""COCO JSON: boxes [x, y, width, height] in pixels, classes by category name; all files of a folder are one set.

A picture that several files or entries name keeps the boxes of all of them. Ids are a file's own: they are never
compared between files.
"""

import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.files import read_text
from downstream.detection.data.numbers import number
from downstream.detection.data.policy import Inspector, LabelError, RawLabel, RawObject
from fusion.dataset_cards import DatasetCard


@dataclass
class _Picture:
    """One picture over all files."""

    key: str
    file: str
    where: str
    size: tuple[float, float] | None
    objects: list[RawObject] = field(default_factory=list)
    broken: int = 0


def read_coco(paths: Iterable[Path], card: DatasetCard, inspector: Inspector,
              wanted: Container[str] | None = None) -> list[RawLabel]:
    """Labels of all files together; picture id = file name's stem. Of pictures not `wanted` no objects are read.

    Raises LabelError: no COCO JSON; an id used twice in a file; two pictures of one name or of two sizes.
    """
    pictures: dict[str, _Picture] = {}
    for path in paths:
        _read(path, card, inspector, pictures, wanted)
    return [RawLabel(key, found.where, tuple(found.objects), found.size, True, found.broken)
            for key, found in pictures.items()]


def _read(path: Path, card: DatasetCard, inspector: Inspector, pictures: dict[str, _Picture],
          wanted: Container[str] | None) -> None:
    try:
        table = json.loads(read_text(path, LabelError))
        names = {key: str(c["name"]) for key, c in _by_id(table["categories"], path, "categories").items()}
        entries = _by_id(table["images"], path, "images")
        by_entry = {key: _picture(entry, f"{path}: image {key}", card, pictures) for key, entry in entries.items()}
        annotations = list(table["annotations"])
    except LabelError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LabelError(f"{path}: not COCO JSON with images, annotations, categories ({error!r})") from error
    for place, item in enumerate(annotations):
        where = f"{path}: annotations[{place}]"
        try:
            picture = by_entry[item["image_id"]]
        except (KeyError, TypeError) as error:
            inspector.report("malformed", where, f"its picture is none of the file's ({error!r})")
            continue
        if wanted is not None and picture.key not in wanted:
            continue
        try:
            picture.objects.append(_object(item, names, where))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            inspector.report("malformed", where, f"no usable box or category ({error!r})")
            picture.broken += 1


def _by_id(entries: Iterable[Mapping[str, Any]], path: Path, what: str) -> dict[Any, Mapping[str, Any]]:
    found: dict[Any, Mapping[str, Any]] = {}
    for entry in entries:
        key = entry["id"]
        if key in found:
            names = [str(e.get("name", e.get("file_name"))) for e in (found[key], entry)]
            raise LabelError(f"{path}: {what} use the id {key!r} twice ({', '.join(names)}); which one an annotation "
                             "means cannot be told: give every one its own id")
        found[key] = entry
    return found


def _picture(entry: Mapping[str, Any], where: str, card: DatasetCard, pictures: dict[str, _Picture]) -> _Picture:
    file = str(entry["file_name"]).replace("\\", "/")
    size = _size(entry)
    name = file.rpartition("/")[2]
    key = card.picture_id(name.rpartition(".")[0] or name)
    known = pictures.setdefault(key, _Picture(key, file, where, size))
    if known.file != file:
        raise LabelError(f"{where}: {file} and {known.file} ({known.where}) have one name; whose boxes are whose "
                         "cannot be told: keep one of them, or write them alike")
    if known.size != size:
        raise LabelError(f"{where}: {file} is {_shown(size)} here and {_shown(known.size)} in {known.where}; "
                         "correct the wrong one")
    return known


def _size(entry: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        height, width = number(entry["height"]), number(entry["width"])
    except (KeyError, ValueError, TypeError):
        return None
    return (height, width) if height > 0 and width > 0 else None


def _shown(size: tuple[float, float] | None) -> str:
    return f"{size[1]:g}x{size[0]:g}" if size else "without a size"


def _object(item: Mapping[str, Any], names: Mapping[Any, str], where: str) -> RawObject:
    x, y, w, h = (number(v) for v in item["bbox"])
    crowd = item.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise ValueError(f"iscrowd = {crowd!r}")
    name = names.get(item["category_id"], str(item["category_id"]))
    return RawObject(name, x, y, x + w, y + h, where, bool(crowd))

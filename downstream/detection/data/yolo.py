"""YOLO text: one file per picture, lines "class cx cy w h" in fractions; the names behind the numbers lie elsewhere."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.files import read_text
from downstream.detection.data.numbers import number
from downstream.detection.data.policy import Inspector, LabelError, RawLabel, RawObject
from downstream.places import list_files
from fusion.dataset_cards import DatasetCard

MAX_TEXT = 16 * 2**20  # bytes of one picture's annotation or of one list of names
# a fraction that rounding or a box over the border can reach; pixels are larger
_LARGEST = 2.0
# one name per line: labelImg, Label Studio, CVAT and darknet, Roboflow
NAME_LISTS = ("classes.txt", "predefined_classes.txt", "obj.names", "_darknet.labels")


def read_yolo(paths: Iterable[Path], names: Sequence[str], card: DatasetCard, inspector: Inspector) -> list[RawLabel]:
    """One label per file; any blanks between the fields; `names` by number."""
    labels = []
    for path in paths:
        objects, broken = [], 0
        for place, line in enumerate(read_text(path, LabelError, limit=MAX_TEXT).splitlines(), 1):
            if not line.strip():
                continue
            where = f"{path}:{place}"
            try:
                objects.append(_object(line.split(), names, where))
            except ValueError as error:
                inspector.report("malformed", where, f"{line.strip()[:80]!r} is not 'class cx cy w h' ({error})")
                broken += 1
        labels.append(RawLabel(card.picture_id(path.stem), f"{path}:1", tuple(objects), broken=broken))
    return labels


def _object(words: list[str], names: Sequence[str], where: str) -> RawObject:
    if len(words) != 5:
        raise ValueError(f"{len(words)} fields, not 5")
    if "_" in words[0]:
        raise ValueError(f"{words[0]!r} is no number")
    label, (cx, cy, w, h) = int(words[0]), (number(word) for word in words[1:])
    if max(cx, cy, w, h) > _LARGEST:
        raise ValueError(f"{max(cx, cy, w, h):g} is no fraction of the picture: these look like pixels or percent")
    name = names[label] if 0 <= label < len(names) else str(label)
    return RawObject(name, cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, where)


def yolo_names(folder: Path, top: Path, published: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The names behind a YOLO folder's numbers and where they stand.

    Looked for in the folder and in all above it up to the data set's root `top`: a list of names (NAME_LISTS), a YAML
    file with `names`, Label Studio's notes.json; else the order that the publisher states.
    Raises LabelError where two of them differ, one cannot be read, or there is none: copies of a data set number their
    classes differently, so guessing would swap them.
    """
    found: list[tuple[Path, tuple[str, ...]]] = []
    for place in _up_to(folder, top):
        paths = list_files(place, *NAME_LISTS, ".yaml", ".yml", "notes.json")
        found += [(path, names) for path in paths if path.is_file() and (names := _names_in(path))]
    for path, names in found[1:]:
        if [n.lower() for n in names] != [n.lower() for n in found[0][1]]:
            raise LabelError(f"{path}: the classes are {', '.join(names)}, but {', '.join(found[0][1])} in "
                             f"{found[0][0]}; correct or remove the wrong one")
    if found:
        return found[0][1], str(found[0][0])
    if published:
        return tuple(published), "the order that the publisher states"
    raise LabelError(f"{folder}: YOLO labels carry numbers only and copies of a data set number their classes "
                     "differently; put a classes.txt with one class name per line beside them")


def _up_to(folder: Path, top: Path) -> list[Path]:
    """`folder` and the folders above it, `top` included."""
    places = [folder]
    while places[-1] != top and top in places[-1].parents:
        places.append(places[-1].parent)
    return places


def _names_in(path: Path) -> tuple[str, ...]:
    """The class names that a file lists; () where it is no such file."""
    if path.name.lower() in NAME_LISTS:
        lines = [line.strip() for line in read_text(path, LabelError, limit=MAX_TEXT).rstrip().splitlines()]
        return _checked(lines, path)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _yaml_names(path)
    if path.name == "notes.json":
        return _notes_names(path)
    return ()


def _yaml_names(path: Path) -> tuple[str, ...]:
    import yaml

    try:
        table = yaml.safe_load(read_text(path, LabelError, limit=MAX_TEXT))
    except (yaml.YAMLError, RecursionError) as error:
        raise LabelError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(table, Mapping) or "names" not in table:
        return ()
    names = _checked(_in_order(table["names"], path), path)
    if isinstance(table.get("nc"), int) and table["nc"] != len(names):
        raise LabelError(f"{path}: nc is {table['nc']}, but it names {len(names)} classes; correct the wrong one")
    return names


def _notes_names(path: Path) -> tuple[str, ...]:
    try:
        categories = json.loads(read_text(path, LabelError, limit=MAX_TEXT))["categories"]
        return _checked(_in_order({c["id"]: c["name"] for c in categories}, path), path)
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError):
        return ()


def _in_order(names: Any, path: Path) -> list[str]:
    """A list of names, or a mapping of the numbers 0, 1, ... to names, as a list."""
    if isinstance(names, Mapping):
        if {str(key) for key in names} != {str(i) for i in range(len(names))}:
            raise LabelError(f"{path}: names are numbered {', '.join(map(str, names))}; expected 0 to {len(names) - 1}")
        by_number = {str(key): name for key, name in names.items()}
        return [str(by_number[str(i)]) for i in range(len(names))]
    if not isinstance(names, list):
        raise LabelError(f"{path}: names is {type(names).__name__}; expected a list or a table of class names")
    return [str(name) for name in names]


def _checked(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """Raises LabelError for an empty line or a name twice: the numbers behind it would be doubtful."""
    lower = [name.lower() for name in names]
    for place, name in enumerate(lower):
        if not name or lower.index(name) != place:
            what = "an empty line between names" if not name else f"{names[place]!r} a second time"
            raise LabelError(f"{path}: {what}, as number {place}; which numbers the others have cannot be told")
    return tuple(names)

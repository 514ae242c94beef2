"""PASCAL VOC: one XML file per picture, classes by name, corners in pixels.

Corners are taken as plain pixel coordinates of the box's edges (x1 - x0 is the width), not as PASCAL's inclusive
1-based pixels. Only an object's own <bndbox> counts: those of its <part>s are other boxes. `difficult`, `truncated` and
`pose` are not read.
"""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path
from xml.parsers import expat

from core.files import read_bytes
from downstream.detection.data.numbers import number
from downstream.detection.data.policy import Inspector, LabelError, RawLabel, RawObject
from fusion.dataset_cards import DatasetCard

MAX_XML = 16 * 2**20  # bytes of one picture's annotation
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_OBJECT = ["annotation", "object"]


class _Malformed(ValueError):
    """Not a VOC annotation; carries the line."""

    def __init__(self, text: str, line: int = 1):
        super().__init__(text)
        self.line = line


def read_voc(paths: Iterable[Path], card: DatasetCard, inspector: Inspector) -> list[RawLabel]:
    """One label per readable file; the others, and single objects that cannot be read, are reported."""
    labels = []
    for path in paths:
        try:
            labels.append(_read(path, card, inspector))
        except _Malformed as fault:
            inspector.report("malformed", f"{path}:{fault.line}", str(fault))
    return labels


def _read(path: Path, card: DatasetCard, inspector: Inspector) -> RawLabel:
    handler = _parse(_decoded(read_bytes(path, LabelError, limit=MAX_XML)))
    objects = []
    for item in handler.objects:
        where = f"{path}:{item.line}"
        try:
            objects.append(item.raw(where))
        except (ValueError, TypeError) as fault:
            inspector.report("malformed", where, f"an object without usable name or corners ({fault})")
    return RawLabel(card.picture_id(path.stem), f"{path}:1", tuple(objects), handler.stated(), True,
                    len(handler.objects) - len(objects))


def _decoded(data: bytes) -> str:
    """The text of an XML file: by its byte order mark, else by the encoding that it declares, else UTF-8."""
    declared = _DECLARED.match(data[:400])
    if data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith((b"<\0", b"\0<")):
        encoding = "utf-16-le" if data[:1] == b"<" else "utf-16-be"
    else:
        encoding = declared[1].decode("ascii") if declared else "utf-8"
    try:
        return data.decode(encoding)
    except (LookupError, ValueError) as fault:
        says = "declares" if declared else "should have"
        raise _Malformed(f"its text is not in the encoding {encoding} that it {says} ({fault}); save it as UTF-8"
                         ) from fault


class _Object:
    """What stands in one <object>: every text under a tag, in order."""

    def __init__(self, line: int):
        self.line, self.boxes = line, 0
        self.texts: dict[str, list[str]] = {}

    def raw(self, where: str) -> RawObject:
        if self.boxes != 1:
            raise ValueError(f"{self.boxes} <bndbox> of its own; expected one")
        values = []
        for tag in ("name", *_CORNERS):
            found = self.texts.get(tag, [])
            if len(found) != 1 or not found[0].strip():
                raise ValueError(f"{len(found)} <{tag}>; expected one with a value")
            values.append(found[0])
        x0, y0, x1, y1 = map(number, values[1:])
        return RawObject(values[0].strip(), x0, y0, x1, y1, where)


class _Handler:
    """Collects size and objects of a VOC file; knows a tag by its whole path, so that parts are passed over."""

    def __init__(self, parser: expat.XMLParserType):
        self.parser, self.stack = parser, list[str]()
        self.size: dict[str, list[str]] = {}
        self.objects: list[_Object] = []
        self.target: list[str] | None = None  # where text goes
        parser.StartElementHandler, parser.EndElementHandler = self.start, self.end
        parser.CharacterDataHandler = self.text
        parser.EntityDeclHandler = self.entity

    def start(self, tag: str, _: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        if not self.stack and tag != "annotation":
            raise _Malformed(f"its root is <{tag}>; expected <annotation>", line)
        self.stack.append(tag)
        self.target = None
        if tag == "object":
            if self.stack != _OBJECT:
                raise _Malformed(f"an <object> in <{self.stack[-2]}>; expected directly in <annotation>", line)
            self.objects.append(_Object(line))
        elif self.stack[:-1] == ["annotation", "size"]:
            self._collect(self.size, tag)
        elif self.stack == [*_OBJECT, "bndbox"]:
            self.objects[-1].boxes += 1
        elif self.stack == [*_OBJECT, "name"] or self.stack[:-1] == [*_OBJECT, "bndbox"]:
            self._collect(self.objects[-1].texts, tag)

    def _collect(self, texts: dict[str, list[str]], tag: str) -> None:
        self.target = texts.setdefault(tag, [])
        self.target.append("")

    def end(self, _: str) -> None:
        self.stack.pop()
        self.target = None

    def text(self, data: str) -> None:
        if self.target is not None:
            self.target[-1] += data

    def entity(self, *_: object) -> None:
        raise _Malformed("it declares entities; an annotation has none", self.parser.CurrentLineNumber)

    def stated(self) -> tuple[float, float] | None:
        """(height, width) of <size>; None where there is none of use (0 x 0 is what some tools write)."""
        try:
            (height,), (width,) = ([number(text) for text in self.size[tag]] for tag in ("height", "width"))
        except (KeyError, ValueError):
            return None
        return (height, width) if height > 0 and width > 0 else None


def _parse(text: str) -> _Handler:
    parser = expat.ParserCreate("utf-8")  # whatever the file declares: it is decoded
    handler = _Handler(parser)
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        raise _Malformed(f"not readable as XML ({error})", error.lineno) from error
    return handler




"""The area that a user wants magnified in a data set's panel."""

import re
from dataclasses import dataclass

from reports.errors import ReportError

_FORM = re.compile(r"(?P<dataset>\w+):(?P<item>.+):(?P<x>\d+),(?P<y>\d+),(?P<side>\d+)")


@dataclass(frozen=True)
class Area:
    """A square of a picture, in pixels: x, y of its upper left corner, as image viewers show them, and its side."""

    dataset: str
    item: str
    x: int
    y: int
    side: int


def parse(text: str) -> Area:
    """"tno:05:120,80,64" -> Area. Raises ReportError that shows the form."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ReportError(f"--area {text}: expected DATASET:PICTURE:X,Y,SIDE with whole numbers of pixels")
    return Area(found["dataset"], found["item"], *(int(found[name]) for name in ("x", "y", "side")))


def parse_all(texts: list[str]) -> tuple[Area, ...]:
    """One area per data set. Raises ReportError for a second one."""
    areas = tuple(map(parse, texts))
    names = [area.dataset for area in areas]
    for name in names:
        if names.count(name) > 1:
            raise ReportError(f"--area names {name} twice; its panel magnifies one area")
    return areas

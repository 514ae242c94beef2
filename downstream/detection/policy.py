"""What is done about labels that cannot be taken as they are, and the report of every case."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from core.errors import IvfbenchError

CHOICES = {
    "malformed": ("error", "drop"),  # a line or file that cannot be parsed; drop = that object (or file) is left out
    "unknown_class": ("error", "drop"),  # drop = that object
    "outside": ("clip", "drop", "error"),  # a box that reaches over the border; one wholly outside is always dropped
    "empty": ("background", "drop", "error"),  # a label file without objects; drop = the image
    "image_without_label": ("drop", "background", "error"),  # drop = the image: unlabelled is not the same as empty
    "label_without_image": ("drop", "error"),  # drop = the label
}


class LabelError(IvfbenchError):
    """Labels that the policy refuses, or none found; the message names file and line and the remedy."""


@dataclass(frozen=True)
class LabelPolicy:
    """One decision per case; the first of CHOICES is the default. Boxes without area and exact duplicates are
    always dropped. Every case is reported, whatever is decided."""

    malformed: str = "error"
    unknown_class: str = "error"
    outside: str = "clip"
    empty: str = "background"
    image_without_label: str = "drop"
    label_without_image: str = "drop"

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if value not in CHOICES[field.name]:
                raise LabelError(f"label policy {field.name} = {value!r}; choose from {', '.join(CHOICES[field.name])}")

    @classmethod
    def from_table(cls, table: dict) -> "LabelPolicy":
        """From a profile's table [detection.labels]. Raises LabelError for an unknown case or decision."""
        if not isinstance(table, dict):
            raise LabelError(f"label policy {table!r}; expected a table of {', '.join(CHOICES)}")
        unknown = sorted(set(table) - set(CHOICES))
        if unknown:
            raise LabelError(f"unknown label policy {', '.join(unknown)}; known: {', '.join(CHOICES)}")
        return cls(**table)


@dataclass(frozen=True)
class Problem:
    """kind: a key of CHOICES, "degenerate" or "duplicate"; where: "file:line"; action: what was done."""

    kind: str
    where: str
    what: str
    action: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.action})"


@dataclass(frozen=True)
class RawObject:
    """One annotated object as read: class name, corners in fractions of the picture, where it stands."""

    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    where: str


@dataclass(frozen=True)
class RawLabel:
    """One picture's annotation as read."""

    id: str
    where: str
    objects: tuple[RawObject, ...]


@dataclass(frozen=True)
class Box:
    """One object: class index, centre and size in fractions of the picture (0..1)."""

    label: int
    cx: float
    cy: float
    w: float
    h: float

    def corners(self, height: int, width: int) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) in pixels."""
        return ((self.cx - self.w / 2) * width, (self.cy - self.h / 2) * height,
                (self.cx + self.w / 2) * width, (self.cy + self.h / 2) * height)


class Inspector:
    """Applies a policy and collects the problems."""

    def __init__(self, policy: LabelPolicy):
        self.policy, self.problems = policy, []

    def report(self, kind: str, where: str, what: str, action: str = "") -> str:
        """Record a problem and return what to do about it; raises LabelError where the policy says error."""
        action = action or getattr(self.policy, kind)
        if action == "error":
            raise LabelError(f"{where}: {what}. Correct it, or set the label policy {kind} to "
                             f"{' or '.join(c for c in CHOICES[kind] if c != 'error')}")
        self.problems.append(Problem(kind, where, what, action))
        return action

    def boxes(self, label: RawLabel, classes: Mapping[str, int]) -> tuple[Box, ...]:
        """The usable boxes of one picture. `classes`: lower-case name or alias -> index."""
        found = []
        for item in label.objects:
            index = classes.get(item.name.strip().lower())
            if index is None:
                self.report("unknown_class", item.where, f"class {item.name!r} is not one of {', '.join(classes)}")
                continue
            box = self._box(item, index)
            if box is not None and box in found:
                self.report("duplicate", item.where, f"the same {item.name} box again", "drop")
            elif box is not None:
                found.append(box)
        return tuple(found)

    def _box(self, item: RawObject, index: int) -> Box | None:
        x0, y0, x1, y1 = item.x0, item.y0, item.x1, item.y1
        text = f"{item.name} box {x0:.4f},{y0:.4f}..{x1:.4f},{y1:.4f} (fractions of the picture)"
        if not (x1 > x0 and y1 > y0):  # also true for nan
            self.report("degenerate", item.where, f"{text} has no area", "drop")
            return None
        if x1 <= 0 or y1 <= 0 or x0 >= 1 or y0 >= 1:
            self.report("outside", item.where, f"{text} lies wholly outside",
                        "error" if self.policy.outside == "error" else "drop")
            return None
        over = min(x0, y0) < -BORDER or max(x1, y1) > 1 + BORDER
        if over and self.report("outside", item.where, f"{text} reaches outside") == "drop":
            return None
        x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0)
        return Box(index, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)


# What rounding in a text file can add: not worth a report.
BORDER = 1e-6


def inspect(labels: Iterable[RawLabel], image_ids: Iterable[str], classes: Mapping[str, int], inspector: Inspector,
            images_at: str) -> dict[str, tuple[Box, ...]]:
    """Match labels with pictures and check them. Returns usable boxes by picture id, in the order of `image_ids`."""
    by_id = {label.id: label for label in labels}
    image_ids = list(image_ids)
    for orphan in sorted(set(by_id) - set(image_ids)):
        inspector.report("label_without_image", by_id[orphan].where, f"no picture {orphan} in {images_at}")
    boxes: dict[str, tuple[Box, ...]] = {}
    for key in image_ids:
        if key not in by_id:
            if inspector.report("image_without_label", f"{images_at}/{key}", "no label for this picture") != "drop":
                boxes[key] = ()
            continue
        label = by_id[key]
        if not label.objects and inspector.report("empty", label.where, "no object in this label") == "drop":
            continue
        boxes[key] = inspector.boxes(label, classes)
    return boxes


def summary(problems: Iterable[Problem]) -> str:
    """'3 outside (clip), 1 empty (background)' or 'no problems'."""
    counts = Counter((p.kind, p.action) for p in problems)
    return ", ".join(f"{n} {kind} ({action})" for (kind, action), n in counts.items()) or "no problems"

"""What is done about labels that cannot be taken as they are, and the report of every case."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args, get_type_hints

from core.errors import IvfbenchError


class LabelError(IvfbenchError):
    """Labels that the policy refuses, or none found; the message names file and line and the remedy."""


@dataclass(frozen=True)
class LabelPolicy:
    """One decision per case. Boxes without area or smaller than a pixel and exact duplicates are always dropped. Every
    case is reported, whatever is decided.

    malformed: a line or file that cannot be parsed; drop = that object (or file) is left out.
    unknown_class: drop = that object.
    outside: a box that reaches over the border; one wholly outside is dropped unless it is an error.
    flipped: a box whose first corner lies right of or below the second.
    size: VOC's <size> or COCO's width and height are missing or not the picture's; picture = corners are pixels of the
    picture as it is, scale = of a picture of the stated size, drop = that image.
    units: the boxes of the whole set look like another unit or another order of numbers.
    empty: a label file without objects; drop = the image.
    image_without_label: drop = the image: unlabelled is not the same as empty.
    label_without_image: drop = the label.
    max_dropped: share of the boxes or of the pictures that all decisions together may drop; more is an error.
    """

    malformed: Literal["error", "drop"] = "error"
    unknown_class: Literal["error", "drop"] = "error"
    outside: Literal["clip", "drop", "error"] = "clip"
    flipped: Literal["swap", "drop", "error"] = "swap"
    size: Literal["error", "picture", "scale", "drop"] = "error"
    units: Literal["error", "accept"] = "error"
    empty: Literal["background", "drop", "error"] = "background"
    image_without_label: Literal["drop", "background", "error"] = "drop"
    label_without_image: Literal["drop", "error"] = "drop"
    max_dropped: float = 0.1

    def __post_init__(self) -> None:
        for kind, choices in CHOICES.items():
            if self.decision(kind) not in choices:
                raise LabelError(f"label policy {kind} = {self.decision(kind)!r}; choose from {', '.join(choices)}")
        if not 0 <= self.max_dropped <= 1:
            raise LabelError(f"label policy max_dropped = {self.max_dropped}; expected a share, 0 to 1")

    def decision(self, kind: str) -> str:
        """What to do about a case of that kind."""
        return str(self.__dict__[kind])


CHOICES: dict[str, tuple[str, ...]] = {
    kind: get_args(hint) for kind, hint in get_type_hints(LabelPolicy).items() if hint is not float}


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
    """One annotated object as read: class name, corners in the unit of its label, where it stands.

    crowd: COCO's iscrowd, a region of many objects.
    """

    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    where: str
    crowd: bool = False


@dataclass(frozen=True)
class RawLabel:
    """One picture's annotation as read.

    size: (height, width) as stated beside pixels; None where none, or none that can be used, is stated.
    pixels: corners are pixels, else fractions of the picture. broken: objects that could not be read.
    """

    id: str
    where: str
    objects: tuple[RawObject, ...]
    size: tuple[float, float] | None = None
    pixels: bool = False
    broken: int = 0


@dataclass(frozen=True)
class Box:
    """One object: class index, centre and size in fractions of the picture (0..1). crowd: not trained on, and what is
    found in it is no false alarm (COCO's iscrowd)."""

    label: int
    cx: float
    cy: float
    w: float
    h: float
    crowd: bool = False

    def corners(self, height: int, width: int) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1) in pixels."""
        return ((self.cx - self.w / 2) * width, (self.cy - self.h / 2) * height,
                (self.cx + self.w / 2) * width, (self.cy + self.h / 2) * height)


@dataclass
class Inspector:
    """Applies a policy and collects the problems."""

    policy: LabelPolicy
    problems: list[Problem] = field(default_factory=list)

    def report(self, kind: str, where: str, what: str, action: str = "") -> str:
        """Record a problem and return what to do about it; raises LabelError where the policy says error."""
        action = action or self.policy.decision(kind)
        if action == "error":
            raise LabelError(f"{where}: {what}. Correct it, or set the label policy {kind} to "
                             f"{' or '.join(c for c in CHOICES[kind] if c != 'error')}")
        self.problems.append(Problem(kind, where, what, action))
        return action


def summary(problems: Iterable[Problem]) -> str:
    """'3 outside (clip), 1 empty (background)' or 'no problems'."""
    counts = Counter((p.kind, p.action) for p in problems)
    return ", ".join(f"{n} {kind} ({action})" for (kind, action), n in counts.items()) or "no problems"

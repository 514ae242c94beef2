"""What a reader sees at a glance of labels that were read: is something off?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from downstream.detection.data.policy import Box


@dataclass(frozen=True)
class LabelStatistics:
    """boxes: class -> number. width, height: means over all boxes, in pixels (0 without boxes). crowds: regions that
    are not counted as objects. names_from: where the names behind class numbers stand, '' where labels carry names."""

    pictures: int
    with_boxes: int
    boxes: Mapping[str, int]
    width: float
    height: float
    crowds: int = 0
    names_from: str = ""

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {name}" for name, number in self.boxes.items())
        share = 100 * self.with_boxes / self.pictures if self.pictures else 0
        text = (f"{self.pictures} pictures, {share:.0f} % with boxes; {counts}; mean box {self.width:.1f} x "
                f"{self.height:.1f} pixels")
        if self.crowds:
            text += f"; {self.crowds} crowd regions, neither trained on nor counted against a detector"
        return text + (f"; class numbers by {self.names_from}" if self.names_from else "")


def statistics_of(boxes: Mapping[str, Sequence[Box]], sizes: Mapping[str, tuple[int, int]], classes: Sequence[str],
                  names_from: str = "") -> LabelStatistics:
    """sizes: picture id -> (height, width)."""
    objects = [(box, sizes[key]) for key, found in boxes.items() for box in found if not box.crowd]
    total = max(len(objects), 1)
    return LabelStatistics(
        pictures=len(boxes), with_boxes=sum(any(not box.crowd for box in found) for found in boxes.values()),
        boxes={name: sum(box.label == number for box, _ in objects) for number, name in enumerate(classes)},
        width=round(sum(box.w * size[1] for box, size in objects) / total, 2),
        height=round(sum(box.h * size[0] for box, size in objects) / total, 2),
        crowds=sum(box.crowd for found in boxes.values() for box in found), names_from=names_from)

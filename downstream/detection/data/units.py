"""Boxes in another unit or order than their format has: pixels for fractions, fractions for pixels, corners for sizes.

Judged over the whole set, where one box alone could be anything. Every rule names a mistake that converters make.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SMALL = 3.0  # pixels: a set of which every box is smaller is no set of objects
_FEW = 5  # different boxes below which only the impossible counts
_MANY = 20  # different boxes from which all of them in one quarter of the pictures are no chance
_ROUNDING = 1e-6
_OUTSIDE = 0.5  # share of boxes whose centre lies outside


@dataclass(frozen=True)
class Seen:
    """One box: corners in pixels of its picture, (height, width) of that; how the file has it."""

    corners: tuple[float, float, float, float]
    size: tuple[int, int]
    centred: bool = False  # the file has the centre, not the first corner
    sized: bool = False  # the file has a size, not a second corner

    @property
    def fractions(self) -> tuple[float, float, float, float]:
        (x0, y0, x1, y1), (height, width) = self.corners, self.size
        return x0 / width, y0 / height, x1 / width, y1 / height

    def like_corners(self) -> bool:
        """Whether centre (or corner) and size could be two corners."""
        x0, y0, x1, y1 = self.fractions
        left, top = ((x0 + x1) / 2, (y0 + y1) / 2) if self.centred else (x0, y0)
        return x1 - x0 > left > -_ROUNDING and y1 - y0 > top > -_ROUNDING and max(x1 - x0, y1 - y0) < 1 + _ROUNDING

    def reaches_outside(self) -> bool:
        return min(self.fractions[:2]) < -1e-3 or max(self.fractions[2:]) > 1 + 1e-3

    def centre_outside(self) -> bool:
        x0, y0, x1, y1 = self.fractions
        return not (0 <= (x0 + x1) / 2 <= 1 and 0 <= (y0 + y1) / 2 <= 1)


def suspicion(boxes: Sequence[Seen], pixels: bool) -> str:
    """What the boxes of a set look like, or '' where nothing is odd. pixels: the format's unit."""
    if not boxes:
        return ""
    different = len({tuple(round(value, 3) for value in box.fractions) for box in boxes})
    number = f"all {len(boxes)} boxes" if len(boxes) > 1 else "the only box"
    if pixels and all(max(map(abs, box.corners)) <= 1 for box in boxes):
        return f"{number} lie within the first pixel: these look like fractions where pixels are expected"
    if all(abs(x1 - x0) < SMALL and abs(y1 - y0) < SMALL for x0, y0, x1, y1 in (box.corners for box in boxes)):
        unit = "fractions where pixels are expected" if pixels else "fractions that were divided twice"
        return f"{number} are smaller than {SMALL:g} pixels: these look like {unit}"
    if all(box.sized and box.like_corners() for box in boxes) and (
            different >= _FEW or any(box.reaches_outside() for box in boxes)):
        order = "x0 y0 x1 y1 where cx cy w h" if boxes[0].centred else "[x0, y0, x1, y1] where [x, y, width, height]"
        return f"{number} have sizes larger than their positions: these look like {order} is expected"
    outside = sum(box.centre_outside() for box in boxes)
    if outside > _OUTSIDE * len(boxes):
        return (f"{outside} of {len(boxes)} boxes have their centre outside the picture: these look like boxes of "
                f"pictures of another size{'' if pixels else ', or like pixels where fractions are expected'}")
    if different >= _MANY and all(max(box.fractions[2:]) <= 0.5 for box in boxes):
        return (f"{number} lie in the upper left quarter: these look like boxes of pictures of a smaller size"
                f"{', or like percent' if pixels else ''}")
    return ""

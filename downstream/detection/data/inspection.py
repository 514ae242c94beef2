"""From labels as read to usable boxes: matched with pictures, checked against their sizes, as the policy says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from downstream.detection.data.policy import Box, Inspector, LabelError, RawLabel, RawObject
from downstream.detection.data.units import Seen, suspicion
from fusion.dataset_cards import Labels

# What rounding in a text file can add: not worth a report.
BORDER = 1e-6
# Stated sizes are whole numbers; half a pixel of another one is another size
_SAME_SIZE = 0.5
_EXAMPLES = 3


@dataclass
class _Count:
    """How many boxes of labelled pictures were read, kept, or left for a reason that loses nothing."""

    read: int = 0
    kept: int = 0
    harmless: int = 0  # exact duplicates, classes that the data set's own protocol leaves out

    @property
    def dropped(self) -> int:
        return self.read - self.kept - self.harmless


@dataclass
class Inspection:
    """One data set's labels under one policy.

    labels: classes and their other names. images_at: where the pictures lie, for messages. size_of: (height, width) of
    a picture file.
    """

    labels: Labels
    inspector: Inspector
    images_at: str
    size_of: Callable[[Path], tuple[int, int]]
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # of the pictures that are kept
    _count: _Count = field(default_factory=_Count)

    def boxes(self, found: Iterable[RawLabel], pictures: Mapping[str, Path],
              sized: tuple[bool, bool] = (False, False)) -> dict[str, tuple[Box, ...]]:
        """Usable boxes by picture id, in the order of `pictures`.

        sized: whether files hold centre and size, and whether they hold a size at all (see units.Seen).
        Raises LabelError: a case that the policy refuses, nothing usable left, more than max_dropped lost, or boxes
        that look like another unit.
        """
        by_id = {label.id: label for label in found}
        orphans = sorted(set(by_id) - set(pictures))
        for key in orphans:
            self.inspector.report("label_without_image", by_id[key].where, f"no picture {key} in {self.images_at}")
        matched = self._matched(by_id, pictures)
        self._check_units(matched, sized)
        boxes = {key: self._usable(label) for key, label in matched.items()}
        lost = [key for key in pictures if key not in by_id]
        boxes |= {key: () for key in lost if self._unlabelled(key) == "background"}
        boxes = {key: boxes[key] for key in pictures if key in boxes}
        self.sizes |= {key: self.size_of(pictures[key]) for key in boxes if key not in self.sizes}
        self._check_lost(boxes, pictures, lost, orphans)
        return boxes

    def _matched(self, by_id: Mapping[str, RawLabel], pictures: Mapping[str, Path]) -> dict[str, RawLabel]:
        """Labels of pictures, in fractions of the picture as it is; without those that the policy drops."""
        matched = {}
        for key, path in pictures.items():
            if key not in by_id:
                continue
            label, size = by_id[key], self.size_of(path)
            self._count.read += len(label.objects) + label.broken
            if not (label.objects or label.broken) and \
                    self.inspector.report("empty", label.where, "no object in this label") == "drop":
                continue
            unit = self._unit(label, size) if label.pixels else (1.0, 1.0)
            if unit is not None:
                self.sizes[key] = size
                matched[key] = _scaled(label, unit)
        return matched

    def _unit(self, label: RawLabel, size: tuple[int, int]) -> tuple[float, float] | None:
        """(height, width) that corners in pixels refer to; None where the picture is dropped."""
        if label.size is not None and max(abs(a - b) for a, b in zip(label.size, size)) < _SAME_SIZE:
            return label.size
        text = f"the picture is {size[1]}x{size[0]}"
        if label.size is None:
            text = f"no usable size (width and height) beside the boxes; {text}"
        else:
            turned = " (width and height exchanged)" if label.size == size[::-1] else ""
            text = f"the stated size is {label.size[1]:g}x{label.size[0]:g}, but {text}{turned}"
        action = self.inspector.report("size", label.where, text)
        if action == "scale" and label.size is None:
            raise LabelError(f"{label.where}: {text}; the label policy size = \"scale\" needs one")
        return {"picture": (float(size[0]), float(size[1])), "scale": label.size}.get(action)

    def _check_units(self, matched: Mapping[str, RawLabel], sized: tuple[bool, bool]) -> None:
        seen = [Seen((item.x0 * width, item.y0 * height, item.x1 * width, item.y1 * height), (height, width), *sized)
                for key, label in matched.items() for height, width in [self.sizes[key]]
                for item in label.objects if not item.crowd]
        odd = suspicion(seen, any(label.pixels for label in matched.values()))
        if odd:
            first = next(label.objects[0] for label in matched.values() if label.objects)
            self.inspector.report("units", first.where, f"of the labels for {self.images_at}, {odd}")

    def _unlabelled(self, key: str) -> str:
        return self.inspector.report("image_without_label", f"{self.images_at}/{key}", "no label for this picture")

    def _usable(self, label: RawLabel) -> tuple[Box, ...]:
        found: list[Box] = []
        for item in label.objects:
            if item.crowd:
                self.inspector.report("crowd", item.where, f"a region of many {item.name} (iscrowd)", "no object")
            index = self._class(item)
            box = None if index is None else self._box(item, index, label.id)
            if box is not None and box in found:
                self.inspector.report("duplicate", item.where, f"the same {item.name} box again", "drop")
                self._count.harmless += 1
            elif box is not None:
                found.append(box)
        self._count.kept += len(found)
        return tuple(found)

    def _class(self, item: RawObject) -> int | None:
        word = item.name.strip().lower()
        if word in (name.lower() for name in self.labels.left_out):
            self._count.harmless += 1
            self.inspector.report("left_out", item.where, f"class {item.name!r} is left out by the data set's protocol",
                                  "drop")
        elif word not in self.labels.index:
            self.inspector.report("unknown_class", item.where,
                                  f"class {item.name!r} is not one of {', '.join(self.labels.index)}")
        return self.labels.index.get(word)

    def _box(self, item: RawObject, index: int, key: str) -> Box | None:
        x0, y0, x1, y1 = item.x0, item.y0, item.x1, item.y1
        text = f"{item.name} box {x0:.4f},{y0:.4f}..{x1:.4f},{y1:.4f} (fractions of the picture)"
        report = self.inspector.report
        if x1 < x0 or y1 < y0:
            if report("flipped", item.where, f"{text} has its corners exchanged") == "drop":
                return None
            x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        height, width = self.sizes[key]
        # BORDER: a box of one pixel stays one when its corners went through fractions
        if not ((x1 - x0) * width > 1 - BORDER * width and (y1 - y0) * height > 1 - BORDER * height):
            report("degenerate", item.where, f"{text} has no area" if x1 <= x0 or y1 <= y0 else
                   f"{text} is smaller than a pixel", "drop")
            return None
        if x1 <= 0 or y1 <= 0 or x0 >= 1 or y0 >= 1:
            report("outside", item.where, f"{text} lies wholly outside",
                   "error" if self.inspector.policy.outside == "error" else "drop")
            return None
        over = min(x0, y0) < -BORDER or max(x1, y1) > 1 + BORDER
        if over and report("outside", item.where, f"{text} reaches outside") == "drop":
            return None
        x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, 1.0), min(y1, 1.0)
        return Box(index, (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, item.crowd)

    def _check_lost(self, boxes: Mapping[str, Sequence[Box]], pictures: Mapping[str, Path], lost: Sequence[str],
                    orphans: Sequence[str]) -> None:
        most, names = self.inspector.policy.max_dropped, ""
        if lost and orphans:
            names = f". Pictures without label: {_some(lost)}; labels without picture: {_some(orphans)}"
        kinds = dict.fromkeys(p.kind for p in self.inspector.problems
                              if p.action == "drop" and p.kind not in ("label_without_image", "duplicate", "left_out"))
        for what, dropped, total in (("pictures", len(pictures) - len(boxes), len(pictures)),
                                     ("boxes", self._count.dropped, self._count.read)):
            if dropped > most * total:
                example = next((str(p) for p in self.inspector.problems if p.kind in kinds), "")
                enough = min(1.0, dropped / total + 0.01)
                raise LabelError(
                    f"{self.images_at}: {dropped} of {total} {what} would be dropped ({', '.join(kinds)}), e.g. "
                    f"{example}{names}. Correct the labels; or, if that is what you want, set the label policy "
                    f"max_dropped to {enough:.2f} (now {most:g})")
        if not any(not box.crowd for found in boxes.values() for box in found):
            crowds = sum(map(len, boxes.values()))
            what = f" (only {crowds} crowd regions)" if crowds else ""
            raise LabelError(f"{self.images_at}: no box is left for any of the {len(pictures)} pictures{what}{names}; "
                             "these are not labels to train on")


def _scaled(label: RawLabel, unit: tuple[float, float]) -> RawLabel:
    height, width = unit
    objects = tuple(RawObject(item.name, item.x0 / width, item.y0 / height, item.x1 / width, item.y1 / height,
                              item.where, item.crowd) for item in label.objects)
    return RawLabel(label.id, label.where, objects, label.size, label.pixels, label.broken)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return ", ".join(names[:_EXAMPLES]) + more

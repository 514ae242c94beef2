"""What splits leak: frames of one video on both sides.

M3FD's pictures are frames of videos. A random split puts neighbouring frames on both sides; `leakage` counts them,
`scene_split` avoids them. The paper's own 8:1:1 list is unpublished: the split `paper` is a draw of this benchmark.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from downstream.detection.data.policy import Box
from downstream.splits import PARTS, Split, shuffled


def scene_split(scenes: Mapping[str, str], weights: Mapping[str, Sequence[float]], *, seed: int = 0,
                shares: tuple[int, int, int] = (8, 1, 1), tries: int = 4096, name: str = "scene") -> Split:
    """Whole scenes go to one part. Of `tries` seeded draws the one closest to `shares` is kept.

    Args:
        scenes: picture id -> scene.
        weights: picture id -> what is to be shared out evenly (1 for the picture, objects per class).
    Returns the split whose largest relative error over parts and weights is smallest.
    """
    names = sorted(set(scenes.values()))
    place = {scene: i for i, scene in enumerate(names)}
    load = np.zeros((len(names), len(next(iter(weights.values())))))
    for key, scene in scenes.items():
        load[place[scene]] += weights[key]
    wanted = np.array(shares) / sum(shares)
    total = load.sum(0)
    least, best = np.inf, np.zeros(len(names), dtype=int)
    for attempt in range(tries):
        parts = np.zeros(len(names), dtype=int)
        order = shuffled(names, f"{seed}/{attempt}")
        filled = np.zeros((3, load.shape[1]))
        for scene in order:  # to the small parts while it fits there, else to train
            item = load[place[scene]]
            part = next((p for p in (1, 2) if filled[p, 0] + item[0] <= wanted[p] * total[0] * 1.05), 0)
            parts[place[scene]] = part
            filled[part] += item
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.nanmax(np.abs(filled / total / wanted[:, None] - 1))
        if error < least:
            least, best = error, parts
    part_of = {key: PARTS[best[place[scene]]] for key, scene in scenes.items()}
    train, val, test = (tuple(sorted(k for k, p in part_of.items() if p == part)) for part in PARTS)
    return Split(name, train, val, test, f"whole scenes, best of {tries} draws (seed {seed})")


@dataclass(frozen=True)
class Leakage:
    """How many of a part's pictures have a near neighbour among the training pictures.

    by_number: a training picture of the same scene within `window` frame numbers. alike: a training picture of the
    same scene whose boxes cover this one's to half or more (mean best IoU per box, same class); None without boxes.
    """

    part: str
    pictures: int
    by_number: int
    alike: int | None
    window: int

    def __str__(self) -> str:
        alike = "" if self.alike is None else f", {self.alike} with boxes alike"
        return f"{self.part}: {self.by_number} of {self.pictures} within {self.window} frames of a training one{alike}"


def leakage(split: Split, *, scene_of: Callable[[str], str] | Mapping[str, str] | None = None, window: int = 2,
            boxes: Mapping[str, Sequence[Box]] | None = None, reach: int = 25) -> tuple[Leakage, ...]:
    """Near neighbours that `split` shares between training and its other parts (val, test).

    Args:
        scene_of: scene by picture id; by default everything but the digits of the id (MSRS: day and night).
        window: distance in frame numbers that counts as near.
        boxes: labels by id; adds the count of pictures whose boxes are alike within `reach` frames.
    """
    scene = scene_of or (lambda key: re.sub(r"\d", "", key))
    scene = scene if callable(scene) else scene.__getitem__
    trained: dict[str, dict[int, str]] = {}
    for key in split.train:
        trained.setdefault(scene(key), {})[_number(key)] = key
    found = []
    for part in ("val", "test"):
        near = alike = 0
        for key in split.parts[part]:
            others, number = trained.get(scene(key), {}), _number(key)
            near += any(number + d in others for d in range(-window, window + 1))
            if boxes is not None:
                alike += any(_covered(boxes.get(key, ()), boxes.get(others[number + d], ())) >= 0.5
                             for d in range(-reach, reach + 1) if number + d in others)
        found.append(Leakage(part, len(split.parts[part]), near, alike if boxes is not None else None, window))
    return tuple(found)


def _covered(boxes: Sequence[Box], others: Sequence[Box]) -> float:
    """Mean over `boxes` of the best IoU with a box of the same class."""
    if not boxes:
        return 0.0
    return sum(max((_iou(a, b) for b in others if b.label == a.label), default=0.0) for a in boxes) / len(boxes)


def _iou(a: Box, b: Box) -> float:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.corners(1, 1), b.corners(1, 1)
    width, height = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.w * a.h + b.w * b.h - width * height)


def _number(key: str) -> int:
    digits = re.findall(r"\d+", key)
    return int(digits[0]) if digits else 0

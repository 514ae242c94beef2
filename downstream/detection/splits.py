"""Who is trained on and who is tested on: splits with hashes, and what they leak.

M3FD's pictures are frames of videos. A random split puts neighbouring frames on both sides; `leakage` counts them.
The paper's own 8:1:1 list is unpublished: `paper` is an 8:1:1 draw of this benchmark.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.files import aside, read_text
from downstream.detection.policy import Box, LabelError

PARTS = ("train", "val", "test")
MANIFESTS = Path(__file__).with_name("manifests")
_LETTER = {"train": "t", "val": "v", "test": "e", "": "."}
_PER_LINE = 100


@dataclass(frozen=True)
class Split:
    """Picture ids by part. `source` says where the division comes from; `note` what must be said beside numbers."""

    name: str
    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    source: str = ""
    note: str = ""

    def __post_init__(self):
        ids = [key for part in PARTS for key in getattr(self, part)]
        if len(set(ids)) != len(ids):
            twice = next(key for key in ids if ids.count(key) > 1)
            raise LabelError(f"split {self.name}: picture {twice} is listed twice")

    @property
    def sha256(self) -> str:
        """Hash over "id part" lines in id order: equal for equal divisions, wherever they come from."""
        lines = sorted(f"{key} {part}\n" for part in PARTS for key in getattr(self, part))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def restrict(self, ids: Iterable[str]) -> "Split":
        """Only the pictures at hand; the note says how many of how many. The split itself where all are."""
        ids = set(ids)
        parts = {part: tuple(key for key in getattr(self, part) if key in ids) for part in PARTS}
        have, full = (sum(map(len, p)) for p in (parts.values(), [getattr(self, part) for part in PARTS]))
        if have == full:
            return self
        note = f"{have} of the split's {full} pictures"
        return replace(self, **parts, note="; ".join(filter(None, [self.note, note])))


def random_split(ids: Iterable[str], *, seed: int = 0, shares: tuple[int, int, int] = (8, 1, 1), name: str = "paper",
                 source: str = "seeded draw") -> Split:
    """A draw in the given shares. The order is that of sha256("seed/id"): the same everywhere, for ever."""
    order = _shuffled(ids, seed)
    total, n = sum(shares), len(order)
    val, test = round(n * shares[1] / total), round(n * shares[2] / total)
    return Split(name, *(tuple(sorted(part)) for part in (order[val + test:], order[:val], order[val:val + test])),
                 source=source)


def kfold(ids: Iterable[str], *, k: int, fold: int, seed: int = 0, name: str = "") -> Split:
    """Fold `fold` is tested, the next one validates, the others train."""
    order = _shuffled(ids, seed)
    if not (3 <= k <= len(order) and 0 <= fold < k):
        raise LabelError(f"{k} folds of {len(order)} pictures, fold {fold}: 3 folds or more, at most one per picture")
    folds = [order[i::k] for i in range(k)]
    train = [key for i, part in enumerate(folds) if i not in (fold, (fold + 1) % k) for key in part]
    return Split(name or f"fold{fold}of{k}", *(tuple(sorted(p)) for p in (train, folds[(fold + 1) % k], folds[fold])),
                 source=f"{k} seeded folds (seed {seed})")


def scene_split(scenes: Mapping[str, str], weights: Mapping[str, Sequence[float]], *, seed: int = 0,
                shares: tuple[int, int, int] = (8, 1, 1), tries: int = 4096, name: str = "scene") -> Split:
    """Whole scenes go to one part. Of `tries` seeded draws the one closest to `shares` is kept.

    Args:
        scenes: picture id -> scene.
        weights: picture id -> what is to be shared out evenly (1 for the picture, objects per class).
    Returns the split whose largest relative error over parts and weights is smallest.
    """
    import numpy as np

    names = sorted(set(scenes.values()))
    place = {scene: i for i, scene in enumerate(names)}
    load = np.zeros((len(names), len(next(iter(weights.values())))))
    for key, scene in scenes.items():
        load[place[scene]] += weights[key]
    wanted = np.array(shares) / sum(shares)
    total, best = load.sum(0), (np.inf, None)
    for attempt in range(tries):
        parts = np.zeros(len(names), dtype=int)
        order = _shuffled(names, f"{seed}/{attempt}")
        filled = np.zeros((3, load.shape[1]))
        for scene in order:  # to the small parts while it fits there, else to train
            item = load[place[scene]]
            part = next((p for p in (1, 2) if filled[p, 0] + item[0] <= wanted[p] * total[0] * 1.05), 0)
            parts[place[scene]] = part
            filled[part] += item
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.nanmax(np.abs(filled / total / wanted[:, None] - 1))
        if error < best[0]:
            best = error, parts
    assigned = {key: PARTS[best[1][place[scene]]] for key, scene in scenes.items()}
    return Split(name, *(tuple(sorted(k for k, p in assigned.items() if p == part)) for part in PARTS),
                 source=f"whole scenes, best of {tries} draws (seed {seed})")


def read_lists(folder: Path, name: str = "official") -> Split:
    """A data set's own train.txt, val.txt, test.txt: one picture name per line, suffix or not."""
    parts = []
    for part in PARTS:
        path = Path(folder) / f"{part}.txt"
        if not path.is_file():
            raise LabelError(f"{path}: missing; the split needs train.txt, val.txt and test.txt")
        parts.append(tuple(sorted(Path(word).stem for word in read_text(path, LabelError).split())))
    return Split(name, *parts, source="the data set's own lists")


def write_manifest(path: Path, split: Split) -> None:
    """A split of numbered pictures as text: letters t, v, e (train, val, test), 100 pictures a line."""
    part_of = {key: part for part in PARTS for key in getattr(split, part)}
    last, digits = max(map(int, part_of)), len(next(iter(part_of)))
    letters = "".join(_LETTER[part_of.get(f"{i:0{digits}d}", "")] for i in range(last + 1))
    lines = [f"# {split.name}: {len(split.train)} train (t), {len(split.val)} val (v), {len(split.test)} test (e)",
             f"# {split.source}", f"# sha256 {split.sha256}"]
    lines += [f"{i:0{digits}d} {letters[i:i + _PER_LINE]}" for i in range(0, len(letters), _PER_LINE)]
    with aside(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Split:
    """The split written by write_manifest. Raises LabelError when its content does not have its hash."""
    path = Path(path)
    heads, parts = [], {part: [] for part in PARTS}
    part_of = {letter: part for part, letter in _LETTER.items() if part}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heads.append(line[1:].strip())
            continue
        first, letters = line.split()
        for i, letter in enumerate(letters):
            if letter != ".":
                parts[part_of[letter]].append(f"{int(first) + i:0{len(first)}d}")
    split = Split(heads[0].split(":")[0], *(tuple(parts[part]) for part in PARTS), source=heads[1])
    stated = heads[2].split()[-1]
    if stated != split.sha256:
        raise LabelError(f"{path}: its content hashes to {split.sha256[:12]}..., it says {stated[:12]}...; "
                         "restore the file")
    return split


def m3fd_scenes() -> dict[str, str]:
    """M3FD picture id -> scene. A scene is a run of consecutive numbers with one scene id and one picture size."""
    scenes = {}
    for line in (MANIFESTS / "m3fd-scenes.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            first, last = line.split()[:2]
            scenes.update({f"{i:05d}": f"{first}-{last}" for i in range(int(first), int(last) + 1)})
    return scenes


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
        for key in getattr(split, part):
            others, number = trained.get(scene(key), {}), _number(key)
            near += any(number + d in others for d in range(-window, window + 1))
            if boxes is not None:
                alike += any(_covered(boxes.get(key, ()), boxes.get(others[number + d], ())) >= 0.5
                             for d in range(-reach, reach + 1) if number + d in others)
        found.append(Leakage(part, len(getattr(split, part)), near, alike if boxes is not None else None, window))
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


def _shuffled(ids: Iterable[str], seed) -> list[str]:
    return sorted(ids, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).digest())

"""Who is trained on and who is tested on: the one type of a split, draws, and the lists that data sets bring."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from core.errors import IvfbenchError
from core.files import read_text
from core.names import nearest
from fusion.dataset_cards import PARTS, DatasetCard
from fusion.pairs import SUFFIXES

# `X_flip` in a list: picture X and its label, mirrored; no files of their own
FLIP = "_flip"
MAX_LIST = 16 * 2**20  # bytes


class SplitError(IvfbenchError):
    """A division that cannot be used; the message names the list or split, the picture and the remedy."""


@dataclass(frozen=True)
class Split:
    """Picture ids by part. `source` says where the division comes from; `note` what must be said beside numbers.

    Raises SplitError: a picture twice in a part, or in two parts (mirrored or not).
    """

    name: str
    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        part_of: dict[str, str] = {}
        for part, ids in self.parts.items():
            if len(set(ids)) != len(ids):
                twice = next(key for key in ids if ids.count(key) > 1)
                raise SplitError(f"split {self.name}: picture {twice} is listed twice in {part}")
            for key in ids:
                other = part_of.setdefault(base_id(key), part)
                if other != part:
                    raise SplitError(f"split {self.name}: picture {base_id(key)} is in the {other} and in the {part} "
                                     "list; a picture that was trained on cannot test. Use the official lists")

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def ids(self) -> tuple[str, ...]:
        return self.train + self.val + self.test

    @property
    def sha256(self) -> str:
        """Hash over "id part" lines in id order: equal for equal divisions, wherever they come from."""
        lines = sorted(f"{key} {part}\n" for part, ids in self.parts.items() for key in ids)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def manifest(self) -> str:
        """Hash over the lists in their order."""
        lines = "\n".join("\0".join(ids) for ids in (self.train, self.val, self.test))
        return hashlib.sha256(lines.encode()).hexdigest()

    def restrict(self, ids: Iterable[str]) -> "Split":
        """Only the pictures at hand; the note says how many of how many. The split itself where all are."""
        ids = set(ids)
        parts = {part: tuple(key for key in keys if key in ids) for part, keys in self.parts.items()}
        have, full = sum(map(len, parts.values())), len(self.ids)
        if have == full:
            return self
        note = f"{have} of the split's {full} pictures"
        return Split(self.name, parts["train"], parts["val"], parts["test"], self.source,
                     "; ".join(filter(None, [self.note, note])))

    def with_validation(self, share: float, seed: int = 0) -> "Split":
        """`share` of the training pictures, by a seeded draw, as validation part where there is none."""
        if self.val or not share or len(self.train) < 2:
            return self
        drawn = set(shuffled(self.train, seed)[:max(1, round(share * len(self.train)))])
        source = "; ".join(filter(None, [self.source, f"{share:g} of train drawn for validation (seed {seed})"]))
        return replace(self, train=tuple(k for k in self.train if k not in drawn),
                       val=tuple(k for k in self.train if k in drawn), source=source)


@dataclass(frozen=True, kw_only=True)
class LabelledSet:
    """What boxes and masks of a data set have in common.

    classes: names by number. splits: by name, the default first. pair_sets: data sets that hold the pictures.
    folds: number of the splits fold0ofK ..., 0 where there are none. notes: what must be said beside every number.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    pair_sets: tuple[str, ...] = ()
    folds: int = 0
    notes: tuple[str, ...] = ()

    def split(self, name: str | None = None) -> Split:
        """The split of that name, by default the first one. Raises SplitError for an unknown name."""
        if name is None:
            return next(iter(self.splits.values()))
        if name not in self.splits:
            raise SplitError(f"{self.name}: unknown split {name!r}{nearest(name, self.splits)}; known: "
                             f"{', '.join(self.splits)}")
        return self.splits[name]

    def fold(self, number: int) -> Split:
        """Split `number` modulo the number of folds: what repetition `number` of a cross-validation is tested on."""
        if not self.folds:
            raise SplitError(f"{self.name}: it has no folds; its splits are {', '.join(self.splits)}")
        return self.split(f"fold{number % self.folds}of{self.folds}")


def base_id(key: str) -> str:
    """`X_flip` -> X; any other id as it is."""
    return key.removesuffix(FLIP)


def random_split(ids: Iterable[str], *, seed: int = 0, shares: tuple[int, int, int] = (8, 1, 1), name: str = "paper",
                 source: str = "seeded draw") -> Split:
    """A draw in the given shares. The order is that of sha256("seed/id"): the same everywhere, for ever."""
    order = shuffled(ids, seed)
    total, n = sum(shares), len(order)
    val, test = round(n * shares[1] / total), round(n * shares[2] / total)
    train, validate, held_out = (tuple(sorted(part)) for part in (order[val + test:], order[:val],
                                                                  order[val:val + test]))
    return Split(name, train, validate, held_out, source)


def kfold(ids: Iterable[str], *, k: int, fold: int, seed: int = 0, name: str = "") -> Split:
    """Fold `fold` is tested, the next one validates, the others train."""
    order = shuffled(ids, seed)
    if not (3 <= k <= len(order) and 0 <= fold < k):
        raise SplitError(f"{k} folds of {len(order)} pictures, fold {fold}: 3 folds or more, at most one per picture")
    folds = [order[i::k] for i in range(k)]
    validating = (fold + 1) % k
    train = [key for i, part in enumerate(folds) if i not in (fold, validating) for key in part]
    return Split(name or f"fold{fold}of{k}", tuple(sorted(train)), tuple(sorted(folds[validating])),
                 tuple(sorted(folds[fold])), f"{k} seeded folds (seed {seed})")


def every_nth(ids: Sequence[str], n: int, *, name: str, note: str = "") -> Split:
    """In the order of `ids` every n-th picture tests, the others train."""
    return Split(name, tuple(key for i, key in enumerate(ids) if i % n != n - 1), (), tuple(ids[n - 1::n]),
                 source=f"every {n}th picture tests", note=note)


def read_list(path: Path, card: DatasetCard, error: type[IvfbenchError] = SplitError, *,
              required: bool = True) -> tuple[str, ...]:
    """Picture ids of a data set's own list, in its order: one name per line, with or without folder and suffix.

    Raises `error`: no such list or an empty one (unless it is not `required`), a name twice, what is no name.
    """
    if not path.exists():
        if not required:
            return ()
        raise error(f"{path}: no such list; copy it from the official release")
    ids: dict[str, int] = {}
    for number, line in enumerate(read_text(path, error, limit=MAX_LIST).splitlines(), 1):
        name = PurePosixPath(line.strip().replace("\\", "/")).name
        if not line.strip():
            continue
        if name.startswith(".") or not name or not name.isprintable():
            raise error(f"{path}:{number}: {line.strip()!r} is no picture's name; expected one name per line")
        suffix = PurePosixPath(name).suffix
        key = card.picture_id(name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name)
        if key in ids:
            raise error(f"{path}:{number}: {key} is listed before, in line {ids[key]}; keep one of the lines")
        ids[key] = number
    if required and not ids:
        raise error(f"{path}: the list is empty; copy it from the official release")
    return tuple(ids)


def shuffled(ids: Iterable[str], seed: int | str) -> list[str]:
    """In the order of sha256("seed/id")."""
    return sorted(ids, key=lambda key: hashlib.sha256(f"{seed}/{key}".encode()).digest())


__all__ = ["FLIP", "PARTS", "LabelledSet", "Split", "SplitError", "base_id", "every_nth", "kfold", "random_split",
           "read_list", "shuffled"]

"""What is known of a data set: one TOML file in `fusion/datasets/` (or in a folder of the user's own), nothing else.

    title = "M3FD"                    # as printed
    task = "ivf"                      # or "mif"
    published = "..."                 # where a user gets it
    paper_pairs = 4200                # how many the paper uses (0: not in the paper)
    rendered = false                  # true: drawn by a program, no pictures of a camera
    layouts = [{ir = "m3fd/Ir", vi = "m3fd/Vis"}]    # below the data root, the first that is there counts

    [pairs]                           # optional
    sixteen_bit = "minmax"            # or "percentile", or [low, high]; left out: 16-bit pictures are refused

    [[fetch]], [release]              # optional: where its files come from, see fusion.origins

    [detection]                       # optional: boxes; [segmentation]: masks, the same keys
    roots = ["m3fd", "M3FD"]          # below the data root
    classes = ["People", "Car"]       # in the order of tables; of masks: in the order of the ids
    splits = [{manifest = "manifests/m3fd-paper.txt"}]     # see SplitSpec
    places = [{format = "voc", at = ["Annotation"], pictures = ["Vis"]}]     # see LabelPlace
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from core import plugins, records
from core.errors import IvfbenchError
from core.files import read_toml
from core.names import is_name, nearest
from fusion.origins import FetchedFolder, Release, below

DATASETS = Path(__file__).with_name("datasets")
PARTS = ("train", "val", "test")
_more_folders: list[Path] = []


class PairsError(IvfbenchError):
    """A data set that cannot be used; the message names the folder or file, what was found and the remedy."""


@dataclass(frozen=True)
class Layout:
    """Folders of the pictures below the data root: `ir` and `vi`, or `packed` for 4-channel pictures.

    ir_ending, vi_ending: end of the names before the suffix that tells the modalities apart where both lie in one
    folder, e.g. "_RGB"; it is no part of a pair's id.
    """

    ir: str = ""
    vi: str = ""
    packed: str = ""
    ir_ending: str = ""
    vi_ending: str = ""

    def __post_init__(self) -> None:
        if bool(self.packed) == bool(self.ir or self.vi) or bool(self.ir) != bool(self.vi):
            raise ValueError("a layout has ir and vi, or packed")
        if self.ir and (self.ir, self.ir_ending) == (self.vi, self.vi_ending):
            raise ValueError(f"ir and vi are both {self.ir}; tell them apart by ir_ending and vi_ending")
        for folder in self.folders:
            below(folder, "a folder")

    @property
    def folders(self) -> tuple[str, ...]:
        return (self.packed,) if self.packed else (self.ir, self.vi)

    @property
    def places(self) -> tuple[str, ...]:
        """How to call the folders of the two modalities, in the order of `folders`."""
        endings = (self.ir_ending, self.vi_ending)
        return tuple(f"{folder}/{f'*{end}' if end else ''}" for folder, end in zip(self.folders, endings))


@dataclass(frozen=True)
class Pairs:
    """How pictures are read. sixteen_bit: how 16-bit samples become 8 bits; None: they are refused."""

    sixteen_bit: Literal["minmax", "percentile"] | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.sixteen_bit, tuple) and not self.sixteen_bit[0] < self.sixteen_bit[1]:
            raise ValueError(f"sixteen_bit = {list(self.sixteen_bit)}; expected [low, high] with low below high")


@dataclass(frozen=True)
class SplitSpec:
    """How pictures are divided; exactly one of the first five.

    manifest: a file beside the TOML (see downstream.manifests). lists: part -> list file below the root, one name per
    line. folders: part -> folders below the root whose files' names belong to it. folds: that many seeded folds, named
    fold0ofK ... every: every n-th picture tests, the others train. val_share: share of the training pictures that a
    seeded draw takes for validation where there is no such part.
    """

    manifest: str = ""
    lists: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folds: int = 0
    every: int = 0
    name: str = "official"
    val_share: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        given = [name for name in ("manifest", "lists", "folders", "folds", "every") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"split {self.name} is given by {' and '.join(given) or 'nothing'}; expected one of "
                             "manifest, lists, folders, folds, every")
        for part in (*self.lists, *self.folders):
            if part not in PARTS:
                raise ValueError(f"split {self.name}: part {part!r}{nearest(part, PARTS)}")
        for path in (*self.lists.values(), *(f for found in self.folders.values() for f in found), *[self.manifest][
                :bool(self.manifest)]):
            below(path, f"split {self.name}: a file or folder")
        if not 0 <= self.val_share < 1:
            raise ValueError(f"split {self.name}: val_share = {self.val_share}; expected a share below 1")
        if (self.folds and self.folds < 3) or (self.every and self.every < 2):
            raise ValueError(f"split {self.name}: 3 folds or more, every 2 or more")


@dataclass(frozen=True)
class LabelPlace:
    """Where labels of one format lie, below a root.

    at: folders, all of which must be there. pictures: folders of the pictures that are labelled. numbers: the names
    behind the numbers of YOLO text as its publisher states them, used where no classes.txt or data.yaml says otherwise.
    splits, pair_sets: instead of the section's. predicted: the labels are a network's, no ground truth; `note` says so
    beside every number.
    """

    format: Literal["voc", "coco", "yolo", "ids"]
    at: tuple[str, ...]
    pictures: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    splits: tuple[SplitSpec, ...] = ()
    pair_sets: tuple[str, ...] = ()
    predicted: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if not (self.at and self.pictures):
            raise ValueError("a place of labels names at least one folder in at and in pictures")
        for path in (*self.at, *self.pictures):
            below(path, "a folder")


@dataclass(frozen=True)
class Labels:
    """Boxes or masks of a data set.

    roots: folders below the data root, the first with one of the places counts. aliases: class -> other names in label
    files. left_out: names in label files that the data set's own protocol leaves out. colours: one RGB colour per class
    by which palette masks are read. pair_sets: data sets whose pairs are trained and tested on (default: the one of
    this name). scenes: a file beside the TOML that says which pictures are of one scene.
    """

    roots: tuple[str, ...]
    classes: tuple[str, ...]
    places: tuple[LabelPlace, ...]
    splits: tuple[SplitSpec, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    colours: tuple[tuple[int, int, int], ...] = ()
    pair_sets: tuple[str, ...] = ()
    scenes: str = ""
    published: str = ""

    def __post_init__(self) -> None:
        for name in ("roots", "classes", "places"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty")
        for root in self.roots:
            below(root, "a root")
        unknown = [name for name in self.aliases if name not in self.classes]
        if unknown:
            raise ValueError(f"aliases of {unknown[0]!r}, which is no class{nearest(unknown[0], self.classes)}")
        words = [name.lower() for name in (*self.classes, *(w for ws in self.aliases.values() for w in ws),
                                           *self.left_out)]
        twice = [word for word in words if words.count(word) > 1]
        if twice:
            raise ValueError(f"class name {twice[0]!r} stands for two things")
        if self.colours and len(self.colours) != len(self.classes):
            raise ValueError(f"{len(self.colours)} colours for {len(self.classes)} classes")
        if not all(place.splits or self.splits for place in self.places):
            raise ValueError("key 'splits' is missing")

    @cached_property
    def index(self) -> dict[str, int]:
        """Lower-case class name or alias -> index into classes."""
        return {word.lower(): number for number, name in enumerate(self.classes)
                for word in (name, *self.aliases.get(name, ()))}


@dataclass(frozen=True)
class DatasetCard:
    """One data set as its TOML file describes it; `path` is that file."""

    title: str
    task: Literal["ivf", "mif"]
    published: str
    layouts: tuple[Layout, ...]
    paper_pairs: int = 0
    rendered: bool = False
    note: str = ""
    pairs: Pairs = Pairs()
    detection: Labels | None = None
    segmentation: Labels | None = None
    fetch: tuple[FetchedFolder, ...] = ()
    release: Release | None = None
    name: str = field(default="", metadata={"read": False})
    path: Path = field(default=Path(), metadata={"read": False})

    def __post_init__(self) -> None:
        if not self.layouts:
            raise ValueError('layouts is empty; name the pictures\' folders, e.g. [{ir = "x/ir", vi = "x/vi"}]')
        for section in (self.detection, self.segmentation):
            for place in section.places if section else ():
                if (place.format == "ids") != (section is self.segmentation):
                    raise ValueError(f"format {place.format!r}: ids is for [segmentation], the others for [detection]")

    @property
    def sixteen_bit(self) -> str | tuple[float, float] | None:
        return self.pairs.sixteen_bit

    @property
    def suites(self) -> tuple[str, ...]:
        """What the data set can be used for: its task, and boxes and masks where it has some."""
        return (self.task, *(name for name in ("detection", "segmentation") if getattr(self, name) is not None))

    @cached_property
    def endings(self) -> tuple[str, ...]:
        """Ends of file names that are no part of a picture's id, the longest first."""
        found = {ending for layout in self.layouts for ending in (layout.ir_ending, layout.vi_ending)}
        return tuple(sorted(found - {""}, key=len, reverse=True))

    def picture_id(self, stem: str) -> str:
        """The id behind the stem of a picture's, label's or list's name."""
        ending = next((e for e in self.endings if stem.endswith(e)), "")
        return stem.removesuffix(ending)


def add_datasets(folder: Path) -> list[str]:
    """Know the data sets described in `folder`/*.toml too, until the process ends. Returns their names.

    A broken file stops only those who ask for that data set. Raises PairsError where there is no such folder.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise PairsError(f"{folder}: no such folder of data-set descriptions")
    if folder not in _more_folders:
        _more_folders.append(folder)
    return [path.stem for path in _descriptions(folder)]


@plugins.reader
def _read_plugin(folder: Path) -> list[Path]:
    """The data-set files of a plug-in folder; a broken one is said at once and to whoever asks for it."""
    taken = _descriptions(folder)
    if taken:
        add_datasets(folder)
    for path in list(taken):
        try:
            find_dataset(path.stem)
        except PairsError as error:
            plugins.broken[path] = str(error)
            taken.remove(path)
    return taken


def datasets() -> dict[str, DatasetCard]:
    """Every data set whose description can be used, by name."""
    cards = {}
    for name in _paths():
        try:
            cards[name] = find_dataset(name)
        except PairsError:
            pass  # said to whoever asks for this one
    return cards


def find_dataset(name: str) -> DatasetCard:
    """The card of a data set. Raises PairsError: unknown (with the nearest names), or its file is broken."""
    paths = _paths()
    if name not in paths:
        raise PairsError(f"unknown data set {name!r}{nearest(name, paths)}")
    if len(paths[name]) > 1:
        raise PairsError(f"{paths[name][1]}: data set {name} is described by {paths[name][0]} too; rename one of them")
    return read_card(paths[name][0])


def read_card(path: Path) -> DatasetCard:
    """One data-set file. Raises PairsError, naming it, when it cannot be read or used."""
    if not is_name(path.stem):
        raise PairsError(f"{path}: {path.stem!r} is no name of a data set; use letters, digits, '_', '-', '.', '+'")
    try:
        table = read_toml(path, PairsError)
    except OSError as error:
        raise PairsError(f"{path}: not readable as TOML ({error})") from error
    return dataclasses.replace(records.read(DatasetCard, table, str(path), PairsError), name=path.stem, path=path)


def _paths() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for folder in (DATASETS, *_more_folders):
        for path in _descriptions(folder):
            found.setdefault(path.stem, []).append(path)
    return found


def _descriptions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.toml") if not path.name.startswith("."))

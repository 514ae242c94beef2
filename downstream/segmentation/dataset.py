"""Labels and splits: MFNet's official release, MSRS's layout, the embedded sample.

`X_flip` entries (the release's make_flip.py mirrors its training pictures) need no files of their own: the loader
mirrors picture X and label X. The split "official" leaves them out, "official+flip" keeps them.
"""

import hashlib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from core.files import read_text, stamp
from core.names import nearest
from downstream.segmentation.labels import CLASSES, SegmentationError, read_label
from fusion import images

FLIP = "_flip"
FOLDERS = {
    "mfnet": ("mfnet", "MFNet", "ir_seg_dataset"),
    "msrs": ("msrs", "MSRS", "MSRS-main"),
    "sample_mfnet": ("sample_mfnet",),
}
TITLES = {"mfnet": "MFNet", "msrs": "MSRS", "sample_mfnet": "Sample (masks)"}
PUBLISHED = {
    "mfnet": "https://www.mi.t.u-tokyo.ac.jp/static/projects/mil_multispectral/ (ir_seg_dataset)",
    "msrs": "https://github.com/Linfeng-Tang/MSRS",
    "sample_mfnet": "rendered by the benchmark itself (fusion/sample)",
}
TEACHER_NOTE = ("labels predicted by MFNet's published network from visible + infrared, not ground truth: "
                "numbers show that the path works, not how good a method is")


@dataclass(frozen=True)
class Split:
    """Ids by role, in list order. An id may end in `_flip` (training only)."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    val: tuple[str, ...] = ()
    note: str = ""

    @property
    def manifest(self) -> str:
        """sha256 over the lists."""
        lines = "\n".join("\0".join(ids) for ids in (self.train, self.val, self.test))
        return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True)
class SegmentationSet:
    """Labels of one data set.

    labels: id -> label file. pictures: id -> 4-channel picture (MFNet, sample; empty for MSRS).
    splits: by name, the default first. manifest: sha256 over every id and label file.
    pair_sets: the pair sets that hold its pictures, where that is not the one of its own name.
    teacher: the labels are a network's, not ground truth; `note` says so and must stand beside every number.
    """

    name: str
    title: str
    labels: Mapping[str, Path]
    splits: Mapping[str, Split]
    manifest: str
    pictures: Mapping[str, Path] = field(default_factory=dict)
    pair_sets: tuple[str, ...] = ()
    teacher: bool = False
    note: str = ""
    classes: tuple[str, ...] = CLASSES

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.labels)

    def split(self, name: str | None = None) -> Split:
        """The split of that name, by default the first one."""
        if name is None:
            return next(iter(self.splits.values()))
        if name not in self.splits:
            raise SegmentationError(f"{self.name}: unknown split {name!r}{nearest(name, self.splits)}")
        return self.splits[name]

    def check(self, known: MutableMapping[str, list] | None = None) -> None:
        """Decode every label; raises on the first one that cannot be used.

        known: memory of labels found good before (fusion.files.stamp), extended.
        """
        known = {} if known is None else known
        for path in self.labels.values():
            key = f"label {stamp(path)}"
            if key not in known:
                known[key] = list(read_label(path).shape)


def base_id(key: str) -> str:
    """`X_flip` -> X; any other id as it is."""
    return key.removesuffix(FLIP)


def open_segmentation(name: str, root: Path) -> SegmentationSet:
    """Find a data set's labels and splits below `root`.

    Args:
        name: "mfnet" (images/, labels/, train.txt, val.txt, test.txt), "msrs" ({train,test}/Segmentation_labels; or
            test/teacher_labels, then flagged `teacher`), "sample_mfnet" (as mfnet).
        root: the data root.
    Raises SegmentationError: unknown name, no layout, an empty or missing list, a name without file, a label of another
    size than its picture, train and test ids in common. ImageError: a picture without four channels, a damaged file.
    """
    if name not in FOLDERS:
        raise SegmentationError(f"no segmentation labels are known for {name!r}{nearest(name, FOLDERS)}")
    root = Path(root)
    there = [root / folder for folder in FOLDERS[name] if (root / folder).is_dir()]
    if name == "msrs":
        there = [f for f in there if _msrs_folders(f)]
    if not there:
        wanted = ("msrs/{train,test}/Segmentation_labels/" if name == "msrs"
                  else f"{FOLDERS[name][0]}/images/ + labels/ + train.txt + test.txt")
        found = ", ".join(sorted(p.name for p in root.iterdir())[:12]) if root.is_dir() else "no such folder"
        raise SegmentationError(f"{root}: labels of {name} not found; expected {wanted}; found {found or 'nothing'}. "
                                f"Published at {PUBLISHED[name]}")
    return _open_msrs(there[0]) if name == "msrs" else _open_listed(name, there[0])


def _open_listed(name: str, folder: Path) -> SegmentationSet:
    lists = {role: _read_list(folder / f"{role}.txt", required=role != "val") for role in ("train", "val", "test")}
    plain = {role: tuple(k for k in keys if not k.endswith(FLIP)) for role, keys in lists.items()}
    splits = {"official": Split("official", plain["train"], plain["test"], plain["val"])}
    flipped = sum(k.endswith(FLIP) for k in lists["train"])
    if flipped:
        splits["official+flip"] = Split("official+flip", lists["train"], plain["test"], plain["val"],
                                        note=f"{flipped} mirrored entries of train.txt kept")
    labels, pictures = {}, {}
    for role, keys in lists.items():
        for key in dict.fromkeys(map(base_id, keys)):
            listed = folder / f"{role}.txt"
            labels[key] = _listed_file(folder / "labels" / f"{key}.png", key, listed)
            pictures[key] = _listed_file(folder / "images" / f"{key}.png", key, listed)
            _same_size(labels[key], pictures[key])
            _four_channels(pictures[key])
    _no_leak(splits["official"], folder)
    return SegmentationSet(name, TITLES[name], labels, splits, _manifest(labels), pictures)


def _open_msrs(folder: Path) -> SegmentationSet:
    labels: dict[str, Path] = {}
    roles: dict[str, tuple[str, ...]] = {"train": (), "test": ()}
    found = _msrs_folders(folder)
    for role, label_folder in found.items():
        for path in sorted(label_folder.glob("*.png")):
            picture = label_folder.parent / "vi" / path.name
            if picture.is_file():
                _same_size(path, picture)
            labels[path.stem] = path
            roles["test" if role == "teacher" else role] += (path.stem,)
    if not labels:
        raise SegmentationError(f"{', '.join(map(str, found.values()))}: no label pictures (*.png); "
                                f"published at {PUBLISHED['msrs']}")
    if "teacher" in found:
        ids = roles["test"]
        # every fourth id tests: day, night and every drive are on both sides
        split = Split("teacher", tuple(k for i, k in enumerate(ids) if i % 4 != 3), ids[3::4], note=TEACHER_NOTE)
        return SegmentationSet("msrs", TITLES["msrs"], labels, {"teacher": split}, _manifest(labels), teacher=True,
                               note=TEACHER_NOTE)
    split = Split("official", roles["train"], roles["test"])
    _no_leak(split, folder)
    return SegmentationSet("msrs", TITLES["msrs"], labels, {"official": split}, _manifest(labels),
                           pair_sets=("msrs", "msrs_train"))


def _msrs_folders(folder: Path) -> dict[str, Path]:
    """Role -> label folder: the official train and test folders, else the test set's teacher labels."""
    official = {role: folder / role / "Segmentation_labels" for role in ("train", "test")}
    if all(path.is_dir() for path in official.values()):
        return official
    teacher = folder / "test" / "teacher_labels"
    return {"teacher": teacher} if teacher.is_dir() else {}


def _read_list(path: Path, required: bool) -> tuple[str, ...]:
    if not path.is_file():
        if required:
            raise SegmentationError(f"{path}: no such list; copy it from the official release")
        return ()
    names = tuple(line.strip() for line in read_text(path, SegmentationError).splitlines() if line.strip())
    for name in names:
        if name.startswith(".") or PurePath(name).name != name or not name.isprintable():
            raise SegmentationError(f"{path}: {name!r} is no picture's name; expected names without folder and suffix")
    if required and not names:
        raise SegmentationError(f"{path}: the list is empty; copy it from the official release")
    return names


def _listed_file(path: Path, key: str, listed: Path) -> Path:
    if not path.is_file():
        raise SegmentationError(f"{path}: no such file, but {listed} names {key}; "
                                "copy the file from the release or take the name off the list")
    return path


def _same_size(label: Path, picture: Path) -> None:
    have, want = images.size(label), images.size(picture)
    if have != want:
        raise SegmentationError(f"{label}: the label is {have[1]}x{have[0]} but {picture} is {want[1]}x{want[0]}; "
                                "copy both from the same release")


def _four_channels(picture: Path) -> None:
    """From the header alone; on a failure fusion.images says it in its own words."""
    with images.opened(picture) as image:
        channels = len(image.getbands())
    if channels != 4:
        images.read_rgbt(picture)


def _no_leak(split: Split, folder: Path) -> None:
    both = sorted(set(map(base_id, split.train)) & set(split.test))
    if both:
        raise SegmentationError(f"{folder}: {both[0]} (and {len(both) - 1} more) is in the train and in the test list; "
                                "a picture that was trained on cannot test. Use the official lists")


def _manifest(labels: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for key, path in sorted(labels.items()):
        digest.update(f"{key}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()

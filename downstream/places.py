"""Finding a data set's labels and dividing its pictures, as its description says: what both rooms share."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import IvfbenchError
from core.names import is_file_name, nearest
from downstream.manifests import read_manifest
from downstream.splits import FLIP, Split, every_nth, kfold, read_list
from fusion.dataset_cards import DatasetCard, LabelPlace, Labels, PairsError, SplitSpec, datasets, find_dataset
from fusion.pairs import SUFFIXES

_SUFFIX = {"voc": ".xml", "coco": ".json", "yolo": ".txt", "ids": ".png"}


@dataclass(frozen=True)
class Found:
    """A place whose folders are all there. top: the data set's root."""

    card: DatasetCard
    labels: Labels
    place: LabelPlace
    top: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(self.top / folder for folder in self.place.at)

    @property
    def picture_folders(self) -> tuple[Path, ...]:
        return tuple(self.top / folder for folder in self.place.pictures)

    @property
    def specs(self) -> tuple[SplitSpec, ...]:
        return self.place.splits or self.labels.splits

    @property
    def pair_sets(self) -> tuple[str, ...]:
        return self.place.pair_sets or self.labels.pair_sets or (self.card.name,)

    @property
    def published(self) -> str:
        return self.labels.published or self.card.published


def find_labels(name: str, room: str, root: Path, error: type[IvfbenchError]) -> Found:
    """The first place of a data set's labels that is there. room: "detection" or "segmentation".

    Raises `error`: no such labels are known, or none are there; the message says what was expected where.
    """
    try:
        card = find_dataset(name)
    except PairsError as fault:
        raise error(str(fault)) from fault
    labels = {"detection": card.detection, "segmentation": card.segmentation}[room]
    if labels is None:
        what = {"detection": "boxes", "segmentation": "masks"}[room]
        known = [key for key, other in datasets().items() if room in other.suites]
        raise error(f"no {what} are known for data set {name!r}{nearest(name, known)}")
    tops = [Path(root) / folder for folder in labels.roots if (Path(root) / folder).is_dir()]
    for top in tops:
        for place in labels.places:
            if all(list_files(top / folder, _SUFFIX[place.format]) for folder in place.at):
                return Found(card, labels, place, top)
    where = tops[0] if tops else Path(root)
    prefix = "" if tops else f"{labels.roots[0]}/"
    wanted = " or ".join(" + ".join(f"{prefix}{folder}/*{_SUFFIX[place.format]}" for folder in place.at)
                         for place in labels.places)
    there = ", ".join(sorted(p.name for p in where.iterdir())[:12]) if where.is_dir() else "no such folder"
    raise error(f"{where}: labels of {name} not found; expected {wanted}; found {there or 'nothing'}. Published at "
                f"{labels.published or card.published}")


def list_files(folder: Path, *suffixes: str) -> list[Path]:
    """Files with one of the suffixes (in any case) in name order; hidden ones (macOS's ._X) are passed over.

    Raises IvfbenchError for a name that is not UTF-8 or cannot be shown.
    """
    if not folder.is_dir():
        return []
    names = sorted(name for name in os.listdir(folder)  # noqa: PTH208 - four times as fast with thousands of files
                   if name.lower().endswith(suffixes) and not name.startswith("."))
    for name in names:
        if not is_file_name(name):
            raise IvfbenchError(f"{folder}: the name {name!a} cannot be a name here: no UTF-8, control characters, or "
                                "a beginning like a formula; rename the file")
    return [folder / name for name in names]


def by_id(paths: Sequence[Path], card: DatasetCard, error: type[IvfbenchError]) -> dict[str, Path]:
    """Picture id -> file. Raises `error` for two files of one id in one folder or in two."""
    found: dict[str, Path] = {}
    for path in paths:
        key = card.picture_id(path.stem)
        if key in found:
            raise error(f"{path}: {found[key]} has the same name; keep one of them")
        found[key] = path
    return found


def pictures(found: Found, error: type[IvfbenchError]) -> dict[str, Path]:
    """Picture id -> file of the labelled pictures; of two modalities in one folder the visible one."""
    layout = found.card.layouts[0]
    ending = layout.vi_ending if layout.ir == layout.vi else ""
    paths = [path for folder in found.picture_folders for path in list_files(folder, *SUFFIXES)
             if path.stem.endswith(ending)]
    return by_id(paths, found.card, error)


def make_splits(found: Found, ids: Sequence[str], error: type[IvfbenchError]) -> dict[str, Split]:
    """Every division that the description names, in its order; of those by draw, of `ids`. Not restricted to `ids`."""
    splits: list[Split] = []
    for spec in found.specs:
        splits += [split.with_validation(spec.val_share) for split in _divisions(spec, found, ids, error)]
    return {split.name: split for split in splits}


def _divisions(spec: SplitSpec, found: Found, ids: Sequence[str], error: type[IvfbenchError]) -> list[Split]:
    note = spec.note or found.place.note
    if spec.manifest:
        return [read_manifest(found.card.path.parent / spec.manifest)]
    if spec.folds:
        return [kfold(ids, k=spec.folds, fold=i) for i in range(spec.folds)] if len(ids) >= spec.folds else []
    if spec.every:
        return [every_nth(ids, spec.every, name=spec.name, note=note)]
    if spec.folders:
        parts = {part: tuple(found.card.picture_id(path.stem) for folder in folders for path in
                             list_files(found.top / folder, *SUFFIXES)) for part, folders in spec.folders.items()}
        unique = {part: tuple(dict.fromkeys(keys)) for part, keys in parts.items()}
        return [_split(spec.name, unique, "the data set's own folders", note, found, error)]
    return _listed(spec, found, note, error)


def _listed(spec: SplitSpec, found: Found, note: str, error: type[IvfbenchError]) -> list[Split]:
    """The lists' own division; where entries are mirrored ones, without them and, under another name, with them."""
    # segmentation trains without validation: its list may be missing
    optional = "val" if found.place.format == "ids" else ""
    parts = {part: read_list(found.top / file, found.card, error, required=part != optional)
             for part, file in spec.lists.items()}
    source = "the data set's own lists"
    plain = {part: tuple(key for key in keys if not key.endswith(FLIP)) for part, keys in parts.items()}
    splits = [_split(spec.name, plain, source, note, found, error)]
    mirrored = len(parts.get("train", ())) - len(plain.get("train", ()))
    if mirrored:
        both = "; ".join(filter(None, [note, f"{mirrored} mirrored entries of {spec.lists['train']} kept"]))
        splits.append(_split(f"{spec.name}+flip", {**plain, "train": parts["train"]}, source, both, found, error))
    return splits


def _split(name: str, parts: Mapping[str, tuple[str, ...]], source: str, note: str, found: Found,
           error: type[IvfbenchError]) -> Split:
    try:
        return Split(name, parts.get("train", ()), parts.get("val", ()), parts.get("test", ()), source, note)
    except IvfbenchError as fault:
        raise error(f"{found.top}: {fault}") from fault

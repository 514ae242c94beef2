"""Opening a segmentation data set: id maps and splits where its description says (fusion.dataset_cards).

`X_flip` entries of lists (MFNet's make_flip.py mirrors its training pictures) need no files of their own: the loader
mirrors picture X and label X. The split "official" leaves them out, "official+flip" keeps them.
"""

import hashlib
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core.files import remembered, sha256
from downstream.places import Found, by_id, find_labels, list_files, make_splits, pictures
from downstream.segmentation.labels import Legend, SegmentationError, pixel_counts, read_label
from downstream.splits import LabelledSet, Split, base_id
from fusion import images
from fusion.findings import all_thermal_flat, flat_thermal


@dataclass(frozen=True)
class MaskStatistics:
    """pixels: class -> number, over all labels. with_class: class -> number of pictures that show it."""

    pictures: int
    pixels: Mapping[str, int]
    with_class: Mapping[str, int]

    def __str__(self) -> str:
        total = max(sum(self.pixels.values()), 1)
        shares = ", ".join(f"{name} {100 * number / total:.3g} % in {self.with_class[name]}"
                           for name, number in self.pixels.items())
        return f"{self.pictures} label maps; pixels: {shares}"


@dataclass(frozen=True, kw_only=True)
class SegmentationSet(LabelledSet):
    """Id maps of one data set.

    labels: id -> label file. legend: what its ids mean. pictures: id -> picture at hand; packed: of 4 channels, RGB and
    thermal. manifest: sha256 over every id and label file.
    teacher: the labels are a network's, not ground truth; `note` says so and must stand beside every number.
    """

    labels: Mapping[str, Path]
    legend: Legend
    manifest: str
    pictures: Mapping[str, Path]
    packed: bool = False
    teacher: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.labels)

    @property
    def note(self) -> str:
        return "; ".join(self.notes)

    def check_unchanged(self) -> None:
        """Raises SegmentationError where a label file is not the one that `manifest` was made of."""
        if _manifest(self.labels) != self.manifest:
            raise SegmentationError(f"{next(iter(self.labels.values())).parent}: labels of {self.name} were replaced "
                                    "since the run was planned; put them back, or run the same command again with what "
                                    "is there now")

    def check(self, known: MutableMapping[str, Any] | None = None) -> MaskStatistics:
        """Decode every label and count its pixels; raises on the first one that cannot be used, and for packed pictures
        without a thermal channel.

        known: memory of labels found good before, extended.
        """
        known = {} if known is None else known
        counts = [remembered(known, f"mask {','.join(self.classes)}", path,
                             partial(_pixel_counts, path, self.legend)) for path in self.labels.values()]
        if self.packed and self.pictures and all_thermal_flat(self.pictures.values()):
            raise SegmentationError(f"{next(iter(self.pictures.values())).parent}: {flat_thermal(len(self.pictures))}")
        return MaskStatistics(len(counts), {name: sum(c[i] for c in counts) for i, name in enumerate(self.classes)},
                              {name: sum(c[i] > 0 for c in counts) for i, name in enumerate(self.classes)})


def _pixel_counts(path: Path, legend: Legend) -> list[int]:
    return pixel_counts(read_label(path, legend), legend)


def open_segmentation(name: str, root: Path) -> SegmentationSet:
    """Find a data set's labels and splits below `root`.

    Raises SegmentationError: unknown name, no labels there, an empty or missing list, a name without file or listed
    twice, a label of another size than its picture, train and test ids in common. ImageError: a picture without four
    channels where they are expected, a damaged file.
    """
    found = find_labels(name, "segmentation", root, SegmentationError)
    labels = by_id([path for folder in found.folders for path in list_files(folder, ".png")], found.card,
                   SegmentationError)
    shown = pictures(found, SegmentationError)
    splits = make_splits(found, tuple(labels), SegmentationError)
    lists = {part: file for spec in found.specs for part, file in spec.lists.items()}
    if lists:  # they say which pictures are meant
        keys = list(dict.fromkeys(base_id(key) for split in splits.values()
                                  for key in (*split.train, *split.val, *split.test)))
        _check_listed(keys, labels, shown, splits, lists, found)
        labels, shown = ({key: files[key] for key in keys} for files in (labels, shown))
    for key in labels.keys() & shown.keys():
        _same_size(labels[key], shown[key])
        if found.card.layouts[0].packed:
            _four_channels(shown[key])
    place = found.place
    return SegmentationSet(
        name=name, title=found.card.title, classes=found.labels.classes, splits=splits, pair_sets=found.pair_sets,
        folds=next((spec.folds for spec in found.specs if spec.folds), 0), notes=(place.note,) if place.note else (),
        labels=labels, legend=Legend(found.labels.classes, found.labels.colours), manifest=_manifest(labels),
        pictures=shown, packed=bool(found.card.layouts[0].packed), teacher=place.predicted)


def _check_listed(keys: Sequence[str], labels: Mapping[str, Path], shown: Mapping[str, Path],
                  splits: Mapping[str, Split], lists: Mapping[str, str], found: Found) -> None:
    for folders, have in ((found.folders, labels), (found.picture_folders, shown)):
        missing = [key for key in keys if key not in have]
        if not missing:
            continue
        key = missing[0]
        listed = next(found.top / lists[part] for split in splits.values() for part, ids in split.parts.items()
                      if key in map(base_id, ids))
        others = sorted(set(have) - set(keys))
        names = (f"; {len(missing)} of {len(keys)} listed names have none ({', '.join(missing[:3])}), there are "
                 f"{', '.join(others[:3])}" if others else "")
        raise SegmentationError(f"{folders[0] / key}.png: no such file, but {listed} names {key}{names}; copy the file "
                                "from the release or take the name off the list")


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


def _manifest(labels: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for key, path in sorted(labels.items()):
        digest.update(f"{key}\0{sha256(path)}\n".encode())
    return digest.hexdigest()

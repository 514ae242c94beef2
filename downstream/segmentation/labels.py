"""How label pictures become class ids: by value, or, where a palette is used, by colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import IvfbenchError
from fusion import images
from fusion.dataset_cards import datasets

IGNORED = 255  # only for pixels that augmentation pads; no label file holds it
# what can be read under the suffix .png without loss; the others that Pillow opens can have lost something
_LOSSLESS = ("PNG", "BMP")


class SegmentationError(IvfbenchError):
    """Labels, splits, pictures or settings that cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class Legend:
    """What ids (and colours of palettes) mean. colours: RGB per class, () where the data set has none of its own."""

    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...] = ()


def read_label(path: Path, legend: Legend | None = None, size: tuple[int, int] | None = None) -> np.ndarray:
    """Class ids, uint8 [H,W], below the number of classes.

    Args:
        path: an 8-bit PNG whose samples are the ids. With a palette, the colours decide: greys are ids, the data set's
            own colours are its classes.
        legend: left out, any id counts, and a palette is read by the described data set whose colours it has.
        size: (height, width) of the picture it belongs to, checked when given.
    Raises SegmentationError: not one channel of 8 bits, an unknown id or palette, stored with loss, several
    frames, another size. ImageError: missing, damaged or turned by EXIF.
    """
    with images.opened(path) as image:
        kind, mode, ids = image.format, image.mode, np.array(image)
        frames = getattr(image, "n_frames", 1)
        palette = _palette(image)
    if kind not in _LOSSLESS:
        raise SegmentationError(f"{path}: its content is {kind}; label maps must be stored without loss (PNG): ids of "
                                "pixels at edges are not what they were. Take the release's own files")
    if size is not None and ids.shape[:2] != tuple(size):
        raise SegmentationError(f"{path}: the label is {ids.shape[1]}x{ids.shape[0]} but its picture is "
                                f"{size[1]}x{size[0]}; labels must be as large as the pictures (scale ids by nearest "
                                "neighbour only)")
    if mode not in ("L", "P"):
        raise SegmentationError(f"{path}: sample format {mode}; expected one 8-bit channel of class ids. "
                                "Colour-coded maps are for viewing: use the release's id maps")
    if frames != 1:
        raise SegmentationError(f"{path}: {frames} frames; expected one map of class ids")
    legend = legend or _described(palette)
    if mode == "P":
        ids = _by_colour(ids, palette, legend, path)
    if ids.max(initial=0) >= len(legend.classes):
        unknown = [int(i) for i in np.unique(ids) if i >= len(legend.classes)]
        raise SegmentationError(f"{path}: unknown class id {', '.join(map(str, unknown[:5]))}; the ids are "
                                f"0..{len(legend.classes) - 1} ({', '.join(legend.classes)}). Map the file's ids to "
                                "these")
    return ids.astype(np.uint8, copy=False)


def pixel_counts(ids: np.ndarray, legend: Legend) -> list[int]:
    """Pixels per class."""
    return np.bincount(ids.ravel(), minlength=len(legend.classes)).tolist()


def _described(palette: np.ndarray) -> Legend:
    """The legend of the data set that has a palette's colours; without one, every number is a class of its own."""
    colours = {(int(r), int(g), int(b)) for r, g, b in palette}
    strange = {colour for colour in colours if not _grey(colour)}
    for card in datasets().values() if strange else ():
        if card.segmentation is not None and strange <= set(card.segmentation.colours):
            return Legend(card.segmentation.classes, card.segmentation.colours)
    return Legend(tuple(map(str, range(256))))


def _palette(image: Image.Image) -> np.ndarray:
    """uint8 [N,3] as stored in the file; [0,3] without a palette."""
    stored = image.getpalette("RGB") if image.mode == "P" else None
    return np.array(stored or [], dtype=np.uint8).reshape(-1, 3)


def _by_colour(ids: np.ndarray, palette: np.ndarray, legend: Legend, path: Path) -> np.ndarray:
    """Ids of a palette picture. Known palettes hold greys and the legend's colours only.

    A palette's order says nothing: programs that save space sort it by how often a colour occurs.
    """
    used = np.unique(ids)
    number_of = {colour: number for number, colour in enumerate(legend.colours)}
    if used.size and used[-1] >= len(palette):
        raise SegmentationError(f"{path}: palette index {used[-1]}, but the palette has {len(palette)} colours; the "
                                "file is damaged")
    colours = [(int(r), int(g), int(b)) for r, g, b in palette]
    strange = [c for c in colours if not _grey(c) and c not in number_of]
    if strange:
        raise SegmentationError(f"{path}: its palette holds the colour {strange[0]}, which is "
                                f"{_known(legend)}. What its numbers mean cannot be told: save the ids as one grey "
                                "channel")
    shown = [colours[index] for index in used]
    if any(not _grey(c) for c in shown):  # the data set's own colours
        table = [number_of.get(c) for c in colours]
    else:
        table = [c[0] for c in colours]
    lost = [c for index, c in zip(used, shown) if table[index] is None]
    if lost:
        raise SegmentationError(f"{path}: its palette mixes class colours with the grey {lost[0]}, which is no class's "
                                f"colour ({', '.join(map(str, legend.colours))})")
    return np.array([255 if number is None else number for number in table], dtype=np.uint8)[ids]


def _grey(colour: Sequence[int]) -> bool:
    return colour[0] == colour[1] == colour[2]


def _known(legend: Legend) -> str:
    if not legend.colours:
        return "no grey, and the data set has no colours of its own"
    return f"neither a grey nor one of the classes' colours ({', '.join(map(str, legend.colours))})"

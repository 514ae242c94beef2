"""MFNet's nine classes and how their label pictures are read."""

from pathlib import Path

import numpy as np

from core.errors import IvfbenchError
from fusion import images

CLASSES = ("Unlabel", "Car", "Person", "Bike", "Curve", "Car stop", "Guardrail", "Color cone", "Bump")
IGNORED = 255  # only for pixels that augmentation pads; no label file holds it


class SegmentationError(IvfbenchError):
    """Labels, splits, pictures or settings that cannot be used; the message names the file and the remedy."""


def read_label(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Class ids, uint8 [H,W] in 0..8.

    Args:
        path: an 8-bit PNG whose samples (or palette indices) are the ids.
        size: (height, width) of the picture it belongs to, checked when given.
    Raises SegmentationError: not one channel of 8 bits, an unknown id, another size. ImageError: missing or damaged.
    """
    with images.opened(path) as image:
        mode, ids = image.mode, np.array(image)
    if size is not None and ids.shape[:2] != tuple(size):
        raise SegmentationError(f"{path}: the label is {ids.shape[1]}x{ids.shape[0]} but its picture is "
                                f"{size[1]}x{size[0]}; labels must be as large as the pictures (scale ids by nearest "
                                "neighbour only)")
    if mode not in ("L", "P"):
        raise SegmentationError(f"{path}: sample format {mode}; expected one 8-bit channel of class ids. "
                                "Colour-coded maps are for viewing: use the release's id maps")
    unknown = [int(i) for i in np.unique(ids) if i >= len(CLASSES)]
    if unknown:
        raise SegmentationError(f"{path}: unknown class id {', '.join(map(str, unknown[:5]))}; MFNet's ids are "
                                f"0..{len(CLASSES) - 1} ({', '.join(CLASSES)}). Map the file's ids to these")
    return ids.astype(np.uint8, copy=False)

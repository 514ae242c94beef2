"""Small pictures, and pairs of them in TNO's layout."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (24, 36)
SCENE = np.add.outer(np.arange(24) * 4, np.arange(36) * 3).astype(np.uint8)  # a slope of grey, 0..197
COLOUR = np.stack([SCENE, SCENE[::-1], 255 - SCENE], -1)
DEEP = SCENE.astype(np.uint16) * 60 + 7000  # what a 14-bit sensor gives


def place(root: Path, ir, vi=COLOUR, names=("a", "b", "c")) -> Path:
    """`root`/tno/{ir,vi}: the same pictures under every name; an array, or a function that writes a file."""
    for folder, picture in (("ir", ir), ("vi", vi)):
        (root / "tno" / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            path = root / "tno" / folder / f"{name}.png"
            picture(path) if callable(picture) else Image.fromarray(picture).save(path)
    return root

"""Tiny MFNet-like data sets on disk for the segmentation tests."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (40, 48)


def write_mfnet(root: Path, *, train: int = 6, test: int = 2, size: tuple[int, int] = SIZE,
                lists: dict | None = None) -> Path:
    """`root`/mfnet in the official layout: bright blocks are cars, hot blobs persons. Returns the data set's folder."""
    folder = root / "mfnet"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    ids = [f"{i:05d}{'DN'[i % 2]}" for i in range(train + test)]
    for number, key in enumerate(ids):
        picture, ids_map = scene(np.random.default_rng(number), size)
        Image.fromarray(picture).save(folder / "images" / f"{key}.png")
        Image.fromarray(ids_map).save(folder / "labels" / f"{key}.png")
    lists = lists or {"train": ids[:train], "val": [], "test": ids[train:]}
    for role, names in lists.items():
        (folder / f"{role}.txt").write_text("".join(f"{name}\n" for name in names))
    return folder


def scene(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(RGB + thermal uint8 [H,W,4], ids uint8 [H,W])."""
    picture = rng.integers(40, 70, (*size, 4), dtype=np.uint8)
    ids = np.zeros(size, dtype=np.uint8)
    for label, value in ((1, (200, 60, 60, 90)), (2, (60, 60, 60, 240))):
        y, x = rng.integers(0, size[0] - 16), rng.integers(0, size[1] - 16)
        picture[y:y + 14, x:x + 14] = value
        ids[y:y + 14, x:x + 14] = label
    return picture, ids


def visible_pictures(folder: Path, out: Path) -> dict[str, Path]:
    """The visible channels as pictures of their own, id -> file."""
    out.mkdir(parents=True)
    found = {}
    for path in sorted((folder / "images").glob("*.png")):
        Image.fromarray(np.asarray(Image.open(path))[..., :3]).save(out / path.name)
        found[path.stem] = out / path.name
    return found

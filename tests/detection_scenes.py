"""A tiny detection data set: bright and dark rectangles on noise."""

from pathlib import Path

import numpy as np

from downstream.detection.data.policy import Box
from downstream.detection.dataset import DetectionSet
from downstream.detection.settings import DetectionSettings
from downstream.splits import Split
from fusion.images import write_png

CLASSES = ("bright", "dark")
HEIGHT, WIDTH = 48, 64


def scenes(folder: Path, count: int = 14, *, colour: bool = True, seed: int = 0) -> tuple[dict, DetectionSet]:
    """(id -> picture, labels). The last two pictures are the test set, the two before validate; one has no object."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images, boxes = {}, {}
    for number in range(count):
        key = f"{number:05d}"
        picture = rng.normal(110, 10, (HEIGHT, WIDTH, 3))
        found = []
        for label in range(0 if number == 1 else 2):
            w, h = rng.integers(12, 24), rng.integers(12, 24)
            x, y = rng.integers(0, WIDTH - w), rng.integers(0, HEIGHT - h)
            picture[y:y + h, x:x + w] = (230, 210, 200) if label == 0 else (30, 20, 60)
            found.append(Box(label, (x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT))
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        images[key] = folder / f"{key}.png"
        write_png(images[key], picture if colour else picture[..., 0])
        boxes[key] = tuple(found)
    ids = tuple(boxes)
    split = Split("official", ids[:-4], ids[-4:-2], ids[-2:], source="drawn for the test")
    return images, DetectionSet(name="scenes", title="Scenes", classes=CLASSES, boxes=boxes,
                                splits={"official": split}, problems=(), labels_at=folder)


def quick(**changes) -> DetectionSettings:
    """Seconds on one core; `changes` on top."""
    table = {"engine": "yolov5-sample", "epochs": 3, "batch": 4, "imgsz": 64, "nbs": 4, "workers": 0,
             "warmup_epochs": 1.0, "validate": False, "mosaic": 0.0}
    return DetectionSettings(**{**table, **changes})

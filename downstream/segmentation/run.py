"""Train on one method's pictures, predict the test split, count. The only module of the room that the suite runs."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from core.files import sha256
from downstream import _training
from downstream.segmentation.confusion import background_baseline, confusion, rows
from downstream.segmentation.dataset import SegmentationSet
from downstream.segmentation.labels import SegmentationError, read_label
from downstream.segmentation.settings import SegmentationSettings
from downstream.splits import FLIP, Split, base_id
from fusion.images import size, write_png
from fusion.pairs import Pair

PREDICTIONS = "predictions"
# settings that do not change the trained network: a state is used again under others (the weights file counts by hash)
NOT_TRAINED = ("workers", "absent", "pretrained")


@dataclass(frozen=True)
class SegmentationResult:
    """What one training gave.

    rows: {item, metric, value}, see confusion.rows. losses: mean training loss per epoch. cost: see
    _training.estimate_cost. settings: as used. predictions: folder of predicted id maps, `<id>.png`.
    seconds: training and prediction. confusion: int64 pixel counts, rows = truth. baseline: mIoU of answering
    "Unlabel" everywhere on the same test split. notes: what must be said beside the numbers.
    """

    rows: list[dict]
    losses: list[float]
    cost: dict
    settings: dict
    predictions: Path
    seconds: float
    confusion: np.ndarray
    baseline: float
    notes: list[str] = field(default_factory=list)


def run_segmentation(images: Mapping[str, Path | tuple[Path, Path] | Pair], dataset: SegmentationSet,
                     split: str | Split | None, settings: SegmentationSettings, *, seed: int, device: str, out: Path,
                     progress: _training.Progress | None = None) -> SegmentationResult:
    """Train DeepLabv3+ on the split's train ids and score its test ids.

    Args:
        images: id -> picture, 8-bit grey or RGB, as large as its label. With settings.four_channel: id -> 4-channel
            picture, or (infrared, visible). `_flip` ids need no picture, theirs is mirrored.
        split: a name of dataset.splits, a Split, or None for the default one.
        device: torch device.
        out: folder of this training, everything is written below it; a killed run called again goes on from its last
            finished epoch and ends, on a CPU, with the same result.
        progress: called after every epoch.
    Raises SegmentationError or ImageError for unusable input, _training.TrainingError when `out` holds another training
    or the loss is not finite.
    """
    split = split if isinstance(split, Split) else dataset.split(split)
    _check_ids(split, dataset, settings)
    dataset.check_unchanged()
    _check_pictures(images, dataset, split)
    from downstream.segmentation import batches, training  # loads torch and mmsegmentation

    def items(keys: Sequence[str]) -> list:
        return [batches.Item(key, images[base_id(key)], dataset.labels[base_id(key)], dataset.legend,
                             key.endswith(FLIP))
                for key in keys]

    out = Path(out)
    folder = out / PREDICTIONS
    folder.mkdir(parents=True, exist_ok=True)
    trained = {name: value for name, value in asdict(settings).items() if name not in NOT_TRAINED}
    identity = _training.identity(settings=trained, seed=seed, split=split.manifest, labels=dataset.manifest,
                                  pretrained=_hash(settings.pretrained), images=_digest(images, split.train))
    network, record = training.train(items(split.train), len(dataset.classes), settings, seed=seed, device=device,
                                     out=out, identity=identity, progress=progress)
    begun = time.perf_counter()
    matrix = np.zeros((len(dataset.classes),) * 2, dtype=np.int64)

    def count(item: "batches.Item", truth: np.ndarray, predicted: np.ndarray) -> None:
        matrix[...] += confusion(truth, predicted, len(matrix))
        write_png(folder / f"{item.id}.png", predicted)

    training.predict(network, items(split.test), settings, count)
    dataset.check_unchanged()
    baseline = background_baseline(matrix, settings.absent)
    return SegmentationResult(
        rows=rows(matrix, dataset.classes, settings.absent), losses=record["losses"], cost=record["cost"],
        settings=asdict(settings), predictions=folder, seconds=record["seconds"] + time.perf_counter() - begun,
        confusion=matrix, baseline=baseline, notes=_notes(dataset, split, settings, baseline))


def _notes(dataset: SegmentationSet, split: Split, settings: SegmentationSettings, baseline: float) -> list[str]:
    """What was trained on what, what an IoU is, and that labels are a network's where they are."""
    absent = "is left out of the means" if settings.absent == "nan" else "counts as 0"
    found = [settings.title, f"split {split.name} of {dataset.title}: {len(split.train)} pictures to train, "
             f"{len(split.test)} to test; answering {dataset.classes[0]} everywhere has mIoU {baseline:.3f} on these",
             f"a class in neither labels nor predictions {absent}", dataset.note, split.note]
    return list(dict.fromkeys(filter(None, found)))


def _check_ids(split: Split, dataset: SegmentationSet, settings: SegmentationSettings) -> None:
    if len(split.train) < settings.batch:
        raise SegmentationError(f"{dataset.name}, split {split.name}: {len(split.train)} training pictures for "
                                f"batches of {settings.batch}; lower the setting batch or add pictures")
    if not split.test:
        raise SegmentationError(f"{dataset.name}, split {split.name}: no test pictures")
    unknown = [k for k in (*split.train, *split.test) if base_id(k) not in dataset.labels]
    if unknown:
        raise SegmentationError(f"{dataset.name}, split {split.name}: {unknown[0]} (and {len(unknown) - 1} more) has "
                                "no label; use the data set's own split")


def _check_pictures(images: Mapping, dataset: SegmentationSet, split: Split) -> None:
    """Every picture is there and as large as its label, every label has known ids: found before hours of training."""
    keys = list(dict.fromkeys(map(base_id, (*split.train, *split.test))))
    missing = [k for k in keys if k not in images]
    if missing:
        raise SegmentationError(f"{dataset.name}: no picture for {missing[0]} (and {len(missing) - 1} more of "
                                f"{len(keys)}); fuse every pair of the split first")
    for key in keys:
        for path in _paths(images[key]):
            read_label(dataset.labels[key], dataset.legend, size(path))


def _paths(source: Path | tuple[Path, Path] | Pair) -> tuple[Path, ...]:
    if isinstance(source, Pair):
        return (source.ir,) if source.packed else (source.ir, source.vi)
    return source if isinstance(source, tuple) else (source,)


def _digest(images: Mapping, keys: Sequence[str]) -> str:
    """sha256 over the files of the training pictures."""
    digest = hashlib.sha256()
    for key in dict.fromkeys(map(base_id, keys)):
        for path in _paths(images[key]):
            digest.update(f"{key}\0{_hash(path)}\n".encode())
    return digest.hexdigest()


def _hash(path: Path | str | None) -> str:
    return "" if path is None else sha256(Path(path))

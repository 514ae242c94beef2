"""Train a detector on one method's pictures and score it. What the suite runs."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.files import read_json, sha256, write_json
from downstream import _training, guard
from downstream.detection.data.folder import build_folder, check_images
from downstream.detection.dataset import DetectionSet
from downstream.detection.engines import Job, engine
from downstream.detection.settings import DetectionSettings
from downstream.splits import Split
from fusion.images import size


@dataclass(frozen=True)
class DetectionResult:
    """What one training gave.

    rows: {item, metric, value}, see evaluate.average_precision. losses: mean training loss per epoch. cost: see
    _training.estimate_cost. settings: as used. predictions: JSON with the test pictures' boxes, see read_predictions.
    seconds: training, prediction and scoring, over all calls. notes: what must be said beside the numbers.
    """

    rows: list[dict]
    losses: list[float]
    cost: dict
    settings: dict
    predictions: Path
    seconds: float
    notes: list[str] = field(default_factory=list)


def run_detection(images: Mapping[str, Path], dataset: DetectionSet, split: str | Split | None,
                  settings: DetectionSettings, *, seed: int, device: str, out: Path,
                  progress: _training.Progress | None = None) -> DetectionResult:
    """Train on the split's train ids, choose by val (see DetectionSettings.validate), score the test ids.

    Args:
        images: id -> fused picture, 8-bit grey or RGB.
        split: a name of dataset.splits, a Split, or None for the default one.
        device: torch device.
        out: folder of this training, everything is written below it; a killed run called again goes on after its last
            finished epoch and ends, on a CPU, with the rows of an uninterrupted one.
        progress: called after every epoch.
    Raises DetectionError or ImageError for unusable input, _training.TrainingError when `out` holds another training
    or the loss is not finite.
    """
    begun = time.perf_counter()
    split = split if isinstance(split, Split) else dataset.split(split)
    out = Path(out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    identity = _training.identity(settings=_deciding(settings), seed=seed, split=split.sha256, labels=dataset.manifest,
                                  pictures=check_images(images, dataset, split))
    data = build_folder(out / "dataset", images, dataset, split, colour=settings.colour)
    guard.prepare(out / "config")
    guard.torchvision_guard()
    guard.fonts()
    chosen = engine(Job(settings, data, out, dataset.classes, seed, device, identity, progress))
    trained = chosen.train()
    predicted = chosen.predict(split.test)
    shutil.rmtree(data.parent, ignore_errors=True)  # links and labels: of no more use
    from downstream.detection.evaluate import average_precision

    sizes = {key: size(images[key]) for key in split.test}
    path = out / "predictions.json"
    write_predictions(path, settings, dataset.classes, sizes, predicted)
    rows = average_precision(read_predictions(path), {key: dataset.boxes[key] for key in split.test}, sizes,
                             dataset.classes)
    seconds = trained.seconds + time.perf_counter() - begun - trained.now
    notes = [settings.title, *trained.notes, f"split {split.name}: {split.source}", split.note]
    return DetectionResult(rows, trained.losses, trained.cost, asdict(settings), path, seconds,
                           [note for note in notes if note])


def check_sources(settings: DetectionSettings) -> None:
    """DetectionError, before anything is fused, for initial weights or a repository that may not be used."""
    if settings.weights:
        from downstream.detection.engines.initial import initial_state  # loads torch

        initial_state(Path(settings.weights))
    if settings.engine == "yolov5-classic":
        from downstream.detection.engines.repository import check_source

        check_source(settings)


def _deciding(settings: DetectionSettings) -> dict:
    """The settings that can change numbers; initial weights count by content."""
    table = asdict(settings)
    if settings.weights:
        table["weights"] = sha256(Path(settings.weights))
    return table


def write_predictions(path: Path, settings: DetectionSettings, classes: tuple[str, ...],
                      sizes: Mapping[str, tuple[int, int]], predicted: Mapping[str, list]) -> None:
    """predictions.json: {"engine", "classes", "images": {id: {"height", "width", "boxes": [[x0, y0, x1, y1, score,
    class index], ...]}}}; corners in pixels, falling scores."""
    table = {key: {"height": h, "width": w, "boxes": predicted.get(key, [])} for key, (h, w) in sizes.items()}
    write_json(path, {"engine": settings.title, "classes": list(classes), "images": table}, indent=None)


def read_predictions(path: Path) -> dict[str, list[list[float]]]:
    """Boxes by picture id from predictions.json."""
    table = read_json(path)
    return {key: picture["boxes"] for key, picture in table["images"].items()}

"""Train a detector on one method's pictures and score it. What the suite runs."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.files import write_json
from downstream import _training, guard
from downstream.detection.dataset import DetectionSet
from downstream.detection.folder import build_folder, check_images
from downstream.detection.settings import DetectionSettings
from downstream.splits import Split
from fusion.images import size

WEIGHTS = "weights.pt"
# services that ultralytics would import and report to if they are installed
_REPORTERS = ("sync", "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "tensorboard", "wandb")


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
                  progress: _training.Progress | None = None, labels: Path | None = None) -> DetectionResult:
    """Train on the split's train ids, choose by val (see DetectionSettings.validate), score the test ids.

    Args:
        images: id -> fused picture, 8-bit grey or RGB.
        split: a name of dataset.splits, a Split, or None for the default one.
        device: torch device.
        out: folder of this training, everything is written below it; a killed run called again goes on after its last
            finished epoch and ends, on a CPU, with the rows of an uninterrupted one.
        progress: called after every epoch.
        labels: folder for label files shared by all methods (default: below `out`).
    Raises DetectionError or ImageError for unusable input, _training.TrainingError when `out` holds another training
    or the loss is not finite.
    """
    begun = time.perf_counter()
    split = split if isinstance(split, Split) else dataset.split(split)
    out = Path(out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    identity = _training.identity(settings=_deciding(settings), seed=seed, split=split.sha256, labels=dataset.manifest,
                                  pictures=check_images(images, dataset, split))
    data = build_folder(out / "dataset", images, dataset, split, colour=settings.colour,
                        labels=labels or out / "labels")
    guard.prepare(out / "config")
    if settings.engine == "yolov5-classic":
        from downstream.detection import classic

        trained = classic.train(settings, data, out, dataset.classes, seed=seed, device=device, identity=identity,
                                progress=progress)
        predicted = classic.predict(settings, data, out, split.test, device=device)
    else:
        trained, predicted = _ultralytics(settings, data, out, dataset.classes, seed, device, identity, progress)
    from downstream.detection.evaluate import average_precision

    sizes = {key: size(images[key]) for key in split.test}
    path = out / "predictions.json"
    write_predictions(path, settings, dataset.classes, sizes, predicted)
    rows = average_precision(read_predictions(path), {key: dataset.boxes[key] for key in split.test}, sizes,
                             dataset.classes)
    seconds = trained["seconds"] + time.perf_counter() - begun - trained["now"]
    notes = [settings.title, f"split {split.name}: {split.source}", split.note]
    return DetectionResult(rows, trained["losses"], trained["cost"], asdict(settings), path, seconds,
                           [note for note in notes if note])


def _ultralytics(settings, data, out, classes, seed, device, identity, progress) -> tuple[dict, dict]:
    with _quiet():
        from downstream.detection import trainer

        saved = _training.load_state(out / WEIGHTS, identity)
        now = 0.0
        if saved is None:
            state = _training.load_state(out / trainer.STATE, identity)
            before = state["seconds"] if state else 0.0
            if state is None or state["epoch"] + 1 < settings.epochs:
                training = trainer.Trainer(settings, data, out, seed=seed, device=device, identity=identity,
                                           progress=progress)
                training.train()
                state = {"losses": training.losses, "seconds": training.spent}
                weights = training.final_weights()
            else:
                weights = state["best"] or state["average"]
            now = state["seconds"] - before
            saved = {"weights": weights, "losses": state["losses"], "seconds": state["seconds"]}
            _training.save_state(out / WEIGHTS, saved, identity)
            (out / trainer.STATE).unlink(missing_ok=True)  # four times the weights' size, of no more use
        predicted = trainer.predict(saved["weights"], settings, data, out, classes, seed=seed, device=device)
    cost = json.loads((out / "cost.json").read_text(encoding="utf-8"))
    return {"losses": saved["losses"], "seconds": saved["seconds"], "now": now, "cost": cost}, predicted


def _deciding(settings: DetectionSettings) -> dict:
    """The settings that can change numbers; initial weights count by content."""
    table = asdict(settings)
    if settings.weights:
        table["weights"] = hashlib.sha256(Path(settings.weights).read_bytes()).hexdigest()
    return table


@contextmanager
def _quiet():
    """ultralytics prints to standard output; errors still come through."""
    from ultralytics.utils import LOGGER, SETTINGS

    SETTINGS.update({key: False for key in _REPORTERS if key in SETTINGS})
    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)
    try:
        yield
    finally:
        LOGGER.setLevel(level)


def write_predictions(path: Path, settings: DetectionSettings, classes: tuple[str, ...],
                      sizes: Mapping[str, tuple[int, int]], predicted: Mapping[str, list]) -> None:
    """predictions.json: {"engine", "classes", "images": {id: {"height", "width", "boxes": [[x0, y0, x1, y1, score,
    class index], ...]}}}; corners in pixels, falling scores."""
    table = {key: {"height": h, "width": w, "boxes": predicted.get(key, [])} for key, (h, w) in sizes.items()}
    write_json(path, {"engine": settings.title, "classes": list(classes), "images": table}, indent=None)


def read_predictions(path: Path) -> dict[str, list[list[float]]]:
    """Boxes by picture id from predictions.json."""
    table = json.loads(Path(path).read_text(encoding="utf-8"))
    return {key: picture["boxes"] for key, picture in table["images"].items()}

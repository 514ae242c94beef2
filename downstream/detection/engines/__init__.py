"""What trains a detector and predicts with it. An engine is a module of this package that makes an Engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from downstream._training import Progress
from downstream.detection.settings import DetectionSettings

# one detection: x0, y0, x1, y1 in pixels of the picture, score, class index
Detections = dict[str, list[list[float]]]


@dataclass(frozen=True)
class Job:
    """One training. data: its data.yaml (data.folder). out: its folder. identity: whose states it may go on from."""

    settings: DetectionSettings
    data: Path
    out: Path
    classes: tuple[str, ...]
    seed: int
    device: str
    identity: str
    progress: Progress | None = None


@dataclass(frozen=True)
class Trained:
    """losses: mean training loss per epoch. seconds: over all calls of a resumed training; now: of this one.

    notes: what must be said beside the numbers.
    """

    losses: list[float]
    seconds: float
    now: float
    cost: dict[str, Any]
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """A detector's training and prediction, both on one job; `predict` comes after `train`."""

    def train(self) -> Trained:
        """Train to the end, or go on from the last finished epoch of a killed training. Raises TrainingError."""

    def predict(self, ids: Sequence[str]) -> Detections:
        """Detections of the test pictures by falling score; a picture without any may be missing."""


def engine(job: Job) -> Engine:
    """The engine that the job's settings name."""
    if job.settings.engine == "yolov5-classic":
        from downstream.detection.engines.classic import Classic

        return Classic(job)
    from downstream.detection.engines.library import Library

    return Library(job)

"""The anchor-free YOLOv5u of ultralytics, trained in this process. Import it after downstream.guard's functions."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ultralytics.utils import LOGGER, SETTINGS

from downstream._training import estimate_cost, load_state, save_state
from downstream.detection.engines import Detections, Job, Trained, trainer

WEIGHTS = "weights.pt"
# services that ultralytics would import and report to if they are installed
_REPORTERS = ("sync", "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "tensorboard", "wandb")


class Library:
    """See engines.Engine."""

    def __init__(self, job: Job):
        self.job = job
        self.weights: dict[str, Any] = {}

    def train(self) -> Trained:
        job = self.job
        with _quiet():
            saved, now = load_state(job.out / WEIGHTS, job.identity), 0.0
            if saved is None:
                saved, now = self._train()
        self.weights = saved["weights"]
        cost = estimate_cost(job.out, seconds=saved["seconds"], epochs=job.settings.epochs, device=job.device,
                             first=len(saved["losses"]))  # what was written then, or the mean where that is gone
        return Trained(saved["losses"], saved["seconds"], now, cost)

    def _train(self) -> tuple[dict[str, Any], float]:
        """(what is saved of the finished training, seconds spent now)."""
        job = self.job
        state = load_state(job.out / trainer.STATE, job.identity)
        before = state["seconds"] if state else 0.0
        if state is None or state["epoch"] + 1 < job.settings.epochs:
            training = trainer.Trainer(job.settings, job.data, job.out, seed=job.seed, device=job.device,
                                       identity=job.identity, progress=job.progress)
            training.train()
            state = {"losses": training.losses, "seconds": training.spent}
            weights = training.final_weights()
        else:
            weights = state["best"] or state["average"]
        saved = {"weights": weights, "losses": state["losses"], "seconds": state["seconds"]}
        save_state(job.out / WEIGHTS, saved, job.identity)
        (job.out / trainer.STATE).unlink(missing_ok=True)  # four times the weights' size, of no more use
        return saved, state["seconds"] - before

    def predict(self, ids: Sequence[str]) -> Detections:
        job = self.job
        with _quiet():
            return trainer.predict(self.weights, job.settings, job.data, job.out, job.classes, seed=job.seed,
                                   device=job.device)


@contextmanager
def _quiet() -> Iterator[None]:
    """ultralytics prints to standard output; errors still come through."""
    SETTINGS.update({key: False for key in _REPORTERS if key in SETTINGS})
    level = LOGGER.level
    LOGGER.setLevel(logging.ERROR)
    try:
        yield
    finally:
        LOGGER.setLevel(level)

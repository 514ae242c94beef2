"""ultralytics' trainer, made exactly resumable. Import it after downstream.guard's functions.

ultralytics resumes from half-precision averaged weights, with new random numbers and a reset gradient accumulation.
Here the full-precision state of every epoch's end is kept in one file, and every epoch starts from its own seed with
a new loader, so that a resumed run cannot be told from an uninterrupted one.
"""

import io
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from ultralytics.models.yolo.detect import DetectionTrainer, DetectionValidator
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.torch_utils import unwrap_model

from downstream._training import Progress, TrainingError, estimate_cost, load_state, save_state, seed_epoch
from downstream.detection.engines.initial import initial_state
from downstream.detection.engines.networks import sample_network
from downstream.detection.settings import ENGINES, DetectionError, DetectionSettings

STATE = "state.pt"
# pinned, so that a changed default of the library cannot change numbers
_PINNED = {
    "task": "detect", "mode": "train", "patience": 0, "plots": False, "save_period": -1, "cos_lr": False,
    "multi_scale": 0.0, "single_cls": False, "freeze": None, "compile": False, "dropout": 0.0, "cutmix": 0.0,
    "copy_paste": 0.0, "degrees": 0.0, "shear": 0.0, "perspective": 0.0, "bgr": 0.0, "warmup_momentum": 0.8,
    "warmup_bias_lr": 0.1, "box": 7.5, "cls": 0.5, "dfl": 1.5, "cls_pw": 0.0, "deterministic": True, "verbose": False,
    "exist_ok": True, "resume": False, "fraction": 1.0,
}
_SETTINGS = ("epochs", "batch", "imgsz", "optimizer", "lr0", "lrf", "momentum", "weight_decay", "warmup_epochs", "nbs",
             "rect", "close_mosaic", "mosaic", "mixup", "hsv_h", "hsv_s", "hsv_v", "translate", "scale", "fliplr",
             "flipud", "conf", "max_det", "workers", "amp")


def overrides(settings: DetectionSettings, data: Path, out: Path, seed: int, device: str) -> dict:
    """The library's configuration for these settings."""
    table = {name: vars(settings)[name] for name in _SETTINGS}
    return {**_PINNED, **table, "iou": settings.nms_iou, "val": settings.validate, "seed": seed, "device": device,
            "cache": "ram" if settings.cache else False, "pretrained": False,
            "model": ENGINES[settings.engine][0], "data": str(data), "project": str(out), "name": "library"}


def network(settings: DetectionSettings, classes: int, seed: int) -> DetectionModel:
    """The untrained network; the same weights for the same seed."""
    config = sample_network() if settings.engine == "yolov5-sample" else ENGINES[settings.engine][0]
    seed_epoch(seed, -1)
    return DetectionModel(config, nc=classes, ch=3, verbose=False)


def given_network(settings: DetectionSettings) -> DetectionModel:
    """The network of settings.weights, for as many classes as it has. Raises DetectionError where it is another one."""
    state = initial_state(Path(settings.weights))
    numbers = [int(key.split(".")[1]) for key in state if key.count(".") > 1 and key.split(".")[1].isdecimal()]
    last = f"model.{max(numbers, default=0)}"
    score = state.get(f"{last}.cv3.0.2.bias")
    other = f"{settings.weights}: no weights of {settings.title}"
    if score is None or score.ndim != 1:
        raise DetectionError(f"{other}: it has no {last}.cv3.0.2.bias, the classes' scores; name a file of this engine")
    model = network(settings, len(score), 0)
    own = model.state_dict()
    odd = [key for key in own if key not in state or state[key].shape != own[key].shape]
    if odd:
        raise DetectionError(f"{other}: {odd[0]} (and {len(odd) - 1} more) missing or of another shape; name a file of "
                             "this engine")
    model.load_state_dict({key: state[key] for key in own})
    return model


class Trainer(DetectionTrainer):
    """One training whose every epoch is determined by the state at the end of the one before."""

    # the library sets these after __init__
    model: Any
    optimizer: Any
    scaler: Any
    ema: Any
    tloss: Any
    loss: Any

    def __init__(self, settings: DetectionSettings, data: Path, out: Path, *, seed: int, device: str, identity: str,
                 progress: Progress | None = None):
        self.declared, self.number, self.identity, self.report = settings, seed, identity, progress
        self.state_path, self.folder = Path(out) / STATE, Path(out)
        self.losses: list[float] = []
        self.spent, self.cost = 0.0, dict[str, Any]()
        self.best_weights: dict[str, Any] | None = None
        self.batch_number = self.last_step = -1
        super().__init__(overrides=overrides(settings, data, out, seed, device))
        self.add_callback("on_train_epoch_start", Trainer.begin_epoch)

    def get_model(self, cfg=None, weights=None, verbose=True):
        model = self.set_model_names_for_load(network(self.declared, self.data["nc"], self.number))
        if self.declared.weights:
            model.load(given_network(self.declared), verbose=False)
        return model

    def get_dataloader(self, *args, **kwargs):
        with redirect_stdout(io.StringIO()):  # caching pictures prints a bar whatever the log level
            return super().get_dataloader(*args, **kwargs)

    # --- every epoch starts afresh

    def begin_epoch(self) -> None:
        self.began = time.perf_counter()
        number = seed_epoch(self.number, self.epoch)
        loader, dataset = self.train_loader, self.train_loader.dataset
        loader.generator.manual_seed(number)
        loader.reset()
        if dataset.cache != "ram":  # the mosaic's memory of recent pictures
            for i in dataset.buffer:
                dataset.ims[i] = dataset.im_hw0[i] = dataset.im_hw[i] = None
            dataset.buffer = []
        self._oom_retries = 3  # out of memory is an error: the library would go on with half the batch
        self.batch_number = self.epoch * len(loader) - 1

    # --- gradient accumulation: the library's rule, with a counter that survives a kill

    def preprocess_batch(self, batch: dict) -> dict:
        self.batch_number += 1
        self.due = self.accumulate or self.nominal  # the library sets it before every batch of the warm-up
        self.accumulate = 0  # the library then asks for a step after every batch, optimizer_step decides
        return super().preprocess_batch(batch)

    def optimizer_step(self) -> None:
        if self.batch_number - self.last_step >= self.due:
            super().optimizer_step()
            self.last_step = self.batch_number

    # --- state

    def save_model(self) -> bool:
        """Called by the library at the end of every epoch."""
        loss = sum(float(value) for value in self.tloss.values())
        self.losses.append(loss)
        self.spent += time.perf_counter() - self.began
        average = self.ema.ema.state_dict()
        if self.declared.validate and (self.fitness == self.best_fitness or self.best_weights is None):
            self.best_weights = {k: v.detach().cpu().clone() for k, v in average.items()}
        save_state(self.state_path, {
            "epoch": self.epoch, "losses": self.losses, "seconds": self.spent,
            "model": unwrap_model(self.model).state_dict(), "average": average, "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict(),
            "best": self.best_weights, "best_fitness": None if self.best_fitness is None else float(self.best_fitness),
            "last_step": self.last_step,
            "gradients": [p.grad for p in self.model.parameters()] if self.last_step < self.batch_number else None,
        }, self.identity)
        self.cost = estimate_cost(self.folder, seconds=self.spent, epochs=self.epochs,
                                  device=str(self.device), first=len(self.losses))
        if self.report:
            self.report(self.epoch + 1, self.epochs, loss)
        return False  # no checkpoint of the library's kind was written

    def resume_training(self, ckpt) -> None:
        """Called by the library when everything is built: continue from the state file where there is one."""
        self.nominal = self.accumulate
        state = load_state(self.state_path, self.identity)
        if state is None:
            return
        unwrap_model(self.model).load_state_dict(state["model"])
        self.ema.ema.load_state_dict(state["average"])
        self.ema.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.best_weights, self.best_fitness = state["best"], state["best_fitness"]
        self.losses, self.spent, self.last_step = state["losses"], state["seconds"], state["last_step"]
        self.pending = state["gradients"]
        self.start_epoch = state["epoch"] + 1
        # the library clears gradients between this call and the first batch
        self.add_callback("on_train_batch_start", Trainer.restore_gradients)

    def restore_gradients(self) -> None:
        pending, self.pending = self.pending, None
        for parameter, gradient in zip(self.model.parameters(), pending or ()):
            if gradient is not None:
                parameter.grad = gradient.to(parameter.device)

    def final_weights(self) -> dict:
        """Averaged weights of the best epoch by validation, or of the last one."""
        return self.best_weights or {k: v.detach().cpu() for k, v in self.ema.ema.state_dict().items()}

    # --- what the library would do quietly

    def _handle_nan_recovery(self, epoch: int) -> bool:
        if self.loss is not None and not torch.isfinite(self.loss):
            raise TrainingError(f"training loss is {self.loss.item()} in epoch {epoch + 1}; lower lr0 "
                                f"(now {self.declared.lr0}) or check the pictures")
        return False

    def final_eval(self) -> None:
        """The benchmark scores the test split itself."""


class Collector(DetectionValidator):
    """Keeps the boxes that are scored, in pixels of the picture."""

    collected: dict[str, list[list[float]]]

    def update_metrics(self, preds, batch) -> None:
        for i, prediction in enumerate(preds):
            where = self._prepare_batch(i, batch)
            boxes = self.scale_preds(prediction, where)
            table = torch.cat([boxes["bboxes"], boxes["conf"][:, None], boxes["cls"][:, None]], dim=1).cpu()
            self.collected[Path(where["im_file"]).stem] = [
                [*(round(v, 2) for v in row[:4]), round(row[4], 6), int(row[5])] for row in table.double().tolist()]

    def get_dataloader(self, *args, **kwargs):
        with redirect_stdout(io.StringIO()):
            return super().get_dataloader(*args, **kwargs)

    def get_stats(self) -> dict:
        return {}

    def print_results(self) -> None:
        pass


def predict(weights: dict, settings: DetectionSettings, data: Path, out: Path, classes: tuple[str, ...], *, seed: int,
            device: str) -> dict[str, list[list[float]]]:
    """Boxes of every test picture: id -> [x0, y0, x1, y1 (pixels), score, class], by falling score."""
    model = network(settings, len(classes), seed)
    model.load_state_dict(weights)
    model.names = dict(enumerate(classes))
    model.to(device).eval()
    args = {**overrides(settings, data, out, seed, device), "mode": "val", "split": "test", "rect": True}
    collector = Collector(args=args, save_dir=Path(out) / "library")
    collector.collected = {}
    collector(model=model)
    return collector.collected

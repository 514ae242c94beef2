"""Everything that decides a detection training besides its pictures, labels, split and seed."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from core.errors import IvfbenchError
from core.names import is_name
from downstream._settings import require

# engine -> (model file, how tables name it). ultralytics' "u" networks are anchor-free; the paper's YOLOv5x is the
# classic anchor-based one.
ENGINES = {
    **{f"yolov5{s}u": (f"yolov5{s}.yaml", f"YOLOv5{s}u (ultralytics, anchor-free)") for s in "nsmlx"},
    "yolov5-sample": ("yolov5-sample.yaml", "a cut-down YOLOv5u for the sample"),
    "yolov5-classic": ("", "YOLOv5, classic, anchor-based"),
}
Engine = Literal["yolov5nu", "yolov5su", "yolov5mu", "yolov5lu", "yolov5xu", "yolov5-sample", "yolov5-classic"]
_PROBABILITIES = ("fliplr", "flipud", "mosaic", "mixup")


def _is_branch(text: str) -> bool:
    """A name that git takes for a tag or branch and for nothing else."""
    parts = text.split("/")
    return all(is_name(part) and ".." not in part and not part.endswith((".", ".lock")) for part in parts)


def _is_source(text: str) -> bool:
    """No option, no control character, no helper program ("ext::")."""
    return bool(text) and not text.startswith("-") and text.isprintable() and "::" not in text


class DetectionError(IvfbenchError):
    """A setting or input that detection cannot work with; the message names it and the remedy."""


@dataclass(frozen=True)
class DetectionSettings:
    """The defaults are the paper's where it says something (YOLOv5x, 100 epochs, batch 8, SGD, lr 1e-2) and YOLOv5
    v7.0's (hyp.scratch-low, val.py) where it does not.

    engine: a key of ENGINES. imgsz: longer side, a multiple of 32. lrf: final lr = lr0 * lrf, linear decay.
    nbs: nominal batch; gradients accumulate over nbs / batch batches. close_mosaic: last epochs without mosaic.
    rect: train on rectangles instead of squares (no mosaic then). Augmentation: hsv_* fractions of colour jitter,
    translate and scale fractions, the others probabilities.
    validate: score the validation split after every epoch and keep the best epoch's weights; False keeps the last.
    colour: False trains on the BT.601 grey of the pictures (the network keeps three input channels).
    weights: file with initial weights; "" trains from scratch (nothing is downloaded).
    conf, nms_iou, max_det: of the predictions that are scored. workers: processes that load pictures.
    cache: keep pictures in memory. amp: mixed precision (GPU only).
    classic_*: repository, tag and model of the engine "yolov5-classic".
    """

    engine: Engine = "yolov5xu"
    epochs: int = 100
    batch: int = 8
    imgsz: int = 640
    optimizer: Literal["SGD", "Adam", "AdamW"] = "SGD"  # "auto" would ignore lr0
    lr0: float = 1e-2
    lrf: float = 0.01
    momentum: float = 0.937
    weight_decay: float = 5e-4
    warmup_epochs: float = 3.0
    nbs: int = 64
    rect: bool = False
    close_mosaic: int = 0
    mosaic: float = 1.0
    mixup: float = 0.0
    hsv_h: float = 0.015
    hsv_s: float = 0.7
    hsv_v: float = 0.4
    translate: float = 0.1
    scale: float = 0.5
    fliplr: float = 0.5
    flipud: float = 0.0
    validate: bool = True
    colour: bool = True
    weights: str = ""
    conf: float = 0.001
    nms_iou: float = 0.6
    max_det: int = 300
    workers: int = 8
    cache: bool = False
    amp: bool = False
    classic_repository: str = "https://github.com/ultralytics/yolov5"
    classic_tag: str = "v7.0"
    classic_model: str = "yolov5x"

    def __post_init__(self) -> None:
        check = partial(require, self)
        for name in ("epochs", "batch", "nbs", "max_det"):
            check(name, vars(self)[name] >= 1, "a whole number, 1 or more")
        check("imgsz", self.imgsz >= 32 and self.imgsz % 32 == 0, "a multiple of 32")
        check("lr0", 0 < self.lr0 <= 1, "above 0, at most 1")
        check("lrf", 0 < self.lrf <= 1, "above 0, at most 1")
        check("momentum", 0 <= self.momentum < 1, "in [0, 1)")
        for name in ("weight_decay", "warmup_epochs", "workers", "close_mosaic"):
            check(name, vars(self)[name] >= 0, "0 or more")
        for name in _PROBABILITIES:
            check(name, 0 <= vars(self)[name] <= 1, "a probability")
        for name in ("hsv_h", "hsv_s", "hsv_v", "translate", "scale", "conf", "nms_iou"):
            check(name, 0 <= vars(self)[name] < 1, "in [0, 1)")
        check("rect", not (self.rect and self.mosaic), "false with mosaic")
        # they reach git's command line and file names
        check("classic_tag", _is_branch(self.classic_tag), "a tag's or branch's name")
        check("classic_repository", _is_source(self.classic_repository), "an https or ssh address, or a folder")
        check("classic_model", is_name(self.classic_model), "a model's name, e.g. yolov5x")
        if self.weights:
            check("weights", Path(self.weights).is_file(), "an existing file (nothing is downloaded)")

    @property
    def initial_weights(self) -> str:
        """The file that a training starts from, or ''."""
        return self.weights

    @property
    def title(self) -> str:
        """How tables name what was trained, e.g. "YOLOv5xu (ultralytics, anchor-free), 640, from scratch"."""
        name = ENGINES[self.engine][1]
        if self.engine == "yolov5-classic":
            name = f"{self.classic_model} {self.classic_tag} (classic, anchor-based)"
        return f"{name}, {self.imgsz}, {'initial weights given' if self.weights else 'from scratch'}"

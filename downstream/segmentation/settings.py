"""Everything that decides a segmentation training besides its pictures, labels, split and seed."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from downstream._settings import require


@dataclass(frozen=True)
class SegmentationSettings:
    """DeepLabv3+ on ResNetV1c. The defaults are the paper's where it says something (cross-entropy, SGD, lr 1e-2, 300
    epochs) and mmsegmentation's DeepLabv3+ recipe where it does not.

    depth: ResNet-18, 50 or 101. base_channels: width of its first stage (64 in the published networks).
    output_stride: 8 ("d8") or 16. head_channels: width of the ASPP head (512). auxiliary: FCN head on stage 3.
    crop: (height, width) of training crops; smaller pictures are padded with ignored pixels.
    max_share: a crop that one class covers by more is drawn again (ten draws at most); 1 turns this off.
    scale: range of the random resizing before the crop. flip: probability of mirroring.
    schedule: "poly" (lr falls to min_lr with `power`, every iteration) or "constant".
    optimizer: "SGD" with `momentum`, or "AdamW" (decoupled weight decay; Loshchilov and Hutter, ICLR 2019).
    class_balance: how far cross-entropy favours rare classes: weights are (share of a class in the training labels) to
    the power -class_balance; 0 is plain cross-entropy, 1 gives every class the same say.
    pretrained: file with ImageNet weights of ResNetV1c; None trains from scratch.
    colour: False trains on the BT.601 grey of the pictures.
    four_channel: early fusion; pictures are RGB + thermal (see run_segmentation).
    absent: what the IoU of a class that occurs neither in labels nor in predictions is: "nan" (left out of the mean) or
    "zero" (counted as 0).
    amp: the forward pass of training in bfloat16 (autocast), loss, weights and optimizer in float32; prediction stays
    float32. A step on a CPU with AMX is 1.4 (width 16) to 1.9 times (width 32) as fast; without it it may be slower.
    workers: processes that load pictures.
    """

    depth: Literal[18, 50, 101] = 50
    base_channels: int = 64
    output_stride: Literal[8, 16] = 8
    head_channels: int = 512
    auxiliary: bool = True
    crop: tuple[int, int] = (480, 640)
    scale: tuple[float, float] = (0.5, 2.0)
    max_share: float = 0.75
    flip: float = 0.5
    batch: int = 8
    epochs: int = 300
    lr: float = 1e-2
    momentum: float = 0.9
    weight_decay: float = 5e-4
    optimizer: Literal["SGD", "AdamW"] = "SGD"
    class_balance: float = 0.0
    schedule: Literal["poly", "constant"] = "poly"
    power: float = 0.9
    min_lr: float = 1e-4
    pretrained: str | None = None
    colour: bool = True
    # it belongs to one row, which the profile asks for with four_channel_row
    four_channel: bool = field(default=False, metadata={"read": False})
    absent: Literal["nan", "zero"] = "nan"
    amp: bool = False
    workers: int = 0
    model: Literal["deeplabv3plus"] = "deeplabv3plus"

    def __post_init__(self) -> None:
        check = partial(require, self)
        check("base_channels", self.base_channels >= 4 and self.base_channels % 2 == 0, "even, 4 or more")
        check("head_channels", self.head_channels >= 8 and self.head_channels % 2 == 0, "even, 8 or more")
        check("crop", min(self.crop) >= 32, "(height, width), each 32 or more")
        check("scale", 0 < self.scale[0] <= self.scale[1], "0 < low <= high")
        check("max_share", 0 < self.max_share <= 1, "above 0, at most 1")
        check("flip", 0 <= self.flip <= 1, "a probability")
        # the ASPP head's image pooling normalises one value per channel and picture: one picture has no variance
        check("batch", self.batch >= 2, "2 or more (batch normalisation)")
        check("epochs", self.epochs >= 1, "1 or more")
        check("lr", self.lr > 0, "above 0")
        check("momentum", 0 <= self.momentum < 1, "in [0, 1)")
        check("weight_decay", self.weight_decay >= 0, "0 or more")
        check("class_balance", 0 <= self.class_balance <= 1, "0 to 1")
        check("min_lr", 0 <= self.min_lr <= self.lr, "between 0 and lr")
        check("workers", self.workers >= 0, "0 or more")
        if self.pretrained is not None:
            check("pretrained", Path(self.pretrained).is_file(), "an existing file (nothing is downloaded)")
            check("base_channels", self.base_channels == 64, "64 with pretrained weights")

    @property
    def initial_weights(self) -> str:
        """The file that a training starts from, or ''."""
        return self.pretrained or ""

    @property
    def title(self) -> str:
        """How tables name the network, e.g. "DeepLabv3+ (ResNet-50-d8, from scratch)"."""
        width = "" if self.base_channels == 64 else f", width {self.base_channels}"
        start = "ImageNet weights" if self.pretrained else "from scratch"
        balance = f", classes weighed by share^-{self.class_balance:g}" if self.class_balance else ""
        precision = ", bfloat16" if self.amp else ""
        return f"DeepLabv3+ (ResNet-{self.depth}-d{self.output_stride}{width}, {start}{balance}{precision})"

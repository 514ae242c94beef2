"""TarDAL (Liu et al., CVPR 2022): the generator of a target-aware adversarial network.

Facts of the network and recipes: dlut-dimt/TarDAL@1d1d1e99. The file for fusion (DT) gives a sound picture only with
batch norm in train mode, so pictures of one batch depend on one another; TT and CT are run in eval mode.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import same_conv
from baselines.network import LumaNetwork
from fusion import images
from fusion.device import to_device, to_host
from fusion.fast import Form, PictureNorm, faster, why_no_kernels
from fusion.method import Card, WeightFile, register

WIDTH, DEPTH = 32, 3
REPOSITORY, COMMIT = "dlut-dimt/TarDAL", "1d1d1e99b96e7de0cd4e4f57aa0d321e5b5e2727"
TABLE1_BATCH = 8
EVAL_MODE_FILES = ("tardal+.pt", "tardal++.pt")


def stage(channels_in: int, channels_out: int, size: int = 3, *, norm: bool = True,
          last: bool = False) -> nn.Sequential:
    """Convolution, batch norm if `norm`, ReLU; tanh instead of ReLU if `last`."""
    layers: list[nn.Module] = [same_conv(channels_in, channels_out, size)]
    if norm:
        layers.append(nn.BatchNorm2d(channels_out))
    return nn.Sequential(*layers, nn.Tanh() if last else nn.ReLU())


class TarDALNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in -1..1 (tanh)."""

    def __init__(self):
        super().__init__()
        self.encoder = stage(2, WIDTH)
        self.dense = nn.ModuleList(stage(WIDTH * (i + 1), WIDTH) for i in range(DEPTH))
        self.fuse = nn.Sequential(stage(4 * WIDTH, 4 * WIDTH, norm=False), stage(4 * WIDTH, 2 * WIDTH),
                                  stage(2 * WIDTH, WIDTH), stage(WIDTH, 1, norm=False, last=True))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        x = self.encoder(torch.cat([ir, vi], dim=1))
        for layer in self.dense:
            x = torch.cat([x, layer(x)], dim=1)
        return self.fuse(x)


class ByPicture(Form):
    """TarDALNetwork with batch norm in train mode, a batch's pictures one after the other.

    A batch norm waits for all pictures, nothing else does: what is held of each is its 128 channels of features or,
    once it is beyond them, 64. The values are those of the batch.
    """

    def __init__(self, network: TarDALNetwork):
        super().__init__()
        first, second, third, last = network.fuse
        self.convs = nn.ModuleList(stage[0] for stage in (network.encoder, *network.dense))
        self.norms = nn.ModuleList(own_norm(stage) for stage in (network.encoder, *network.dense))
        self.widest, self.second = nn.Sequential(first, second[0]), own_norm(second)
        self.narrow, self.third, self.last = third[0], own_norm(third), last

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        features = self.features(torch.cat([ir, vi], dim=1).split(1))
        pictures = self.second.one_by_one([self.widest(features.pop(0)) for _ in ir])
        pictures = self.third.one_by_one([self.narrow(x) for x in pictures])
        return torch.cat([self.last(x) for x in pictures])

    def features(self, sources: Sequence[Tensor]) -> list[Tensor]:
        """Both modalities [1,2,H,W] of each picture -> its features [1,128,H,W], channels_last."""
        shape = (1, (1 + DEPTH) * WIDTH, *sources[0].shape[2:])
        features = [torch.empty(shape, memory_format=torch.channels_last) for _ in sources]
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):
            assert isinstance(norm, PictureNorm)
            seen = [x[:, :i * WIDTH] for x in features] if i else sources
            norm.one_by_one([conv(x) for x in seen], [x[:, i * WIDTH:(i + 1) * WIDTH] for x in features])
        return features


def own_norm(stage: nn.Sequential) -> PictureNorm:
    """The batch norm and ReLU of a stage, with statistics of the pictures."""
    norm = stage[1]
    assert isinstance(norm, nn.BatchNorm2d)
    return PictureNorm(norm.weight, norm.bias, norm.eps, slope=0.0)


@faster(TarDALNetwork)
def by_picture(network: TarDALNetwork) -> ByPicture | None:
    """The network for inference where compiled code runs, if its pictures depend on one another."""
    trains = network.encoder[1].training
    return ByPicture(network) if trains and not why_no_kernels() else None


def use_batch_statistics(network: nn.Module) -> nn.Module:
    """Batch norm in train mode that leaves the stored statistics alone: calls do not influence later ones."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train()
            module.track_running_stats = False
    return network


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear without alignment of corners; a picture that has the size stays as it is."""
    return image if image.shape[-2:] == size else F.interpolate(image, size=size, mode="bilinear", align_corners=False)


@register
class TarDAL(LumaNetwork):
    card = Card(
        name="tardal", title="TarDAL", kind="baseline", task=("ivf", "mif"),
        paper="Liu et al., Target-aware Dual Adversarial Learning and a Multi-scenario Multi-Modality Benchmark to "
              "Fuse Infrared and Visible for Object Detection, CVPR 2022",
        venue="CVPR", year=2022, trained_on="M3FD",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="GPL-3.0 (the authors' code; nothing of it is used here)",
        weights=(
            WeightFile("tardal.pt", "e0fa61e25cffa9fb14ff17b47ea7ba237a6e8c6f37e1b9b115d63354ff0f13e1",
                       REPOSITORY, COMMIT, "weights/tardal.pt"),
            WeightFile("tardal+.pt", "cff3756548b511e3e415616debc557cdc85b3bb19393ca158cac8d08f232897c",
                       REPOSITORY, COMMIT, "weights/tardal+.pt", optional=True),
            WeightFile("tardal++.pt", "7009d125e36db043d6918d9358e10c6dca7fdf2dd08ada09c5ecd294f45f98c5",
                       REPOSITORY, COMMIT, "weights/tardal++.pt", optional=True)),
        recipe={"released": "float luma, DT weights, batch norm in train mode on batches of 8 in file order, every "
                            "picture resized bilinearly to the set's largest size and back, chroma added, saturated; "
                            "a JPEG of quality 95 where the visible picture is a JPEG",
                "official": "rounded grey, DT weights, batch norm in train mode on one picture, saturated, grey"},
        parity="network within float32 noise of the authors' code in both modes; real outputs equal up to one level in "
               "1 of 312,032 pixels; Table I's TNO and RoadScene rows within .01 %",
        differs={
            "tno": "the recipe is right (EN MI VIF Qabf SSIM to the digit); SD SF AG are .001-.004 % high, a "
                   "difference of arithmetic: with TF32 convolutions they are as far off on the other side",
            "roadscene": "the recipe is right (EN Qabf SSIM to the digit, the rest within .01 %); what is left is of "
                         "the size that arithmetic and JPEG encoders differ by. Rounded luma, 8-bit chroma and "
                         "truncation were tried and are further away",
            "msrs": "the recipe is right (EN VIF Qabf SSIM to the digit, the rest within .006 %), without JPEG"},
        version=2,
    )
    architecture = TarDALNetwork

    def __init__(self, *, weights: Path | None = None, device: str = "cpu", protocol: str = "released"):
        super().__init__(weights=weights, device=device, protocol=protocol)
        self.batch_size, self.jpeg_quality = 1, 95 if protocol == "released" else 0
        if not any(path.name in EVAL_MODE_FILES for path in self.weight_files):
            use_batch_statistics(self.network)
            self.batch_size = TABLE1_BATCH if protocol == "released" else 1
        else:
            self.several = True

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

    def fuse_batch(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], canvas: tuple[int, int]) -> list[np.ndarray]:
        """Fuse up to eight pairs at once on a common canvas, as the rows of Table I were made."""
        if self.batch_size == 1:
            return super().fuse_batch(pairs, canvas)
        with torch.inference_mode():
            ir = torch.cat([resize(to_device([ir], self.device), canvas) for ir, _ in pairs])
            y = torch.cat([resize(to_device([images.luma(vi)], self.device), canvas) for _, vi in pairs])
            fused = self.run(ir, y)
            back = [to_host(resize(fused[i:i + 1], pair[0].shape)[0, 0]) for i, pair in enumerate(pairs)]
        return [images.recolour(luma, vi) for luma, (_, vi) in zip(back, pairs)]

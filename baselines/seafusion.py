"""SeAFusion (Tang et al., Information Fusion 2022): a small network trained in a loop with semantic segmentation.

Facts of the network and recipe: Linfeng-Tang/SeAFusion@5fd9c52c, `FusionNet.py`, `test.py`; the same network and its
weights are in the authors' Linfeng-Tang/VIF-Benchmark@23f2e51f, `SeAFusion/`.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import GradientResidualDense, LeakyConv, same_conv
from baselines.network import LumaNetwork, min_max, truncated
from fusion.method import Card, LumaMethod, WeightFile, register

WIDTHS = (16, 32, 48)
REPOSITORY, COMMIT = "Linfeng-Tang/VIF-Benchmark", "23f2e51fc1b084310d998999222ce02dc364b6eb"


class _Decode(nn.Module):
    """3x3 convolution; the batch norm of the released file is never called."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.conv, self.bn = same_conv(channels_in, channels_out), nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class SeAFusionNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1."""

    vis_conv: LeakyConv
    inf_conv: LeakyConv
    vis_rgbd1: GradientResidualDense
    inf_rgbd1: GradientResidualDense
    vis_rgbd2: GradientResidualDense
    inf_rgbd2: GradientResidualDense

    def __init__(self):
        super().__init__()
        for side in ("vis", "inf"):
            self.add_module(f"{side}_conv", LeakyConv(1, WIDTHS[0]))
            self.add_module(f"{side}_rgbd1", GradientResidualDense(*WIDTHS[:2]))
            self.add_module(f"{side}_rgbd2", GradientResidualDense(*WIDTHS[1:]))
        self.decode4, self.decode3 = _Decode(2 * WIDTHS[2], 2 * WIDTHS[1]), _Decode(2 * WIDTHS[1], 2 * WIDTHS[0])
        self.decode2, self.decode1 = _Decode(2 * WIDTHS[0], WIDTHS[0]), _Decode(WIDTHS[0], 1)

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        x = torch.cat([self.vis_rgbd2(self.vis_rgbd1(self.vis_conv(vi))),
                       self.inf_rgbd2(self.inf_rgbd1(self.inf_conv(ir)))], 1)
        for layer in (self.decode4, self.decode3, self.decode2):
            x = F.leaky_relu(layer(x), 0.2)
        return torch.tanh(self.decode1(x)) / 2 + 0.5


@register
class SeAFusion(LumaNetwork):
    card = Card(
        name="seafusion", title="SeAFusion", kind="baseline", task=("ivf",),
        paper="Tang, Yuan and Ma, Image fusion in the loop of high-level vision tasks: A semantic-aware real-time "
              "infrared and visible image fusion network, Information Fusion 2022",
        venue="Information Fusion", year=2022, trained_on="MFNet",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(WeightFile("SeAFusion.pth", "8d65a7f9a50f36349803368cf9920f40420776995e7e8cc8a56d8d30e499431d",
                            REPOSITORY, COMMIT, "Checkpoint/SeAFusion/SeAFusion.pth"),),
        recipe={"released": "float luma, chroma of the visible back, clipped, min-max of the whole colour picture",
                "official": "the same, x255 truncated: the authors' script"},
        parity="within 6.6e-7 of the authors' network (its float32 noise 3.9e-7). With `official` all 42 TNO pictures "
               "in Linfeng-Tang/Image-Fusion@dba5bf3 come out within one level, 99.996 % of the values equal; 25 of "
               "them are the TNO test set. The authors' first script (Linfeng-Tang/SeAFusion@5fd9c52c, no licence "
               "stated) stretches batches of 32 together, the later one, followed here, each picture",
    )
    architecture = SeAFusionNetwork
    several = True
    memory_format = torch.channels_last

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return LumaMethod.sources(self, ir, vi)

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        stretched = min_max(torch.from_numpy(LumaMethod.finished(self, luma, vi).clip(0, 1)))
        return (truncated(stretched) if self.protocol == "official" else stretched).numpy()

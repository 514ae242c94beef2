"""SAGE (Wu et al., CVPR 2025): the small network into which a large one with segmentation priors was distilled.

Facts of the network and recipe: `model_sub/model.py`, `test.py` and `dataset/dataset_test.py` in
RollingPlain/SAGE_IVIF@377fdbef. Nothing of the large network (SAM, X-Decoder) is needed to fuse.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.network import LumaNetwork, recolour8
from fusion import images
from fusion.method import Card, WeightFile, register

WIDTH = 32
REPOSITORY, COMMIT = "RollingPlain/SAGE_IVIF", "377fdbef6b8b6ccbd1139358ad66bb41ea084dc1"


def _stage(channels_in: int, layers: int, size: int = 3) -> nn.Sequential:
    """`layers` times convolution to 32 channels, batch norm and leaky ReLU (.01)."""
    return nn.Sequential(*(part for i in range(layers) for part in (
        nn.Conv2d(WIDTH if i else channels_in, WIDTH, size, padding=size // 2), nn.BatchNorm2d(WIDTH),
        nn.LeakyReLU())))


def _resized(x: Tensor, like: Tensor) -> Tensor:
    """x at the size of `like`, with the channels of `like` appended."""
    return torch.cat([F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False), like], 1)


class SAGENetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in -1..1 (tanh). A U-net of two halvings."""

    def __init__(self):
        super().__init__()
        self.module1, self.module2, self.module3 = _stage(2, 3), _stage(WIDTH, 3), _stage(WIDTH, 3)
        self.adjust_channels4, self.module4 = _stage(2 * WIDTH, 1, 1), _stage(WIDTH, 3)
        self.adjust_channels5, self.module5 = _stage(2 * WIDTH, 1, 1), _stage(WIDTH, 3)
        self.final_decoder = nn.Sequential(nn.Conv2d(WIDTH, 1, 3, padding=1), nn.Tanh())

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        full = self.module1(torch.cat([vi, ir], 1))
        half = self.module2(F.max_pool2d(full, 2))
        x = self.module3(F.max_pool2d(half, 2))
        x = self.module4(self.adjust_channels4(_resized(x, half)))
        x = self.module5(self.adjust_channels5(_resized(x, full)))
        return self.final_decoder(x)


@register
class SAGE(LumaNetwork):
    card = Card(
        name="sage", title="SAGE", kind="baseline", task=("ivf",),
        paper="Wu et al., Every SAM Drop Counts: Embracing Semantic Priors for Multi-Modality Image Fusion and Beyond, "
              "CVPR 2025",
        venue="CVPR", year=2025, trained_on="FMB",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(WeightFile("checkpoints.pt", "ecfde477ca4cd65401f207d5dc91ce6c475a49891d768dbdb7a66366255ee836",
                            REPOSITORY, COMMIT, "checkpoints/checkpoints.pt"),),
        recipe={"released": "float luma, no padding, clamped to 0..1, chroma of the visible back",
                "official": "8-bit YCrCb of the visible and rounded grey infrared, no padding, chroma back with its "
                            "centre at 127.5, clamped and rounded RGB"},
        parity="network within float32 noise of the authors' code (4.8e-7 apart with the released weights, three "
               "sizes); the repository's six fused pictures of M3FD with `official`: 14,152,536 of 14,155,776 values "
               "equal, 234 off by two levels. The repository prints no numbers of its paper",
    )
    architecture = SAGENetwork
    several = True
    memory_format = torch.channels_last

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        fused = self.network(ir, y)
        return fused if self.protocol == "official" else fused.clamp(0, 1)

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vi = images.grey_if_equal(vi)
        if self.protocol != "official" or vi.ndim == 2:
            return super().sources(ir, vi)
        return images.to_unit(images.to_8bit(ir)), images.to_unit(images.split_ycbcr8(images.to_8bit(vi))[0])

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        vi = images.grey_if_equal(vi)
        if self.protocol != "official" or vi.ndim == 2:
            return super().finished(luma, vi)
        return recolour8(luma, *images.split_ycbcr8(images.to_8bit(vi))[1:])

"""PFCFuse (Hu et al., IEEE TIM 2024): CDDFuse with a PoolFormer block, which has no attention, as the base branch.

Facts of the network and recipe: `net.py` and `test_IVF.py` in HXY13/PFCFuse-Image-Fusion@d9e02afa.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.cddfuse import WIDTH, CDDFuseNetwork, DualBranchMethod
from baselines.network import TruncatedColour
from fusion.fast import faster
from fusion.fast.conv3 import depthwise, point
from fusion.fast.linear import Linear
from fusion.fast.maps import Maps
from fusion.fast.pointwise import gelu_
from fusion.fast.streams import Stream, StreamedForm, norm, streamed
from fusion.method import Card, WeightFile, register
from fusion.smfnet.fast.attention import affine
from fusion.smfnet.fast.modules import expect
from fusion.smfnet.network.blocks import ChannelNorm

REPOSITORY, COMMIT = "HXY13/PFCFuse-Image-Fusion", "d9e02afa46f32655dcaf9bd216a993c71e3b2708"


class PoolBlock(nn.Module):
    """Mean of 3x3 neighbours minus the pixel, then a perceptron, each scaled per channel and added. [N,C,H,W]."""

    RATIO = 4

    def __init__(self, width: int):
        super().__init__()
        self.norm1, self.norm2 = ChannelNorm(width), ChannelNorm(width)
        self.layer_scale_1, self.layer_scale_2 = (nn.Parameter(torch.full((width,), 1e-5)) for _ in range(2))
        self.poolmlp = nn.ModuleDict({"fc1": nn.Conv2d(width, self.RATIO * width, 1, bias=False),
                                      "fc2": nn.Conv2d(self.RATIO * width, width, 1, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        normal = self.norm1(x)
        # zeros outside count as neighbours, as in torch's default
        x = x + self.layer_scale_1[:, None, None] * (F.avg_pool2d(normal, 3, stride=1, padding=1) - normal)
        mixed = self.poolmlp["fc2"](F.gelu(self.poolmlp["fc1"](self.norm2(x))))
        return x + self.layer_scale_2[:, None, None] * mixed


@faster(PoolBlock)
class FastPoolBlock(StreamedForm):
    """A few rows go through the whole block before the next; pooling is a depthwise convolution, the scales folded."""

    def __init__(self, block: PoolBlock):
        super().__init__()
        self.norm1, self.norm2 = affine(block.norm1), affine(block.norm2)
        kernel = torch.full((3, 3), 1 / 9)
        kernel[1, 1] -= 1
        self.pool = depthwise(block.layer_scale_1[:, None, None, None] * kernel)
        in_, out = (point(expect(block.poolmlp[name], nn.Conv2d).weight) for name in ("fc1", "fc2"))
        self.in_, self.out = Linear(in_), Linear(out * block.layer_scale_2[:, None])

    def run(self, x: Tensor, maps: Maps) -> Tensor:
        return streamed(maps, self._work, x)

    def _work(self, stream: Stream, x: Tensor) -> Tensor:
        pooled = stream.conv3(norm(x, self.norm1), self.pool)
        x = pooled.add_(stream.delay(x, pooled))
        return self.out(gelu_(self.in_(norm(x, self.norm2))), added=x)


class PFCFuseNetwork(CDDFuseNetwork):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1, before the min-max stretch."""

    @staticmethod
    def base_branch() -> nn.Module:
        return PoolBlock(WIDTH)


@register
class PFCFuse(TruncatedColour, DualBranchMethod):
    card = Card(
        name="pfcfuse", title="PFCFuse", kind="baseline", task=("ivf",),
        paper="Hu et al., PFCFuse: A Poolformer and CNN Fusion Network for Infrared-Visible Image Fusion, IEEE TIM "
              "2024",
        venue="IEEE TIM", year=2024, trained_on="MSRS",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("PFCFuse_IVF.pth", "6fad97b6213264ba111d16ba479ff97dc1507adff1a40b95852ec6f4e171feb1",
                            REPOSITORY, COMMIT, "PFCFuse_IVF.pth"),),
        recipe={"released": "float luma, no padding, per-image min-max, chroma of the visible back",
                "official": "rounded grey infrared, float luma of the visible, no padding, per-image min-max, x255 "
                            "truncated, 8-bit chroma of the visible back"},
        parity="network within float32 noise of the authors' code (1.1e-6 apart with the released weights, three "
               "sizes). The repository has no fused pictures and prints no numbers of its paper",
    )
    architecture = PFCFuseNetwork

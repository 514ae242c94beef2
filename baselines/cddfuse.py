"""CDDFuse (Zhao et al., CVPR 2023): Restormer encoder, base and detail branches, invertible detail features.

Facts of the network and recipe: Zhaozixiang1228/MMIF-CDDFuse@fd8da1f3. Attention, norm and bottleneck are the very
blocks that SMFNet took over.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines.network import LumaNetwork, min_max, rounded_grey
from fusion.fast import faster
from fusion.fast.conv3 import Direct, point
from fusion.fast.linear import Linear
from fusion.fast.maps import Maps
from fusion.fast.pointwise import gelu_
from fusion.fast.streams import Stream, StreamedForm, norm, streamed
from fusion.method import Card, WeightFile, register
from fusion.smfnet.fast.attention import FastDenseAttention, FastMDTA, affine
from fusion.smfnet.fast.couplings import FastCoupling
from fusion.smfnet.network.bfe import DenseAttention
from fusion.smfnet.network.blocks import MDTA, ChannelNorm
from fusion.smfnet.network.cai import BottleneckResidual

WIDTH, HEADS, BLOCKS = 64, 8, 4
REPOSITORY, COMMIT = "Zhaozixiang1228/MMIF-CDDFuse", "fd8da1f39d8d403b7343e577bd5a30cba38c7b7b"


class GatedFeedForward(nn.Module):
    """1x1, grouped 3x3, GELU of one half times the other, 1x1; no bias. The 3x3 sees `inputs_per_group` channels."""

    def __init__(self, width: int, hidden: int, inputs_per_group: int):
        super().__init__()
        self.project_in = nn.Conv2d(width, 2 * hidden, 1, bias=False)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden // inputs_per_group, bias=False)
        self.project_out = nn.Conv2d(hidden, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.project_out(F.gelu(gate) * value)


class RestormerBlock(nn.Module):
    """x + MDTA(LN x), then x + GDFN(LN x). [N,C,H,W] -> [N,C,H,W]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.attn = ChannelNorm(width), MDTA(width, heads)
        self.norm2, self.ffn = ChannelNorm(width), GatedFeedForward(width, 2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class FastFeedForward:
    """x + GatedFeedForward(LN x), gate and value each on their own: halves of one tensor would not lie together."""

    def __init__(self, norm: ChannelNorm, module: GatedFeedForward):
        self.norm, conv = affine(norm), module.dwconv
        self.ins = [Linear(weight) for weight in point(module.project_in.weight).chunk(2)]
        self.out = Linear(point(module.project_out.weight))
        self.convolutions = [Direct(weight, groups=conv.groups // 2) for weight in conv.weight.chunk(2)]

    def __call__(self, stream: Stream, x: Tensor) -> Tensor:
        """Rows [1,h,W,C] -> [1,h,W,C]."""
        z = norm(x, self.norm)
        gate, value = (stream.conv3(stream.linear(z, in_), conv) for in_, conv in zip(self.ins, self.convolutions))
        return self.out(gelu_(gate, factor=value), added=stream.delay(x, value))


class TwoPasses(StreamedForm):
    """The attention's sums over all pixels first, then all that follows, a few rows at a time."""

    def __init__(self, attention: FastMDTA | FastDenseAttention, feed: FastFeedForward):
        super().__init__()
        self.attention, self.feed = attention, feed

    def run(self, x: Tensor, maps: Maps) -> Tensor:
        attend = self.attention(x, maps)
        return streamed(maps, lambda stream, x: self.feed(stream, attend(stream, x)), x)


@faster(RestormerBlock)
class FastRestormerBlock(TwoPasses):
    def __init__(self, block: RestormerBlock):
        super().__init__(FastMDTA(block.norm1, block.attn), FastFeedForward(block.norm2, block.ffn))


class BaseFeature(nn.Module):
    """Low-frequency branch and base fusion layer. [N,C,H,W] -> [N,C,H,W]."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.attn = ChannelNorm(width), DenseAttention(width, heads)
        self.norm2, self.mlp = ChannelNorm(width), GatedFeedForward(width, width, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


@faster(BaseFeature)
class FastBaseFeature(TwoPasses):
    def __init__(self, block: BaseFeature):
        super().__init__(FastDenseAttention(block.norm1, block.attn), FastFeedForward(block.norm2, block.mlp))


class DetailNode(nn.Module):
    """One affine coupling step on the two halves of the channels, after a 1x1 mix."""

    theta_phi: BottleneckResidual
    theta_rho: BottleneckResidual
    theta_eta: BottleneckResidual

    def __init__(self, width: int):
        super().__init__()
        for name in ("theta_phi", "theta_rho", "theta_eta"):
            self.add_module(name, BottleneckResidual(width // 2))
        self.shffleconv = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.shffleconv(x).chunk(2, dim=1)
        second = second + self.theta_phi(first)
        first = first * torch.exp(self.theta_rho(second)) + self.theta_eta(second)
        return torch.cat((first, second), dim=1)


@faster(DetailNode)
class FastDetailNode(StreamedForm):
    """A few rows go through the whole step before the next."""

    def __init__(self, node: DetailNode):
        super().__init__()
        self.mix = Linear(point(node.shffleconv.weight), node.shffleconv.bias)
        self.couple = FastCoupling(node)

    def run(self, x: Tensor, maps: Maps) -> Tensor:
        return streamed(maps, self._work, x)

    def _work(self, stream: Stream, x: Tensor) -> list[Tensor]:
        return self.couple(stream, *self.mix(x).chunk(2, dim=-1))


class DetailFeature(nn.Module):
    """High-frequency branch (three steps) and detail fusion layer (one step). [N,C,H,W] -> [N,C,H,W]."""

    def __init__(self, width: int, steps: int):
        super().__init__()
        self.net = nn.Sequential(*(DetailNode(width) for _ in range(steps)))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Encoder(nn.Module):
    """[N,1,H,W] in 0..1 -> (base, detail, feature), each [N,64,H,W]."""

    def __init__(self, base: nn.Module):
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, WIDTH, 3, padding=1, bias=False)})
        self.encoder_level1 = nn.Sequential(*(RestormerBlock(WIDTH, HEADS) for _ in range(BLOCKS)))
        self.baseFeature = base
        self.detailFeature = DetailFeature(WIDTH, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        feature = self.encoder_level1(self.patch_embed["proj"](x))
        return self.baseFeature(feature), self.detailFeature(feature), feature


class Decoder(nn.Module):
    """(image to add before the sigmoid or None, base, detail) -> (picture [N,1,H,W], reduced features)."""

    def __init__(self):
        super().__init__()
        self.reduce_channel = nn.Conv2d(2 * WIDTH, WIDTH, 1, bias=False)
        self.encoder_level2 = nn.Sequential(*(RestormerBlock(WIDTH, HEADS) for _ in range(BLOCKS)))
        self.output = nn.Sequential(nn.Conv2d(WIDTH, WIDTH // 2, 3, padding=1, bias=False), nn.LeakyReLU(),
                                    nn.Conv2d(WIDTH // 2, 1, 3, padding=1, bias=False))

    def forward(self, image: Tensor | None, base: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]:
        reduced = self.reduce_channel(torch.cat((base, detail), dim=1))
        x = self.output(self.encoder_level2(reduced))
        return torch.sigmoid(x if image is None else x + image), reduced


class CDDFuseNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1, before the min-max stretch."""

    @staticmethod
    def base_branch() -> nn.Module:
        """Low-frequency branch of the encoder, and the layer that fuses two of them."""
        return BaseFeature(WIDTH, HEADS)

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(self.base_branch()), Decoder()
        self.base, self.detail = self.base_branch(), DetailFeature(WIDTH, 1)

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        vi_base, vi_detail, _ = self.encoder(vi)
        ir_base, ir_detail, _ = self.encoder(ir)
        return self.decoder(vi, self.base(vi_base + ir_base), self.detail(vi_detail + ir_detail))[0]


class DualBranchMethod(LumaNetwork):
    """A network of these parts under the authors' file format, its output stretched per picture."""

    architecture = CDDFuseNetwork
    several = True
    table5_thop = True
    table5_twice = ("encoder",)

    def build(self, files):
        network = self.architecture()
        for path in files:
            for part, key in ((network.encoder, "DIDF_Encoder"), (network.decoder, "DIDF_Decoder"),
                              (network.base, "BaseFuseLayer"), (network.detail, "DetailFuseLayer")):
                restore(part, load_state(path, key), path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return min_max(self.network(ir, y))


@register
class CDDFuse(DualBranchMethod):
    """Grey in and grey out, as its script works and as its row of Table I was made (docs/reproduction.md)."""

    card = Card(
        name="cddfuse", title="CDDFuse", kind="baseline", task=("ivf", "mif"),
        paper="Zhao et al., CDDFuse: Correlation-Driven Dual-Branch Feature Decomposition for Multi-Modality Image "
              "Fusion, CVPR 2023",
        venue="CVPR", year=2023, trained_on="MSRS",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("CDDFuse_IVF.pth", "", REPOSITORY, COMMIT, "models/CDDFuse_IVF.pth"),
                 WeightFile("CDDFuse_MIF.pth", "", REPOSITORY, COMMIT, "models/CDDFuse_MIF.pth", optional=True)),
        recipe={"released": "rounded grey, no padding, per-image min-max, grey output"},
        parity="network within float32 noise of the authors' code under filled weights; the released files are in the "
               "repository but could not be had here, so their hash is not pinned. The authors' own pictures, which "
               "are grey, give Table I's rows: TNO MI VIF Qabf SSIM and RoadScene EN Qabf exact",
        version=2,
    )

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return rounded_grey(ir), rounded_grey(vi)

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        return luma

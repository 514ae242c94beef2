"""Fusion layers F_base and F_detail of stage II, Eq. 17, 19-20; both take the sum of the two modalities' features."""

import torch
from torch import Tensor, nn

from fusion.smfnet.network.blocks import MDTA, ChannelNorm, LeFF
from fusion.smfnet.network.cai import GRDB, BottleneckResidual
from fusion.smfnet.settings import NetworkSettings


class BaseFusion(nn.Module):
    """F_base: one MDTA and LeFF block. `reduce_channel` is in the checkpoint but in no forward pass."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        width = settings.width
        self.norm1 = ChannelNorm(width)
        self.attn = MDTA(width, settings.heads)
        self.norm2 = ChannelNorm(width)
        self.mlp = LeFF(width, settings.leff_residual)
        self.reduce_channel = nn.Conv2d(2 * width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class InverseCoupling(nn.Module):
    """Eq. 19-20: subtract and scale, on two halves [B,C/2,H,W]; r, y, f, p are four psi.

    Sequential (released): a 1x1 mix, then an affine coupling in its inverse direction, (x - t) / e(s).
    Parallel (paper): no mix, both halves see the other's old value.
    """

    CLAMP = 2.0
    r: BottleneckResidual
    y: BottleneckResidual
    f: BottleneckResidual
    p: BottleneckResidual

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        half = settings.width // 2
        for name in "ryfp":
            self.add_module(name, BottleneckResidual(half))
        self.sequential = settings.coupling == "sequential"
        if self.sequential:
            self.shffleconv = nn.Conv2d(settings.width, settings.width, 1)

    def scale(self, s: Tensor) -> Tensor:
        """exp(-clamp * tanh(s/2)): the inverse of the clamped exponential, between e^-2 and e^2."""
        return torch.exp(-2 * self.CLAMP * (torch.sigmoid(s) - 0.5))

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        if self.sequential:
            x1, x2 = self.shffleconv(torch.cat((x1, x2), dim=1)).chunk(2, dim=1)
        y2 = (x2 - self.y(x1)) * self.scale(self.r(x1))
        seen = y2 if self.sequential else x2
        return (x1 - self.f(seen)) * self.scale(self.p(seen)), y2


class DetailFusion(nn.Module):
    """F_detail: a gradient and residual dense block, then two inverse couplings. [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.net = nn.ModuleList(InverseCoupling(settings) for _ in range(2))
        self.GRDB = GRDB(settings)

    def forward(self, x: Tensor) -> Tensor:
        x1, x2 = self.GRDB(x).chunk(2, dim=1)
        for layer in self.net:
            x1, x2 = layer(x1, x2)
        return torch.cat((x1, x2), dim=1)

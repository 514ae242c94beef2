"""Cross Attention and Invertible block, Eq. 2-7: high-frequency, modality-specific detail."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.smfnet.network.blocks import ConvLeaky, channel_attention
from fusion.smfnet.settings import NetworkSettings


class DenseBlock(nn.Module):
    """Two 3x3 convolutions, growth by concatenation. [B,C,H,W] -> [B,3C,H,W]."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = ConvLeaky(width, width)
        self.conv2 = ConvLeaky(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((x, self.conv1(x)), dim=1)
        return torch.cat((x, self.conv2(x)), dim=1)


class Sobel(nn.Module):
    """|Sobel_x| + |Sobel_y| of every channel; the kernels start as Sobel's and are trained if `trainable`."""

    KERNEL = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))
    convx: nn.Conv2d
    convy: nn.Conv2d

    def __init__(self, width: int, trainable: bool):
        super().__init__()
        kernel = torch.tensor(self.KERNEL)
        for name, values in (("convx", kernel), ("convy", kernel.T)):
            conv = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
            with torch.no_grad():
                conv.weight.copy_(values.expand(width, 1, 3, 3))
            conv.weight.requires_grad_(trainable)
            self.add_module(name, conv)

    def forward(self, x: Tensor) -> Tensor:
        return self.convx(x).abs() + self.convy(x).abs()


class PointConv(nn.Module):
    """PConv of Eq. 3: a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class GradientDense(nn.Module):
    """Eq. 3. `inside`: PConv(Dense(x) + PConv(Sobel(x))); else LReLU(PConv(Dense(x)) + PConv(Sobel(x)))."""

    def __init__(self, width: int, inside: bool, trainable_sobel: bool):
        super().__init__()
        self.inside = inside
        self.dense = DenseBlock(width)
        self.convdown = PointConv(3 * width, width)
        self.sobelconv = Sobel(width, trainable_sobel)
        self.convup = PointConv(width, 3 * width if inside else width)

    def forward(self, x: Tensor) -> Tensor:
        if self.inside:
            return self.convdown(self.dense(x) + self.convup(self.sobelconv(x)))
        return F.leaky_relu(self.convdown(self.dense(x)) + self.convup(self.sobelconv(x)), 0.1)


class GRDB(nn.Module):
    """Gradient and residual dense block: 3x3 convolution, then Eq. 3. [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.conv = ConvLeaky(settings.width, settings.width)
        self.GRDB = GradientDense(settings.width, settings.detail_sum == "inside", settings.trainable_sobel)

    def forward(self, x: Tensor) -> Tensor:
        return self.GRDB(self.conv(x))


class CrossAttention(nn.Module):
    """Eq. 4 / 5: the guide gives the queries, the other half keys and values. Two [B,C/2,H,W] -> [B,C/2,H,W]."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.kv = nn.Conv2d(channels, 2 * channels, 1)
        self.q = nn.Conv2d(channels, channels, 1)
        self.kv_dwconv = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.q_dwconv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.project_out = nn.Conv2d(channels, channels, 1)

    def forward(self, guide: Tensor, value: Tensor) -> Tensor:
        q = self.q_dwconv(self.q(guide))
        k, v = self.kv_dwconv(self.kv(value)).chunk(2, dim=1)
        return self.project_out(channel_attention(q, k, v, self.temperature))


class BottleneckResidual(nn.Module):
    """psi of Eq. 6-7 and 19-20: 1x1, ReLU6, reflection pad, depthwise 3x3, ReLU6, 1x1; no bias, expansion 2."""

    def __init__(self, channels: int):
        super().__init__()
        self.bottleneckBlock = nn.Sequential(
            nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.ReLU6(),
            nn.ReflectionPad2d(1), nn.Conv2d(2 * channels, 2 * channels, 3, groups=2 * channels, bias=False),
            nn.ReLU6(), nn.Conv2d(2 * channels, channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.bottleneckBlock(x)


class Coupling(nn.Module):
    """Eq. 6-7, the invertible step on two halves [B,C/2,H,W].

    Sequential (released): a 1x1 mix, then F2' = F2 + phi(F1) and F1' = F1 * exp(rho(F2')) + eta(F2').
    Parallel (paper): no mix, F1' from the old F2.
    """

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        half = settings.width // 2
        self.theta_phi = BottleneckResidual(half)
        self.theta_rho = BottleneckResidual(half)
        self.theta_eta = BottleneckResidual(half)
        self.sequential = settings.coupling == "sequential"
        if self.sequential:
            self.shffleconv = nn.Conv2d(settings.width, settings.width, 1)

    def forward(self, f1: Tensor, f2: Tensor) -> tuple[Tensor, Tensor]:
        if self.sequential:
            f1, f2 = self.shffleconv(torch.cat((f1, f2), dim=1)).chunk(2, dim=1)
        new_f2 = f2 + self.theta_phi(f1)
        seen = new_f2 if self.sequential else f2
        return f1 * torch.exp(self.theta_rho(seen)) + self.theta_eta(seen), new_f2


class CrossAttentionInvertible(nn.Module):
    """Eq. 4-7 on the output of the GRDB; the second half of CAI. [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        half = settings.width // 2
        self.TCA = CrossAttention(half, settings.heads)
        if not settings.shared_cross_attention:
            self.TCA2 = CrossAttention(half, settings.heads)
        self.layer = Coupling(settings)

    def forward(self, x: Tensor) -> Tensor:
        z1, z2 = x.chunk(2, dim=1)
        f1 = self.TCA(guide=z2, value=z1)
        f2 = getattr(self, "TCA2", self.TCA)(guide=z1, value=z2)
        return torch.cat(self.layer(f1, f2), dim=1)


class InvertibleNetwork(nn.Module):
    """AE1's replacement for CAI: three coupling steps, no GRDB, no cross attention. [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.net = nn.ModuleList(Coupling(settings) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        f1, f2 = x.chunk(2, dim=1)
        for layer in self.net:
            f1, f2 = layer(f1, f2)
        return torch.cat((f1, f2), dim=1)

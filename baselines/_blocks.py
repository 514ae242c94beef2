"""Blocks that several authors' networks have in common, with the names that their checkpoints use."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def same_conv(channels_in: int, channels_out: int, size: int = 3, **options) -> nn.Conv2d:
    """Convolution that keeps the picture's size by zero padding."""
    return nn.Conv2d(channels_in, channels_out, size, padding=size // 2, **options)


class ReflectConv(nn.Module):
    """Convolution that keeps the picture's size by reflection, one name below (`conv2d.weight`); ReLU on demand."""

    def __init__(self, channels_in: int, channels_out: int, size: int = 3, *, relu: bool = False):
        super().__init__()
        self.conv2d = nn.Conv2d(channels_in, channels_out, size, padding=size // 2, padding_mode="reflect")
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv2d(x)
        return F.relu(x) if self.relu else x


class LeakyConv(nn.Module):
    """A convolution one name below (`conv.weight`), with a leaky ReLU (.2) unless `linear`."""

    def __init__(self, channels_in: int, channels_out: int, size: int = 3, *, linear: bool = False):
        super().__init__()
        self.conv, self.linear = same_conv(channels_in, channels_out, size), linear

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x if self.linear else F.leaky_relu(x, 0.2)


class GradientResidualDense(nn.Module):
    """SeAFusion's block, which GeSeNet took over: [N,in,H,W] -> [N,out,H,W], a dense block plus trained gradients."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.dense = nn.ModuleDict({"conv1": LeakyConv(channels_in, channels_in),
                                    "conv2": LeakyConv(2 * channels_in, channels_in)})
        self.convdown = LeakyConv(3 * channels_in, channels_out, 1, linear=True)
        self.sobelconv = nn.ModuleDict({axis: same_conv(channels_in, channels_in, groups=channels_in, bias=False)
                                        for axis in ("convx", "convy")})
        self.convup = LeakyConv(channels_in, channels_out, 1, linear=True)

    def forward(self, x: Tensor) -> Tensor:
        dense = torch.cat([x, self.dense["conv1"](x)], 1)
        dense = torch.cat([dense, self.dense["conv2"](dense)], 1)
        slopes = self.sobelconv["convx"](x).abs() + self.sobelconv["convy"](x).abs()
        return F.leaky_relu(self.convdown(dense) + self.convup(slopes), 0.1)


def reflected_stack(widths: Sequence[int], last: nn.Module) -> nn.Sequential:
    """3x3 convolutions from width to width behind reflected borders, ReLUs between them and `last` at the end.

    Padding, convolution and activation are numbered as the authors' sequences are: convolutions are 1, 4, 7, ...
    """
    layers: list[nn.Module] = []
    for channels_in, channels_out in pairwise(widths):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels_in, channels_out, 3), nn.ReLU()]
    return nn.Sequential(*layers[:-1], last)

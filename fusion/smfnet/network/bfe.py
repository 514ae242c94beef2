"""Base Feature Extraction, Eq. 8-11: low-frequency, modality-shared features."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.smfnet.network.blocks import ChannelNorm, TransformerBlock, channel_attention
from fusion.smfnet.settings import NetworkSettings


class DenseAttention(nn.Module):
    """Channel attention whose q, k, v come from a dense 3x3 convolution C*3 -> C*3, most of the network's cost."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv1 = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.qkv2 = nn.Conv2d(3 * width, 3 * width, 3, padding=1, bias=False)
        self.proj = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv2(self.qkv1(x)).chunk(3, dim=1)
        return self.proj(channel_attention(q, k, v, self.scale))


class FeedForward(nn.Module):
    """1x1, GELU, 1x1; expansion 2, no bias."""

    def __init__(self, width: int):
        super().__init__()
        self.project_in = nn.Conv2d(width, 2 * width, 1, bias=False)
        self.project_out = nn.Conv2d(2 * width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.project_out(F.gelu(self.project_in(x)))


class BaseBlock(nn.Module):
    """x + DenseAttention(LN x), then x + FeedForward(LN x)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1 = ChannelNorm(width)
        self.attn = DenseAttention(width, heads)
        self.norm2 = ChannelNorm(width)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def bottleneck(width: int) -> nn.Sequential:
    """Conv of Eq. 10-11: 3x3 to C/4, 1x1, 3x3 back, leaky ReLU (.2) between."""
    quarter = width // 4
    return nn.Sequential(nn.Conv2d(width, quarter, 3, padding=1), nn.LeakyReLU(0.2),
                         nn.Conv2d(quarter, quarter, 1), nn.LeakyReLU(0.2),
                         nn.Conv2d(quarter, width, 3, padding=1))


class Stage(nn.Module):
    """Eq. 10: Conv(rho(rho(F))) + F, rho = transformer block then base block; without residual (AE2) rho(rho(F))."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        width, heads = settings.width, settings.heads
        self.residual_group = nn.ModuleList(
            nn.Sequential(TransformerBlock(width, heads, settings.leff_residual), BaseBlock(width, heads))
            for _ in range(2))
        self.residual = settings.base_residual
        if self.residual:
            self.conv = bottleneck(width)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for rho in self.residual_group:
            y = rho(y)
        return self.conv(y) + x if self.residual else y


class BaseFeatureExtraction(nn.Module):
    """Eq. 8-11. [B,C,H,W] shallow features -> [B,C,H,W].

    `reduce_channel`, `norm` and `conv_after_body` are in the checkpoint but in no forward pass.
    """

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        width = settings.width
        self.conv_first = nn.Conv2d(width, width, 3, padding=1)
        self.reduce_channel = nn.Conv2d(2 * width, width, 1, bias=False)
        self.layers = nn.ModuleList(Stage(settings) for _ in range(2))
        self.norm = nn.LayerNorm(width)
        self.conv_after_body = bottleneck(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_first(x)
        for stage in self.layers:
            x = stage(x)
        return x

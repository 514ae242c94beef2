"""Transformer parts shared by SFE, BFE, the base fusion layer and the decoder: MDTA and LeFF."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast import faster
from fusion.fast.streams import norm


class _Affine(nn.Module):
    """Scale and shift of a normalisation, kept apart so that the names read `norm1.body.weight`."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class ChannelNorm(nn.Module):
    """Layer norm over the channels of every pixel, biased variance, epsilon 1e-5. [B,C,H,W] -> [B,C,H,W]."""

    EPSILON = 1e-5

    def __init__(self, channels: int):
        super().__init__()
        self.body = _Affine(channels)

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)  # Tensor.var over this dimension is several times slower
        return self.body(centred / torch.sqrt(variance + self.EPSILON))


@faster(ChannelNorm)
class TogetherNorm(nn.Module):
    """ChannelNorm by torch's own layer norm, for channels that lie together."""

    def __init__(self, plain: ChannelNorm):
        super().__init__()
        self.body = plain.body

    def forward(self, x: Tensor) -> Tensor:
        return norm(x.permute(0, 2, 3, 1), (self.body.weight, self.body.bias)).permute(0, 3, 1, 2)


def channel_attention(q: Tensor, k: Tensor, v: Tensor, temperature: Tensor) -> Tensor:
    """Attention between channels ("transposed"), linear in the number of pixels.

    q, k, v: [B,C,H,W]; temperature: [heads,1,1]. Rows of q and k (one channel over all pixels) are L2-normalised:
    the C/heads x C/heads map holds cosines times the temperature. Returns [B,C,H,W].
    """
    b, c, h, w = q.shape
    heads = temperature.shape[0]
    q, k, v = (t.reshape(b, heads, c // heads, h * w) for t in (q, k, v))
    # in float32 also under bfloat16 autocast: a row is as long as the image
    q, k = F.normalize(q.float(), dim=-1), F.normalize(k.float(), dim=-1)
    cosine = q @ k.transpose(-2, -1)  # [B,heads,C/heads,C/heads]
    return ((cosine * temperature).softmax(-1).to(v.dtype) @ v).reshape(b, c, h, w)


class MDTA(nn.Module):
    """Multi-Dconv head transposed attention: 1x1, depthwise 3x3, channel attention, 1x1; no bias."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=False)
        self.project_out = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv_dwconv(self.qkv(x)).chunk(3, dim=1)
        return self.project_out(channel_attention(q, k, v, self.temperature))


class LeFF(nn.Module):
    """Local-enhanced feed-forward: 1x1, GELU, depthwise 3x3, GELU, 1x1, GELU; `residual` adds its own input."""

    def __init__(self, width: int, residual: bool):
        super().__init__()
        self.residual = residual
        self.linear1 = nn.Sequential(nn.Conv2d(width, width, 1), nn.GELU())
        self.dwconv = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, groups=width), nn.GELU())
        self.linear2 = nn.Sequential(nn.Conv2d(width, width, 1), nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear2(self.dwconv(self.linear1(x)))
        return y + x if self.residual else y


class TransformerBlock(nn.Module):
    """x + MDTA(LN x), then x + LeFF(LN x); the block of SFE, BFE and decoder. [B,C,H,W] -> [B,C,H,W]."""

    def __init__(self, width: int, heads: int, leff_residual: bool):
        super().__init__()
        self.norm1 = ChannelNorm(width)
        self.attn = MDTA(width, heads)
        self.norm2 = ChannelNorm(width)
        self.ffn_leff = LeFF(width, leff_residual)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.ffn_leff(self.norm2(x))


class ConvLeaky(nn.Module):
    """3x3 convolution and leaky ReLU (.2)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x), 0.2)

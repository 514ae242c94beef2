"""Transformer blocks in two passes over the bands: sum the Gram matrix, then apply the folded projection."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.smfnet import blocks
from fusion.smfnet.bfe import BaseBlock
from fusion.smfnet.fast.bands import Band, banded, bands, channels_last, norm, pixels
from fusion.smfnet.fusion_layers import BaseFusion


class GramSum:
    """Sums q^T k and the squared norms of q's and k's channels over bands, in float64 across bands."""

    def __init__(self):
        self.products = self.squares = 0.0

    def add(self, q: Tensor, k: Tensor) -> None:
        """q, k: [B,N,C]."""
        q, k = q.float(), k.float()
        self.products = self.products + (q.transpose(1, 2) @ k).double()
        self.squares = self.squares + torch.stack((q.square().sum(1), k.square().sum(1))).double()

    def attention(self, temperature: Tensor) -> Tensor:
        """Block-diagonal softmax matrix A [B,C,C] (float64): attention output = A v per pixel."""
        lengths = self.squares.sqrt().clamp_min(1e-12)  # F.normalize's epsilon
        cosine = self.products / (lengths[0][:, :, None] * lengths[1][:, None, :])
        heads = temperature.shape[0]
        size = cosine.shape[1] // heads
        result = torch.zeros_like(cosine)
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            result[:, own, own] = (cosine[:, own, own] * temperature[head].double()).softmax(-1)
        return result


def affine(module: blocks.ChannelNorm) -> tuple[Tensor, Tensor]:
    return module.body.weight, module.body.bias


def point(weight: Tensor) -> Tensor:
    """1x1 convolution weight [O,C,1,1] -> [O,C]."""
    return weight.flatten(1)


class FastTransformer:
    """TransformerBlock or BaseFusion: x + MDTA(LN x), then x + LeFF(LN x)."""

    def __init__(self, block: blocks.TransformerBlock | BaseFusion):
        leff: blocks.LeFF = block.mlp if isinstance(block, BaseFusion) else block.ffn_leff
        width = block.attn.project_out.weight.shape[0]
        self.norm1, self.norm2 = affine(block.norm1), affine(block.norm2)
        self.temperature = block.attn.temperature
        self.project = point(block.attn.project_out.weight).double()
        qkv, depthwise = point(block.attn.qkv.weight), block.attn.qkv_dwconv.weight
        self.qk, self.qk_depthwise = qkv[:2 * width], depthwise[:2 * width]
        self.v, self.v_depthwise = qkv[2 * width:], depthwise[2 * width:]
        self.in_, self.in_bias = point(leff.linear1[0].weight), leff.linear1[0].bias
        self.depthwise, self.depthwise_bias = leff.dwconv[0].weight, leff.dwconv[0].bias
        self.out, self.out_bias = point(leff.linear2[0].weight), leff.linear2[0].bias
        self.leff_residual = leff.residual
        self.width = width

    def __call__(self, x: Tensor, rows: int) -> Tensor:
        gram = GramSum()
        for band in bands(x.shape[1], rows, halo=1):
            qk = F.linear(norm(band.of(x), self.norm1), self.qk)
            qk = band.wanted(band.conv3(qk, self.qk_depthwise, groups=2 * self.width))
            gram.add(*pixels(qk).split(self.width, dim=-1))
        folded = (self.project @ gram.attention(self.temperature)).transpose(1, 2).to(x.dtype)  # [B,C,C]

        def work(band: Band, rows_of_x: Tensor) -> Tensor:
            v = band.conv3(F.linear(norm(rows_of_x, self.norm1), self.v), self.v_depthwise, groups=self.width)
            y = torch.baddbmm(pixels(band.shrink(rows_of_x, 1)), pixels(v), folded).view(v.shape)
            z = norm(y, self.norm2)
            f = F.gelu(F.linear(z, self.in_, self.in_bias))
            f = F.gelu(band.conv3(f, self.depthwise, self.depthwise_bias, groups=self.width))
            f = F.gelu(F.linear(f, self.out, self.out_bias))
            f += band.shrink(y, 1)
            return f.add_(band.shrink(z, 1)) if self.leff_residual else f

        return banded(rows, 2, work, x)


class FastBaseBlock:
    """BaseBlock: x + DenseAttention(LN x), then x + FeedForward(LN x)."""

    def __init__(self, block: BaseBlock):
        width = block.attn.proj.weight.shape[0]
        self.norm1, self.norm2 = affine(block.norm1), affine(block.norm2)
        self.temperature = block.attn.scale
        self.project = point(block.attn.proj.weight).double()
        first, second = point(block.attn.qkv1.weight).double(), block.attn.qkv2.weight.double()
        joint = torch.einsum("omyx,mi->oiyx", second, first)  # both without bias: zero padding commutes with the 1x1
        self.qk = channels_last(joint[:2 * width].to(block.attn.qkv1.weight.dtype))
        self.v = joint[2 * width:]
        self.in_, self.out = point(block.mlp.project_in.weight), point(block.mlp.project_out.weight)
        self.width = width

    def __call__(self, x: Tensor, rows: int) -> Tensor:
        gram = GramSum()
        for band in bands(x.shape[1], rows, halo=1):
            qk = band.wanted(band.conv3(norm(band.of(x), self.norm1), self.qk))
            gram.add(*pixels(qk).split(self.width, dim=-1))
        folded = torch.einsum("boc,cikl->boikl", self.project @ gram.attention(self.temperature), self.v)
        kernels = [channels_last(kernel.to(x.dtype)) for kernel in folded]  # one per image: [C,C,3,3]

        def work(band: Band, rows_of_x: Tensor) -> Tensor:
            z = norm(rows_of_x, self.norm1)
            each = [band.conv3(image, kernel) for image, kernel in zip(z.split(1), kernels)]
            y = torch.cat(each) if len(each) > 1 else each[0]
            y += band.shrink(rows_of_x, 1)
            f = F.linear(F.gelu(F.linear(norm(y, self.norm2), self.in_)), self.out)
            return f.add_(y)

        return banded(rows, 1, work, x)

"""Transformer blocks in two passes over the image: sum the Gram matrix, then apply the folded projection."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.smfnet.fast.convolutions import conv3, depthwise
from fusion.smfnet.fast.maps import Maps
from fusion.smfnet.fast.modules import child
from fusion.smfnet.fast.streams import Stream, norm, pixels, streamed
from fusion.smfnet.network import blocks
from fusion.smfnet.network.bfe import BaseBlock
from fusion.smfnet.network.fusion_layers import BaseFusion


def by_head(heads: int, *weights: Tensor) -> Tensor:
    """Rows of several weights [C,...], those of one head side by side: the order that Gram matrices want."""
    return torch.cat([weight.unflatten(0, (heads, -1)) for weight in weights], dim=1).flatten(0, 1)


def gram(maps: Maps, x: Tensor, heads: int, work: Callable[[Stream, Tensor], Tensor]) -> Tensor:
    """Products of the channels of work(stream, rows of x) over all pixels, head by head: [B,heads,n,n], float64.

    The channels lie as in by_head. Pixels of a chunk are summed in float32, chunks in float64.
    """
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for chunk, in (stream := Stream(maps.rows, x)):
        y = pixels(work(stream, chunk)).unflatten(-1, (heads, -1)).float()
        total = total + (y.permute(0, 2, 3, 1) @ y.permute(0, 2, 1, 3)).double()
    return total


def attention(products: Tensor, parts: int, q: int, k: int, temperature: Tensor) -> Tensor:
    """Block-diagonal softmax matrix A [B,C,C] (float64); the attention's output is A v at every pixel.

    products: [B,heads,n,n] of gram. parts: how many weights by_head joined; q, k: which of them made queries and keys.
    """
    lengths = products.diagonal(dim1=-2, dim2=-1).sqrt().clamp_min(1e-12)  # F.normalize's epsilon
    cosine = products / (lengths[..., None] * lengths[..., None, :])
    cosine = cosine.unflatten(-1, (parts, -1)).unflatten(-3, (parts, -1))[:, :, q, :, k]
    weights = (cosine * temperature.double()).softmax(-1)
    return torch.stack([torch.block_diag(*image) for image in weights])


def affine(module: blocks.ChannelNorm) -> tuple[Tensor, Tensor]:
    return module.body.weight, module.body.bias


def point(weight: Tensor) -> Tensor:
    """1x1 convolution weight [O,C,1,1] -> [O,C]."""
    return weight.flatten(1)


class FastTransformer:
    """TransformerBlock or BaseFusion: x + MDTA(LN x), then x + LeFF(LN x)."""

    def __init__(self, block: blocks.TransformerBlock | BaseFusion):
        leff: blocks.LeFF = block.mlp if isinstance(block, BaseFusion) else block.ffn_leff
        self.norm1, self.norm2 = affine(block.norm1), affine(block.norm2)
        self.temperature, self.heads = block.attn.temperature, len(block.attn.temperature)
        self.project = point(block.attn.project_out.weight).double()
        q, k, self.v = point(block.attn.qkv.weight).chunk(3)
        self.qk = by_head(self.heads, q, k)
        q, k, v = block.attn.qkv_dwconv.weight.chunk(3)
        self.qk_depthwise, self.v_depthwise = depthwise(by_head(self.heads, q, k)), depthwise(v)
        linear1, dwconv, linear2 = (child(sequential, 0, nn.Conv2d)
                                    for sequential in (leff.linear1, leff.dwconv, leff.linear2))
        self.in_, self.in_bias = point(linear1.weight), linear1.bias
        self.depthwise = depthwise(dwconv.weight, dwconv.bias)
        self.out, self.out_bias = point(linear2.weight), linear2.bias
        self.leff_residual = leff.residual

    def __call__(self, x: Tensor, maps: Maps) -> Tensor:
        products = gram(maps, x, self.heads, self._queries_and_keys)
        matrix = attention(products, 2, 0, 1, self.temperature)
        folded = (self.project @ matrix).transpose(1, 2).to(x.dtype)  # [B,C,C]

        def work(stream: Stream, x: Tensor) -> tuple[Tensor, Tensor]:
            v = stream.conv3(F.linear(norm(x, self.norm1), self.v), self.v_depthwise)
            y = torch.baddbmm(pixels(stream.delay(x, v)), pixels(v), folded).view(v.shape)
            z = norm(y, self.norm2)
            f = F.gelu(F.linear(z, self.in_, self.in_bias))
            f = F.gelu(stream.conv3(f, self.depthwise))
            f = F.gelu(F.linear(f, self.out, self.out_bias))
            return f, stream.delay(y.add_(z) if self.leff_residual else y, f)

        return streamed(maps, work, x)

    def _queries_and_keys(self, stream: Stream, x: Tensor) -> Tensor:
        return stream.conv3(F.linear(norm(x, self.norm1), self.qk), self.qk_depthwise)


class FastBaseBlock:
    """BaseBlock: x + DenseAttention(LN x), then x + FeedForward(LN x)."""

    def __init__(self, block: BaseBlock, parts: int):
        self.parts = parts
        self.norm1, self.norm2 = affine(block.norm1), affine(block.norm2)
        self.temperature, self.heads = block.attn.scale, len(block.attn.scale)
        self.project = point(block.attn.proj.weight).double()
        first, second = point(block.attn.qkv1.weight).double(), block.attn.qkv2.weight.double()
        joint = torch.einsum("omyx,mi->oiyx", second, first)  # both without bias: zero padding commutes with the 1x1
        q, k, self.v = joint.chunk(3)
        self.qk = conv3(by_head(self.heads, q, k).to(block.attn.qkv1.weight.dtype), parts=parts)
        self.in_, self.out = point(block.mlp.project_in.weight), point(block.mlp.project_out.weight)

    def __call__(self, x: Tensor, maps: Maps) -> Tensor:
        products = gram(maps, x, self.heads, lambda stream, x: stream.conv3(norm(x, self.norm1), self.qk))
        matrix = attention(products, 2, 0, 1, self.temperature)
        folded = torch.einsum("boc,cikl->boikl", self.project @ matrix, self.v).to(x.dtype)
        convolutions = [conv3(kernel, parts=self.parts) for kernel in folded]  # one per image

        def work(stream: Stream, x: Tensor) -> tuple[Tensor, Tensor]:
            z = norm(x, self.norm1)
            each = [stream.conv3(image, convolution) for image, convolution in zip(z.split(1), convolutions)]
            y = torch.cat(each) if len(each) > 1 else each[0]
            y += stream.delay(x, y)
            f = F.linear(F.gelu(F.linear(norm(y, self.norm2), self.in_)), self.out)
            return f, y

        return streamed(maps, work, x)

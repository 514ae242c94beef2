"""Transformer blocks in two passes over the image: sum the Gram matrix, then apply the folded projection."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fusion.fast.conv3 import conv3, depthwise, point
from fusion.fast.extension import PARTS
from fusion.fast.gram import attention, by_head, gram
from fusion.fast.linear import Linear, each_by
from fusion.fast.maps import Maps
from fusion.fast.pointwise import gelu_
from fusion.fast.streams import Stream, norm, streamed
from fusion.smfnet.fast.modules import child
from fusion.smfnet.network import blocks
from fusion.smfnet.network.bfe import BaseBlock, DenseAttention
from fusion.smfnet.network.fusion_layers import BaseFusion


def affine(module: blocks.ChannelNorm) -> tuple[Tensor, Tensor]:
    return module.body.weight, module.body.bias


class FastMDTA:
    """x + MDTA(LN x)."""

    def __init__(self, norm: blocks.ChannelNorm, attn: blocks.MDTA):
        self.norm, self.temperature, self.heads = affine(norm), attn.temperature, len(attn.temperature)
        self.project = point(attn.project_out.weight).double()
        q, k, v = point(attn.qkv.weight).chunk(3)
        self.qk, self.v = Linear(by_head(self.heads, q, k)), Linear(v)
        q, k, v = attn.qkv_dwconv.weight.chunk(3)
        self.qk_depthwise, self.v_depthwise = depthwise(by_head(self.heads, q, k)), depthwise(v)

    def __call__(self, x: Tensor, maps: Maps) -> Callable[[Stream, Tensor], Tensor]:
        """The first pass over x [B,H,W,C]; what it returns makes the rows of the result in the second."""
        products = gram(maps, x, self.heads, self._queries_and_keys)
        matrix = attention(products, 2, 0, 1, self.temperature)
        folded = [Linear(image) for image in (self.project @ matrix).to(x.dtype)]  # [C,C] each

        def attend(stream: Stream, x: Tensor) -> Tensor:
            v = stream.conv3(stream.linear(norm(x, self.norm), self.v), self.v_depthwise)
            return each_by(folded, v, stream.delay(x, v))

        return attend

    def _queries_and_keys(self, stream: Stream, x: Tensor) -> Tensor:
        return stream.conv3(stream.linear(norm(x, self.norm), self.qk), self.qk_depthwise)


class FastDenseAttention:
    """x + DenseAttention(LN x)."""

    def __init__(self, norm: blocks.ChannelNorm, attn: DenseAttention, parts: int = PARTS):
        self.parts = parts
        self.norm, self.temperature, self.heads = affine(norm), attn.scale, len(attn.scale)
        self.project = point(attn.proj.weight).double()
        first, second = point(attn.qkv1.weight).double(), attn.qkv2.weight.double()
        joint = torch.einsum("omyx,mi->oiyx", second, first)  # both without bias: zero padding commutes with the 1x1
        q, k, self.v = joint.chunk(3)
        self.qk = conv3(by_head(self.heads, q, k).to(attn.qkv1.weight.dtype), parts=parts)

    def __call__(self, x: Tensor, maps: Maps) -> Callable[[Stream, Tensor], Tensor]:
        """The first pass over x [B,H,W,C]; what it returns makes the rows of the result in the second."""
        products = gram(maps, x, self.heads, lambda stream, x: stream.conv3(norm(x, self.norm), self.qk))
        matrix = attention(products, 2, 0, 1, self.temperature)
        folded = torch.einsum("boc,cikl->boikl", self.project @ matrix, self.v).to(x.dtype)
        convolutions = [conv3(kernel, parts=self.parts) for kernel in folded]  # one per image

        def attend(stream: Stream, x: Tensor) -> Tensor:
            z = norm(x, self.norm)
            each = [stream.conv3(image, convolution) for image, convolution in zip(z.split(1), convolutions)]
            y = torch.cat(each) if len(each) > 1 else each[0]
            return y.add_(stream.delay(x, y))

        return attend


class FastTransformer:
    """TransformerBlock or BaseFusion: x + MDTA(LN x), then x + LeFF(LN x)."""

    def __init__(self, block: blocks.TransformerBlock | BaseFusion):
        leff: blocks.LeFF = block.mlp if isinstance(block, BaseFusion) else block.ffn_leff
        self.attention, self.norm = FastMDTA(block.norm1, block.attn), affine(block.norm2)
        linear1, dwconv, linear2 = (child(sequential, 0, nn.Conv2d)
                                    for sequential in (leff.linear1, leff.dwconv, leff.linear2))
        self.in_, self.in_bias = Linear(point(linear1.weight)), linear1.bias
        self.depthwise = depthwise(dwconv.weight, dwconv.bias)
        self.out, self.out_bias = Linear(point(linear2.weight)), linear2.bias
        self.leff_residual = leff.residual

    def __call__(self, x: Tensor, maps: Maps) -> Tensor:
        attend = self.attention(x, maps)

        def work(stream: Stream, x: Tensor) -> tuple[Tensor, Tensor]:
            y = attend(stream, x)
            z = norm(y, self.norm)
            f = gelu_(stream.linear(z, self.in_), self.in_bias)
            f = gelu_(stream.conv3(f, self.depthwise))
            f = gelu_(self.out(f), self.out_bias)
            return f, stream.delay(y.add_(z) if self.leff_residual else y, f)

        return streamed(maps, work, x)


class FastBaseBlock:
    """BaseBlock: x + DenseAttention(LN x), then x + FeedForward(LN x)."""

    def __init__(self, block: BaseBlock, parts: int):
        self.attention, self.norm = FastDenseAttention(block.norm1, block.attn, parts), affine(block.norm2)
        self.in_, self.out = (Linear(point(conv.weight)) for conv in (block.mlp.project_in, block.mlp.project_out))

    def __call__(self, x: Tensor, maps: Maps) -> Tensor:
        attend = self.attention(x, maps)

        def work(stream: Stream, x: Tensor) -> Tensor:
            y = attend(stream, x)
            return self.out(gelu_(self.in_(norm(y, self.norm))), added=y)

        return streamed(maps, work, x)

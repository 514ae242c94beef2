"""GRDB, cross attention and the decoder's convolutions on streams of rows."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.conv3 import conv3, depthwise, point
from fusion.fast.gram import attention, by_head, gram
from fusion.fast.linear import Linear, each_by
from fusion.fast.maps import Maps
from fusion.fast.streams import Stream, streamed
from fusion.smfnet.fast.couplings import FastCoupling, FastInverseCoupling
from fusion.smfnet.fast.modules import bias
from fusion.smfnet.network import cai


class FastGRDB:
    """3x3 convolution, dense block, gradient: Eq. 3 in its released form."""

    def __init__(self, module: cai.GRDB, parts: int):
        block = module.GRDB
        self.first, self.conv1, self.conv2 = (conv3(conv.conv.weight, conv.conv.bias, parts=parts)
                                              for conv in (module.conv, block.dense.conv1, block.dense.conv2))
        self.sobel = depthwise(block.sobelconv.convx.weight), depthwise(block.sobelconv.convy.weight)
        weights = point(block.convdown.conv.weight), point(block.convup.conv.weight)
        self.down_up = Linear(torch.cat(weights, dim=1), bias(block.convdown.conv) + bias(block.convup.conv), 0.1)

    def __call__(self, stream: Stream, x: Tensor) -> Tensor:
        x = F.leaky_relu_(stream.conv3(x, self.first), 0.2)
        y = F.leaky_relu_(stream.conv3(x, self.conv1), 0.2)
        x = stream.delay(x, y)
        both = torch.cat((x, y), dim=-1)
        z = F.leaky_relu_(stream.conv3(both, self.conv2), 0.2)
        gradient = stream.conv3(x, self.sobel[0]).abs_().add_(stream.conv3(x, self.sobel[1]).abs_())
        return self.down_up(stream.delay(both, z), z, gradient)


class FastCrossAttention:
    """CAI after the GRDB: cross attention of the two halves, Eq. 4-5, then the coupling, Eq. 6-7."""

    def __init__(self, module: cai.CrossAttentionInvertible):
        cross, coupling = module.TCA, module.layer
        half = cross.q.weight.shape[0]
        self.temperature, self.heads = cross.temperature, len(cross.temperature)
        (k, v), (k_bias, v_bias) = point(cross.kv.weight).chunk(2), bias(cross.kv).chunk(2)
        k_depthwise, v_depthwise = cross.kv_dwconv.weight.chunk(2)
        k_depthwise_bias, v_depthwise_bias = bias(cross.kv_dwconv).chunk(2)
        q = point(cross.q.weight)
        # the first half's q and k, then the second's: q1, k1, q2, k2, head by head
        nothing = torch.zeros_like(q)
        pairs = (torch.cat(pair, dim=1) for pair in ((q, nothing), (k, nothing), (nothing, q), (nothing, k)))
        self.qk = Linear(by_head(self.heads, *pairs), by_head(self.heads, *2 * (bias(cross.q), k_bias)))
        self.qk_depthwise = depthwise(by_head(self.heads, *2 * (cross.q_dwconv.weight, k_depthwise)),
                                      by_head(self.heads, *2 * (bias(cross.q_dwconv), k_depthwise_bias)))
        self.v = Linear(torch.block_diag(v, v), v_bias.repeat(2))
        self.v_depthwise = depthwise(torch.cat(2 * (v_depthwise,)), torch.cat(2 * (v_depthwise_bias,)))
        self.project = point(cross.project_out.weight).double()
        self.mix = point(coupling.shffleconv.weight).double()
        projected = bias(cross.project_out).double().repeat(2)
        self.mix_bias = (self.mix @ projected + bias(coupling.shffleconv).double()).to(v.dtype)
        self.couple = FastCoupling(coupling)
        self.half = half

    def __call__(self, x: Tensor, maps: Maps) -> Tensor:
        products = gram(maps, x, self.heads, self._queries_and_keys)
        q1, k1, q2, k2 = range(4)
        projected = [self.project @ attention(products, 4, q, k, self.temperature) for q, k in ((q2, k1), (q1, k2))]
        folded = torch.cat([self.mix[:, :self.half] @ projected[0], self.mix[:, self.half:] @ projected[1]], dim=2)
        linears = [Linear(image, self.mix_bias) for image in folded.to(x.dtype)]  # [C,C] each

        def work(stream: Stream, x: Tensor) -> list[Tensor]:
            v = stream.conv3(stream.linear(x, self.v), self.v_depthwise)
            z1, z2 = each_by(linears, v).split(self.half, dim=-1)
            return self.couple(stream, z1, z2)

        return streamed(maps, work, x)

    def _queries_and_keys(self, stream: Stream, x: Tensor) -> Tensor:
        return stream.conv3(stream.linear(x, self.qk), self.qk_depthwise)


class FastConvs:
    """3x3 and 1x1 convolutions of a Sequential with leaky ReLU between: BFE's bottleneck, the decoder's output."""

    def __init__(self, sequential: nn.Sequential, parts: int):
        convs = [module for module in sequential if isinstance(module, nn.Conv2d)]
        self.layers = [conv3(conv.weight, conv.bias, parts=parts) if conv.kernel_size[0] == 3
                       else Linear(point(conv.weight), conv.bias) for conv in convs]
        self.slope = next(module.negative_slope for module in sequential if isinstance(module, nn.LeakyReLU))

    def __call__(self, stream: Stream, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            if i:
                x = F.leaky_relu_(x, self.slope)
            x = layer(x) if isinstance(layer, Linear) else stream.conv3(x, layer)
        return x


def detail_fusion(grdb: FastGRDB, layers: list[FastInverseCoupling], x: Tensor, maps: Maps) -> Tensor:
    """F_detail, Eq. 17. x is given back."""
    steps: list[Callable[[Stream, Tensor], Tensor | list[Tensor]]] = [grdb, *layers]
    for layer in steps:
        x, before = streamed(maps, layer, x), x
        maps.give(before)
    return x

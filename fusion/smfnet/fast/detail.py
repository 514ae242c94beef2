"""GRDB, cross attention, couplings and the decoder's convolutions on streams of rows."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.smfnet.fast.attention import attention, by_head, gram, point
from fusion.smfnet.fast.convolutions import conv3, depthwise
from fusion.smfnet.fast.maps import Maps
from fusion.smfnet.fast.modules import bias, child
from fusion.smfnet.fast.streams import Stream, pixels, streamed
from fusion.smfnet.network import cai, fusion_layers


class FastGRDB:
    """3x3 convolution, dense block, gradient: Eq. 3 in its released form."""

    def __init__(self, module: cai.GRDB, parts: int):
        block = module.GRDB
        self.first, self.conv1, self.conv2 = (conv3(conv.conv.weight, conv.conv.bias, parts=parts)
                                              for conv in (module.conv, block.dense.conv1, block.dense.conv2))
        self.sobel = depthwise(block.sobelconv.convx.weight), depthwise(block.sobelconv.convy.weight)
        down = point(block.convdown.conv.weight)
        self.width = len(down)
        self.down, self.down2 = down[:, :2 * self.width], down[:, 2 * self.width:].t()
        self.bias = bias(block.convdown.conv) + bias(block.convup.conv)
        self.up = point(block.convup.conv.weight).t()

    def __call__(self, stream: Stream, x: Tensor) -> Tensor:
        x = F.leaky_relu_(stream.conv3(x, self.first), 0.2)
        y = F.leaky_relu_(stream.conv3(x, self.conv1), 0.2)
        x = stream.delay(x, y)
        both = torch.cat((x, y), dim=-1)
        z = F.leaky_relu_(stream.conv3(both, self.conv2), 0.2)
        gradient = stream.conv3(x, self.sobel[0]).abs_().add_(stream.conv3(x, self.sobel[1]).abs_())
        result = F.linear(stream.delay(both, z), self.down, self.bias).reshape(-1, self.width)
        result.addmm_(z.reshape(-1, self.width), self.down2).addmm_(gradient.reshape(-1, self.width), self.up)
        return F.leaky_relu_(result, 0.1).view(z.shape)


class Bottlenecks:
    """One or two BottleneckResidual blocks on the same input [B,h,W,C/2]."""

    def __init__(self, *modules: cai.BottleneckResidual):
        blocks = [module.bottleneckBlock for module in modules]
        self.in_ = torch.cat([point(child(block, 0, nn.Conv2d).weight) for block in blocks])
        self.depthwise = torch.cat([child(block, 3, nn.Conv2d).weight for block in blocks])
        self.outs = [point(child(block, 5, nn.Conv2d).weight) for block in blocks]

    def __call__(self, stream: Stream, x: Tensor) -> list[Tensor]:
        x = F.linear(x, self.in_).clamp_(0, 6)
        x = stream.window(x, lambda border, inner: inner).permute(0, 3, 1, 2)
        x = F.conv2d(F.pad(x, (1, 1, 0, 0), mode="reflect"), self.depthwise, groups=len(self.depthwise))
        x = x.permute(0, 2, 3, 1).clamp_(0, 6)
        return [F.linear(part, out) for part, out in zip(x.chunk(len(self.outs), dim=-1), self.outs)]


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
        self.qk = by_head(self.heads, *(torch.cat(pair, dim=1) for pair in (
            (q, nothing), (k, nothing), (nothing, q), (nothing, k))))
        self.qk_bias = by_head(self.heads, *2 * (bias(cross.q), k_bias))
        self.qk_depthwise = depthwise(by_head(self.heads, *2 * (cross.q_dwconv.weight, k_depthwise)),
                                      by_head(self.heads, *2 * (bias(cross.q_dwconv), k_depthwise_bias)))
        self.v, self.v_bias = v, v_bias
        self.v_depthwise = depthwise(torch.cat(2 * (v_depthwise,)), torch.cat(2 * (v_depthwise_bias,)))
        self.project = point(cross.project_out.weight).double()
        self.mix = point(coupling.shffleconv.weight).double()
        projected = bias(cross.project_out).double().repeat(2)
        self.mix_bias = (self.mix @ projected + bias(coupling.shffleconv).double()).to(self.v.dtype)
        self.phi = Bottlenecks(coupling.theta_phi)
        self.rho_eta = Bottlenecks(coupling.theta_rho, coupling.theta_eta)
        self.half = half

    def __call__(self, x: Tensor, maps: Maps) -> Tensor:
        products = gram(maps, x, self.heads, self._queries_and_keys)
        q1, k1, q2, k2 = range(4)
        projected = [self.project @ attention(products, 4, q, k, self.temperature) for q, k in ((q2, k1), (q1, k2))]
        folded = torch.cat([self.mix[:, :self.half] @ projected[0], self.mix[:, self.half:] @ projected[1]], dim=2)
        folded = folded.transpose(1, 2).to(x.dtype)  # [B,C,C]

        def work(stream: Stream, x: Tensor) -> Tensor:
            v = F.linear(x.unflatten(-1, (2, self.half)), self.v, self.v_bias).flatten(-2)
            v = stream.conv3(v, self.v_depthwise)
            z1, z2 = torch.baddbmm(self.mix_bias, pixels(v), folded).view(v.shape).split(self.half, dim=-1)
            phi, = self.phi(stream, z1)
            z2 = stream.delay(z2, phi) + phi
            rho, eta = self.rho_eta(stream, z2)
            z1 = torch.addcmul(eta, stream.delay(z1, rho), rho.exp_())
            return torch.cat((z1, stream.delay(z2, rho)), dim=-1)

        return streamed(maps, work, x)

    def _queries_and_keys(self, stream: Stream, x: Tensor) -> Tensor:
        return stream.conv3(F.linear(x, self.qk, self.qk_bias), self.qk_depthwise)


class FastInverseCoupling:
    """Eq. 19-20 in the released form."""

    def __init__(self, module: fusion_layers.InverseCoupling):
        self.mix, self.mix_bias = point(module.shffleconv.weight), module.shffleconv.bias
        self.first, self.second = Bottlenecks(module.r, module.y), Bottlenecks(module.f, module.p)
        self.scale = module.scale

    def __call__(self, stream: Stream, x: Tensor) -> Tensor:
        x1, x2 = F.linear(x, self.mix, self.mix_bias).chunk(2, dim=-1)
        scale, shift = self.first(stream, x1)
        y2 = (stream.delay(x2, scale) - shift) * self.scale(scale)
        shift, scale = self.second(stream, y2)
        y1 = (stream.delay(x1, scale) - shift) * self.scale(scale)
        return torch.cat((y1, stream.delay(y2, scale)), dim=-1)


class FastConvs:
    """3x3 and 1x1 convolutions of a Sequential with leaky ReLU between: BFE's bottleneck, the decoder's output."""

    def __init__(self, sequential: nn.Sequential, parts: int):
        convs = [module for module in sequential if isinstance(module, nn.Conv2d)]
        self.layers = [conv3(conv.weight, conv.bias, parts=parts) if conv.kernel_size[0] == 3
                       else (point(conv.weight), conv.bias) for conv in convs]
        self.slope = next(module.negative_slope for module in sequential if isinstance(module, nn.LeakyReLU))

    def __call__(self, stream: Stream, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            if i:
                x = F.leaky_relu_(x, self.slope)
            x = F.linear(x, *layer) if isinstance(layer, tuple) else stream.conv3(x, layer)
        return x


def detail_fusion(grdb: FastGRDB, layers: list[FastInverseCoupling], x: Tensor, maps: Maps) -> Tensor:
    """F_detail, Eq. 17. x is given back."""
    steps: list[Callable[[Stream, Tensor], Tensor]] = [grdb, *layers]
    for layer in steps:
        x, before = streamed(maps, layer, x), x
        maps.give(before)
    return x

"""Affine couplings of two halves of the channels, on streams of rows."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.conv3 import point
from fusion.fast.linear import Linear
from fusion.fast.streams import Stream
from fusion.smfnet.fast.modules import child
from fusion.smfnet.network import cai, fusion_layers


class Bottlenecks:
    """One or two BottleneckResidual blocks on the same input [B,h,W,C/2]."""

    def __init__(self, *modules: cai.BottleneckResidual):
        blocks = [module.bottleneckBlock for module in modules]
        self.in_ = Linear(torch.cat([point(child(block, 0, nn.Conv2d).weight) for block in blocks]))
        self.depthwise = torch.cat([child(block, 3, nn.Conv2d).weight for block in blocks])
        self.outs = [Linear(point(child(block, 5, nn.Conv2d).weight)) for block in blocks]

    def __call__(self, stream: Stream, x: Tensor) -> list[Tensor]:
        # columns are reflected before the 1x1: there are fewer channels
        x = F.pad(x.permute(0, 3, 1, 2), (1, 1, 0, 0), mode="reflect").permute(0, 2, 3, 1)
        x = stream.linear(x, self.in_).clamp_(0, 6)
        x = stream.window(x, lambda border, inner: inner).permute(0, 3, 1, 2)
        x = F.conv2d(x, self.depthwise, groups=len(self.depthwise))
        x = x.permute(0, 2, 3, 1).clamp_(0, 6)
        return [out(part) for part, out in zip(x.chunk(len(self.outs), dim=-1), self.outs)]


class Couples(Protocol):
    """A module with the three functions of an affine coupling, Eq. 6-7."""

    theta_phi: cai.BottleneckResidual
    theta_rho: cai.BottleneckResidual
    theta_eta: cai.BottleneckResidual


class FastCoupling:
    """Eq. 6-7 in the released form, after the 1x1 mix: z2 + phi(z1), then z1 exp(rho(z2)) + eta(z2)."""

    def __init__(self, module: Couples):
        self.phi, self.rho_eta = Bottlenecks(module.theta_phi), Bottlenecks(module.theta_rho, module.theta_eta)

    def __call__(self, stream: Stream, z1: Tensor, z2: Tensor) -> list[Tensor]:
        """Rows [B,h,W,C/2] each -> the same."""
        phi, = self.phi(stream, z1)
        z2 = stream.delay(z2, phi) + phi
        rho, eta = self.rho_eta(stream, z2)
        z1 = torch.addcmul(eta, stream.delay(z1, rho), rho.exp_())
        return [z1, stream.delay(z2, rho)]


class FastInverseCoupling:
    """Eq. 19-20 in the released form."""

    def __init__(self, module: fusion_layers.InverseCoupling):
        self.mix = Linear(point(module.shffleconv.weight), module.shffleconv.bias)
        self.first, self.second = Bottlenecks(module.r, module.y), Bottlenecks(module.f, module.p)
        self.scale = module.scale

    def __call__(self, stream: Stream, x: Tensor) -> list[Tensor]:
        x1, x2 = self.mix(x).chunk(2, dim=-1)
        scale, shift = self.first(stream, x1)
        y2 = (stream.delay(x2, scale) - shift) * self.scale(scale)
        shift, scale = self.second(stream, y2)
        y1 = (stream.delay(x1, scale) - shift) * self.scale(scale)
        return [y1, stream.delay(y2, scale)]

"""GRDB, cross attention, couplings and the decoder's convolutions on bands."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.smfnet import cai, fusion_layers
from fusion.smfnet.fast.attention import GramSum, point
from fusion.smfnet.fast.bands import Band, banded, bands, channels_last, pixels


class FastGRDB:
    """3x3 convolution, dense block, gradient: Eq. 3 in its released form."""

    HALO = 3

    def __init__(self, module: cai.GRDB):
        block = module.GRDB
        width = module.conv.conv.weight.shape[0]
        self.first, self.first_bias = channels_last(module.conv.conv.weight), module.conv.conv.bias
        self.conv1, self.bias1 = channels_last(block.dense.conv1.conv.weight), block.dense.conv1.conv.bias
        self.conv2, self.bias2 = channels_last(block.dense.conv2.conv.weight), block.dense.conv2.conv.bias
        down = point(block.convdown.conv.weight)
        self.down, self.down2 = down[:, :2 * width], down[:, 2 * width:].t()
        self.bias = block.convdown.conv.bias + block.convup.conv.bias
        self.up = point(block.convup.conv.weight).t()
        self.sobel = (block.sobelconv.convx.weight, block.sobelconv.convy.weight)
        self.width = width

    def __call__(self, band: Band, x: Tensor) -> Tensor:
        x = F.leaky_relu_(band.conv3(x, self.first, self.first_bias), 0.2)
        y = F.leaky_relu_(band.conv3(x, self.conv1, self.bias1), 0.2)
        inner = band.shrink(x, 1)
        both = torch.cat((inner, y), dim=-1)
        z = F.leaky_relu_(band.conv3(both, self.conv2, self.bias2), 0.2)
        gradient = band.conv3(inner, self.sobel[0], groups=self.width).abs()
        gradient += band.conv3(inner, self.sobel[1], groups=self.width).abs()
        result = F.linear(band.shrink(both, 1), self.down, self.bias).reshape(-1, self.width)
        result.addmm_(z.reshape(-1, self.width), self.down2).addmm_(gradient.reshape(-1, self.width), self.up)
        return F.leaky_relu_(result, 0.1).view(z.shape)


class Bottlenecks:
    """One or two BottleneckResidual blocks on the same input [B,h,W,C/2]; a halo row is used up."""

    def __init__(self, *modules: cai.BottleneckResidual):
        blocks = [module.bottleneckBlock for module in modules]
        self.in_ = torch.cat([point(block[0].weight) for block in blocks])
        self.depthwise = torch.cat([block[3].weight for block in blocks])
        self.outs = [point(block[5].weight) for block in blocks]

    def __call__(self, band: Band, x: Tensor) -> list[Tensor]:
        x = band.reflect(F.linear(x, self.in_).clamp_(0, 6))
        x = F.conv2d(x.permute(0, 3, 1, 2), self.depthwise, groups=len(self.depthwise)).clamp_(0, 6).permute(0, 2, 3, 1)
        return [F.linear(part, out) for part, out in zip(x.chunk(len(self.outs), dim=-1), self.outs)]


class FastCrossAttention:
    """CAI after the GRDB: cross attention of the two halves, Eq. 4-5, then the coupling, Eq. 6-7."""

    def __init__(self, module: cai.CrossAttentionInvertible):
        attention, coupling = module.TCA, module.layer
        half = attention.q.weight.shape[0]
        kv, kv_bias = point(attention.kv.weight), attention.kv.bias
        self.qk = torch.cat((point(attention.q.weight), kv[:half]))
        self.qk_bias = torch.cat((attention.q.bias, kv_bias[:half]))
        depthwise = torch.cat((attention.q_dwconv.weight, attention.kv_dwconv.weight[:half]))
        self.qk_depthwise = depthwise.repeat(2, 1, 1, 1)  # both halves side by side
        self.qk_depthwise_bias = torch.cat((attention.q_dwconv.bias, attention.kv_dwconv.bias[:half])).repeat(2)
        self.v, self.v_bias = kv[half:], kv_bias[half:]
        self.v_depthwise = attention.kv_dwconv.weight[half:].repeat(2, 1, 1, 1)
        self.v_depthwise_bias = attention.kv_dwconv.bias[half:].repeat(2)
        self.temperature = attention.temperature
        self.project = point(attention.project_out.weight).double()
        self.mix = point(coupling.shffleconv.weight).double()
        projected = attention.project_out.bias.double().repeat(2)
        self.mix_bias = (self.mix @ projected + coupling.shffleconv.bias.double()).to(self.v.dtype)
        self.phi = Bottlenecks(coupling.theta_phi)
        self.rho_eta = Bottlenecks(coupling.theta_rho, coupling.theta_eta)
        self.half = half

    def __call__(self, x: Tensor, rows: int) -> Tensor:
        grams = GramSum(), GramSum()
        for band in bands(x.shape[1], rows, halo=1):
            qk = self._halves(band, band.of(x), self.qk, self.qk_bias, self.qk_depthwise, self.qk_depthwise_bias)
            q1, k1, q2, k2 = pixels(band.wanted(qk)).split(self.half, dim=-1)
            grams[0].add(q2, k1)
            grams[1].add(q1, k2)
        projected = [self.project @ gram.attention(self.temperature) for gram in grams]
        folded = torch.cat([self.mix[:, :self.half] @ projected[0], self.mix[:, self.half:] @ projected[1]], dim=2)
        folded = folded.transpose(1, 2).to(x.dtype)  # [B,C,C]

        def work(band: Band, rows_of_x: Tensor) -> Tensor:
            v = self._halves(band, rows_of_x, self.v, self.v_bias, self.v_depthwise, self.v_depthwise_bias)
            mixed = torch.baddbmm(self.mix_bias, pixels(v), folded).view(v.shape)
            z1, z2 = mixed.split(self.half, dim=-1)
            z2 = band.shrink(z2, 1) + self.phi(band, z1)[0]
            rho, eta = self.rho_eta(band, z2)
            z1 = torch.addcmul(eta, band.shrink(z1, 2), rho.exp_())
            return torch.cat((z1, band.shrink(z2, 1)), dim=-1)

        return banded(rows, 3, work, x)

    def _halves(self, band: Band, x: Tensor, weight: Tensor, bias: Tensor, depthwise: Tensor,
                depthwise_bias: Tensor) -> Tensor:
        """The shared 1x1 and depthwise 3x3 on both halves at once."""
        y = F.linear(x.unflatten(-1, (2, self.half)), weight, bias).flatten(-2)
        return band.conv3(y, depthwise, depthwise_bias, groups=len(depthwise))


class FastInverseCoupling:
    """Eq. 19-20 in the released form; two halo rows are used up."""

    HALO = 2

    def __init__(self, module: fusion_layers.InverseCoupling):
        self.mix, self.mix_bias = point(module.shffleconv.weight), module.shffleconv.bias
        self.first, self.second = Bottlenecks(module.r, module.y), Bottlenecks(module.f, module.p)
        self.scale = module.scale

    def __call__(self, band: Band, x: Tensor) -> Tensor:
        x1, x2 = F.linear(x, self.mix, self.mix_bias).chunk(2, dim=-1)
        scale, shift = self.first(band, x1)
        y2 = (band.shrink(x2, 1) - shift) * self.scale(scale)
        shift, scale = self.second(band, y2)
        y1 = (band.shrink(x1, 2) - shift) * self.scale(scale)
        return torch.cat((y1, band.shrink(y2, 1)), dim=-1)


class FastConvs:
    """3x3 and 1x1 convolutions of a Sequential with leaky ReLU between: BFE's bottleneck, the decoder's output."""

    def __init__(self, sequential: nn.Sequential):
        convs = [module for module in sequential if isinstance(module, nn.Conv2d)]
        self.layers = [(channels_last(conv.weight), conv.bias) for conv in convs]
        self.slope = next(module.negative_slope for module in sequential if isinstance(module, nn.LeakyReLU))
        self.halo = sum(conv.kernel_size[0] == 3 for conv in convs)

    def __call__(self, band: Band, x: Tensor) -> Tensor:
        for i, (weight, bias) in enumerate(self.layers):
            if i:
                x = F.leaky_relu_(x, self.slope)
            x = band.conv3(x, weight, bias) if weight.shape[-1] == 3 else F.linear(x, weight.flatten(1), bias)
        return x


def detail_fusion(grdb: FastGRDB, layers: list[FastInverseCoupling], x: Tensor, rows: int) -> Tensor:
    """F_detail, Eq. 17."""
    x = banded(rows, grdb.HALO, grdb, x)
    for layer in layers:
        x = banded(rows, layer.HALO, layer, x)
    return x

"""SHIP (Zheng et al., CVPR 2024): high-order interaction of the modalities in space and between channels.

Facts of the network and recipe: zheng980629/SHIP@6b95318c (1, 1, 16).
"""

import torch
from torch import Tensor, nn

from baselines.network import LumaNetwork
from fusion.fast import Form, PictureNorm, affine, faster, why_no_kernels
from fusion.method import Card, WeightFile, register
from fusion.smfnet.network.blocks import ChannelNorm

WIDTH = 16
ORDERS = 3  # interactions after the first product, in each part
CENTRAL_DIFFERENCE = 0.8
PLUS, CROSS = (1, 3, 4, 5, 7), (0, 2, 4, 6, 8)  # cells of a 3x3 kernel
REPOSITORY, COMMIT = "zheng980629/SHIP", "6b95318c7700fce74a476e057f077ecd90ff85b3"


def _pair(width: int, middle: int, size: int) -> nn.Sequential:
    """Two convolutions with a ReLU between them."""
    return nn.Sequential(nn.Conv2d(width, middle, size, padding=size // 2), nn.ReLU(),
                         nn.Conv2d(middle, width, size, padding=size // 2))


class _FiveWeights(nn.Module):
    """Weights [out,in,1,5] that stand for the cells of a 3x3 kernel."""

    def __init__(self, width: int, cells: tuple[int, ...]):
        super().__init__()
        self.cells = cells
        self.conv = nn.Conv2d(width, width, (1, 5), bias=False)

    def kernel(self) -> Tensor:
        """[out,in,3,3]; the sum of the weights, times theta, is taken off the centre (central difference)."""
        weight = self.conv.weight[:, :, 0]
        kernel = weight.new_zeros((*weight.shape[:2], 9))
        kernel[..., list(self.cells)] = weight
        kernel[..., 4] -= CENTRAL_DIFFERENCE * weight.sum(-1)
        return kernel.unflatten(-1, (3, 3))


class CentralDifference(nn.Module):
    """Learned mix of a plus-shaped and a cross-shaped central-difference convolution, plus the input."""

    def __init__(self, width: int):
        super().__init__()
        self.HP_branch = nn.Parameter(torch.zeros(1))
        self.h_conv, self.d_conv = _FiveWeights(width, PLUS), _FiveWeights(width, CROSS)

    def kernel(self) -> Tensor:
        """[out,in,3,3] of the mix."""
        plus = torch.sigmoid(self.HP_branch)
        return plus * self.h_conv.kernel() + (1 - plus) * self.d_conv.kernel()

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.kernel(), padding=1) + x


class EdgeBlock(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.process = nn.Conv2d(width, width, 3, padding=1)
        self.Res = _pair(width, width, 3)
        self.CDC = CentralDifference(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.process(x)
        return self.Res(x) + self.CDC(x)


def fixed(weight: Tensor) -> nn.Parameter:
    """A weight that was computed from others and is not trained."""
    return nn.Parameter(weight.detach(), requires_grad=False)


@faster(EdgeBlock)
class OneSum(nn.Module):
    """EdgeBlock with the last convolution, the central differences and the input as one convolution of both."""

    def __init__(self, block: EdgeBlock):
        super().__init__()
        first, relu, second = block.Res
        assert isinstance(second, nn.Conv2d)
        width = len(second.weight)
        kernel = block.CDC.kernel() + nn.functional.pad(torch.eye(width)[..., None, None], (1, 1, 1, 1))
        self.process, self.first = block.process, nn.Sequential(first, relu)
        self.last = nn.Conv2d(2 * width, width, 3, padding=1)
        self.last.weight, self.last.bias = fixed(torch.cat([second.weight, kernel], dim=1)), second.bias

    def forward(self, x: Tensor) -> Tensor:
        x = self.process(x)
        return self.last(torch.cat([self.first(x), x], dim=1))


class Extractor(nn.Module):
    """One modality [N,1,H,W] -> features [N,16,H,W]."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 1)
        self.block1, self.block2 = EdgeBlock(width), EdgeBlock(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.block2(self.block1(self.conv(x)))


class HalfNormBlock(nn.Module):
    """Two 3x3 convolutions and a 1x1 shortcut; instance norm on the first half of the channels only."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.identity = nn.Conv2d(channels_in, channels_out, 1)
        self.conv_1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv_2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.norm = nn.InstanceNorm2d(channels_out // 2, affine=True)
        self.relu = nn.LeakyReLU(0.1)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.conv_1(x).chunk(2, dim=1)
        y = self.relu(torch.cat([self.norm(first), second], dim=1))
        return self.relu(self.conv_2(y)) + self.identity(x)


class DenseBlock(nn.Module):
    """[N,in,H,W] -> [N,out,H,W]; each of the three stages ends in a leaky ReLU (.2), the last one too."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.conv1 = HalfNormBlock(channels_in, WIDTH)
        self.conv2 = HalfNormBlock(WIDTH, WIDTH)
        self.conv3 = nn.Conv2d(channels_in + 2 * WIDTH, channels_out, 3, padding=1)
        self.lrelu = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.lrelu(self.conv1(x))
        second = self.lrelu(self.conv2(first))
        return self.lrelu(self.conv3(torch.cat((x, first, second), dim=1)))


class FastHalfNorm(Form):
    """HalfNormBlock and the leaky ReLU behind it; norm, join and ReLU are one step, product, bias and ReLU another.

    The product of the shortcut is float32's, also where convolutions are bfloat16.
    """

    def __init__(self, block: HalfNormBlock, slope: float):
        super().__init__()
        norm, shortcut = block.norm, block.identity
        assert shortcut.bias is not None
        self.conv_1, self.conv_2 = block.conv_1, nn.Sequential(block.conv_2, block.relu)
        self.norm = PictureNorm(norm.weight, norm.bias, norm.eps, block.relu.negative_slope, others=norm.num_features)
        self.product = shortcut.weight[..., 0, 0].T.contiguous()
        self.factors = torch.ones_like(shortcut.bias), shortcut.bias, torch.full_like(shortcut.bias, slope)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) if len(x) == 1 else torch.cat([self.one(picture) for picture in x.split(1)])

    def one(self, x: Tensor) -> Tensor:
        y = self.conv_2(self.norm(self.conv_1(x))).float().contiguous(memory_format=torch.channels_last)
        flat, source = (picture.permute(0, 2, 3, 1).flatten(0, 2) for picture in (y, x.float()))
        flat.addmm_(source, self.product)
        return affine(y, *self.factors)


@faster(DenseBlock)
def fast_dense_block(block: DenseBlock) -> nn.Module | None:
    """The block for inference where compiled code runs."""
    return None if why_no_kernels() else FastDenseBlock(block)


class FastDenseBlock(nn.Module):
    """DenseBlock of such blocks."""

    def __init__(self, block: DenseBlock):
        super().__init__()
        slope = block.lrelu.negative_slope
        self.first, self.second = FastHalfNorm(block.conv1, slope), FastHalfNorm(block.conv2, slope)
        self.last = nn.Sequential(block.conv3, block.lrelu)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return self.last(torch.cat((x, first, self.second(first)), dim=1))


class InvertibleMix(nn.Module):
    """1x1 convolution whose square weight is stored as permutation, lower and upper triangle (Glow)."""

    p: Tensor
    sign_s: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("p", torch.eye(width))
        self.register_buffer("sign_s", torch.ones(width))
        self.lower = nn.Parameter(torch.zeros(width, width))
        self.log_s = nn.Parameter(torch.zeros(width))
        self.upper = nn.Parameter(torch.zeros(width, width))

    def kernel(self) -> Tensor:
        """[out,in,1,1]."""
        lower = self.lower.tril(-1) + torch.eye(len(self.log_s), device=self.lower.device, dtype=self.lower.dtype)
        upper = self.upper.triu(1) + torch.diag(self.sign_s * torch.exp(self.log_s))
        return (self.p @ (lower @ upper))[..., None, None]

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.kernel())


class Coupling(nn.Module):
    """Invertible block: 1x1 mix, then each half changes the other; scale exp(s) with |s| below .8."""

    CLAMP = 0.8

    def __init__(self, width: int):
        super().__init__()
        half = width // 2
        self.F, self.G, self.H = DenseBlock(half, half), DenseBlock(half, half), DenseBlock(half, half)
        self.invconv = InvertibleMix(width)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.invconv(x).chunk(2, dim=1)
        first = first + self.F(second)
        scale = self.CLAMP * (torch.sigmoid(self.H(first)) * 2 - 1)
        return torch.cat((first, second * torch.exp(scale) + self.G(first)), dim=1)


@faster(Coupling)
class InPlace(nn.Module):
    """Coupling on the maps that its blocks have made."""

    def __init__(self, coupling: Coupling):
        super().__init__()
        self.F, self.G, self.H, mix = coupling.F, coupling.G, coupling.H, coupling.invconv.kernel()
        self.mix = nn.Conv2d(len(mix), len(mix), 1, bias=False)
        self.mix.weight = fixed(mix)
        self.clamp = coupling.CLAMP

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.mix(x).chunk(2, dim=1)
        first = self.F(second).add_(first)
        scale = self.H(first).sigmoid_().mul_(2 * self.clamp).sub_(self.clamp).exp_()
        return torch.cat((first, self.G(first).addcmul_(second, scale)), dim=1)


class SpatialInteraction(nn.Module):
    """Products of the modalities, the first one in the Fourier domain (a circular convolution: depends on the size)."""

    norm1: ChannelNorm

    def __init__(self, width: int):
        super().__init__()
        for order in range(1, ORDERS + 1):
            self.add_module(f"reflashFused{order}", _pair(width, width, 3))
            self.add_module(f"reflashInfrared{order}", _pair(width, width, 3))
        for order in range(1, ORDERS + 2):
            self.add_module(f"norm{order}", ChannelNorm(width))

    def forward(self, vis: Tensor, inf: Tensor) -> tuple[Tensor, Tensor]:
        product = torch.fft.rfft2(vis) * torch.fft.rfft2(inf)
        fused = self.norm1(torch.fft.irfft2(product, s=vis.shape[-2:])) * inf
        for order in range(1, ORDERS + 1):
            fused = self.get_submodule(f"norm{order + 1}")(self.get_submodule(f"reflashFused{order}")(fused))
            inf = self.get_submodule(f"reflashInfrared{order}")(inf)
            fused = fused * inf
        return fused + vis, inf


class ChannelInteraction(nn.Module):
    """Channel attention of order four over both modalities; the infrared features pass unchanged."""

    def __init__(self, width: int):
        super().__init__()
        self.chaAtten = _pair(2 * width, width, 1)
        for order in range(1, ORDERS + 1):
            self.add_module(f"reflashChaAtten{order}", _pair(2 * width, width, 1))
            self.add_module(f"reflashFused{order}", _pair(2 * width, 2 * width, 3))
        self.postprocess = nn.Sequential(Coupling(2 * width), nn.Conv2d(2 * width, width, 1))

    def forward(self, vis: Tensor, inf: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([vis, inf], dim=1)
        attention = self.chaAtten(both.mean((2, 3), keepdim=True)).softmax(1)
        fused = both * attention
        for order in range(1, ORDERS + 1):
            fused = self.get_submodule(f"reflashFused{order}")(fused)
            attention = self.get_submodule(f"reflashChaAtten{order}")(attention).softmax(1)
            fused = fused * attention
        return self.postprocess(fused) + vis, inf


class Interaction(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.spatial, self.channel = SpatialInteraction(width), ChannelInteraction(width)

    def forward(self, vis: Tensor, inf: Tensor) -> tuple[Tensor, Tensor]:
        return self.channel(*self.spatial(vis, inf))


class GlobalAttention(nn.Module):
    """Adds to every pixel the pooled response times its gate."""

    def __init__(self, width: int):
        super().__init__()
        self.conv_du = nn.Sequential(nn.Conv2d(width, width // 4, 1), nn.ReLU(), nn.Conv2d(width // 4, width, 1),
                                     nn.Sigmoid())
        self.process = _pair(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.process(x).mean((2, 3), keepdim=True)
        return self.conv_du(pooled) * pooled + x


class Reconstruction(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.conv_in = nn.Conv2d(width, width, 3, padding=1)
        self.process = nn.Sequential(GlobalAttention(width), GlobalAttention(width))
        self.conv_last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_last(self.process(self.conv_in(x)))


class SHIPNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W], linear, not clamped."""

    def __init__(self):
        super().__init__()
        self.vis, self.inf = Extractor(WIDTH), Extractor(WIDTH)
        self.interaction1, self.interaction2, self.interaction3 = (Interaction(WIDTH) for _ in range(3))
        self.postprocess = nn.Sequential(Coupling(3 * WIDTH), nn.Conv2d(3 * WIDTH, WIDTH, 1))
        self.reconstruction = Reconstruction(WIDTH)

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        vis, inf, seen = self.vis(vi), self.inf(ir), []
        for interaction in (self.interaction1, self.interaction2, self.interaction3):
            vis, inf = interaction(vis, inf)
            seen.append(vis)
        return self.reconstruction(self.postprocess(torch.cat(seen, dim=1)))


@register
class SHIP(LumaNetwork):
    card = Card(
        name="ship", title="SHIP", kind="baseline", task=("ivf", "mif"),
        paper="Zheng et al., Probing Synergistic High-Order Interaction in Infrared and Visible Image Fusion, "
              "CVPR 2024",
        venue="CVPR", year=2024, trained_on="M3FD",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("SHIP_model.pth", "e61783e79144d5c9da6681b833ad64624ed2e61f6a533fd18ab896349e3f7329",
                            REPOSITORY, COMMIT, "pretrained_model/SHIP_model.pth"),),
        recipe={"released": "float luma, no padding, clamped to 0..1, chroma of the visible back; the authors' script"},
        parity="network within float32 noise of the authors' code; real outputs equal up to one level in 34 of 610,624 "
               "values",
        differs={
            "tno": "the authors' recipe, within .03 % (MI): a difference of arithmetic. With every convolution's "
                   "inputs rounded to TF32, as newer GPUs do, EN is exact and the rest within .011 %",
            "roadscene": "the authors' recipe, within .01 %: a difference of arithmetic, as on TNO",
            "msrs": "the authors' recipe, MI VIF Qabf to the digit, the rest within .007 %: a difference of "
                    "arithmetic"},
    )
    architecture = SHIPNetwork
    several = True
    checkpoint_keys = ("params",)
    memory_format = torch.channels_last
    table5_thop = True

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y).clamp(0, 1)

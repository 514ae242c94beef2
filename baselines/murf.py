"""MURF (Xu et al., IEEE TPAMI 2023), its fusion stage F2M: fine registration of the visible picture, then fusion.

Facts of the network and recipe: hanna-xu/MURF@79b270af, `RGB-IR/fine_registration_and_fusion` (TensorFlow 1).
"""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from baselines._tf_network import Conv, ImageNorm, VariablesNetwork
from fusion import images
from fusion.method import Card, WeightFile, register

SCRIPT_SIDE = 1240  # N of the released script
STEP = 8  # three poolings
REACH = 0.2  # largest offset, in half pictures
SHARPNESS = 0.05  # temperature of the softmax over the four bilinear weights
REPOSITORY, COMMIT = "hanna-xu/MURF", "79b270af4ec8a77a7ed880ec6890a5cf9fe3f268"
FOLDER = "RGB-IR/fine_registration_and_fusion/models/finetuning"
# name -> out, in (per group), size: the fusion part's kernels lie in the network's own scope
KERNELS = {"_a1": (8, 3, 1), "_a2": (16, 8, 3), "_a3": (32, 16, 3), "_b1": (8, 1, 1), "_b2": (16, 8, 3),
           "_b3": (32, 16, 3), "f1": (32, 32, 3), "f2": (16, 32, 3), "f3": (1, 16, 3)}
LAPLACIAN = ((0., 1., 0.), (1., -4., 1.), (0., 1., 0.))
# JFIF with the authors' four digits: rows Y, Cb, Cr from R, G, B, and back
TO_YCBCR = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.34414, -0.71414), (1.0, 1.772, 0.0))


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def _mix(x: Tensor, matrix: tuple) -> Tensor:
    """A 3x3 matrix over the channels of [N,3,H,W]; the chroma's offset of 128/255 cancels out and is left away."""
    return torch.einsum("ij,njhw->nihw", torch.tensor(matrix, dtype=x.dtype, device=x.device), x)


class _Scope(nn.Module):
    """One convolution one scope below its name (`conv1/conv2d/kernel`)."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.conv2d = Conv(channels_in, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2d(x)


class OffsetNetwork(nn.Module):
    """Visible RGB and infrared, [1,4,H,W] with H, W multiples of 8 -> offset (x, y) [1,2,H,W] in half pictures."""

    CHANNELS: ClassVar = {1: (4, 32), 2: (32, 32), 3: (32, 32), 5: (32, 32), 6: (64, 32), 7: (64, 32),
                          8: (64, 32), 10: (32, 16), 11: (16, 2)}
    NORMS: ClassVar = {1: "BatchNorm", 3: "BatchNorm_1", 5: "BatchNorm_2", 6: "BatchNorm_3",
                       7: "BatchNorm_4", 8: "BatchNorm_5", 10: "BatchNorm_6"}
    conv11: _Scope

    def __init__(self):
        super().__init__()
        for number, channels in self.CHANNELS.items():
            self.add_module(f"conv{number}", _Scope(*channels))
            if number in self.NORMS:
                self.add_module(self.NORMS[number], ImageNorm(channels[1], scale=False, affine=True, epsilon=1e-3))

    def _stage(self, number: int, x: Tensor) -> Tensor:
        x = self.get_submodule(f"conv{number}")(x)
        if number in self.NORMS:
            x = self.get_submodule(self.NORMS[number])(x)
        return _leaky(x)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self._stage(1, x)
        x2 = self._stage(2, _halve(x1))
        x3 = self._stage(3, _halve(x2))
        x = self._stage(5, _halve(x3))
        for number, skip in ((6, x3), (7, x2), (8, x1)):
            x = self._stage(number, torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1))
        return torch.tanh(self.conv11(self._stage(10, x))) * REACH


def _halve(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 4, 2, 1)


def warp(image: Tensor, offset: Tensor) -> Tensor:
    """Sample [1,C,H,W] at the identity grid plus `offset`; 0 outside the picture.

    The bilinear weights are sharpened by a softmax; corners beyond the border are moved onto it before the weights
    are taken, as the authors' sampler does.
    """
    height, width = image.shape[-2:]
    device = image.device
    x = ((torch.linspace(-1, 1, width, device=device) + offset[0, 0]) + 1) / 2 * (width - 1)
    y = ((torch.linspace(-1, 1, height, device=device)[:, None] + offset[0, 1]) + 1) / 2 * (height - 1)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    x0, y0 = x.floor(), y.floor()
    xs = [a.clamp(0, width - 1) for a in (x0, x0 + 1)]
    ys = [a.clamp(0, height - 1) for a in (y0, y0 + 1)]
    shares = torch.stack([(xs[1] - x) * (ys[1] - y), (xs[1] - x) * (y - ys[0]),
                          (x - xs[0]) * (ys[1] - y), (x - xs[0]) * (y - ys[0])])
    shares = torch.softmax(shares / SHARPNESS, dim=0)
    corners = [image[..., b.long(), a.long()] for a in xs for b in ys]
    return sum(share * corner for share, corner in zip(shares, corners)) * inside


class FusionNetwork(nn.Module):
    """The scope `f2m_net`: offset, warped visible picture, fused luma."""

    dense: "_Dense"
    dense_1: "_Dense"
    dense_2: "_Dense"
    dense_3: "_Dense"

    def __init__(self):
        super().__init__()
        self.conv1_offset = nn.ModuleDict({"offset_conv": OffsetNetwork()})
        for name, (out, inner, size) in KERNELS.items():
            self.register_parameter(f"w{name}", nn.Parameter(torch.zeros(out, inner, size, size)))
            self.register_parameter(f"b{name}", nn.Parameter(torch.zeros(out)))
        for name in ("dense", "dense_2"):
            self.add_module(name, _Dense(32, 4))
        for name in ("dense_1", "dense_3"):
            self.add_module(name, _Dense(4, 32))

    def _conv(self, name: str, x: Tensor, groups: int = 1) -> Tensor:
        kernel, bias = getattr(self, f"w{name}"), getattr(self, f"b{name}")
        return F.conv2d(x, kernel, bias, padding=kernel.shape[-1] // 2, groups=groups)

    def attention(self, first: Tensor, second: Tensor) -> Tensor:
        """Channel factors [1,32,1,1] from the gradients of both feature maps."""
        channels = first.shape[1]
        kernel = torch.tensor(LAPLACIAN, dtype=first.dtype, device=first.device).expand(channels, 1, 3, 3)
        slopes = [F.conv2d(x, kernel, padding=1, groups=channels).abs() for x in (first, second)]
        mean = sum(x.mean((2, 3)) for x in slopes)
        peak = sum(x.amax((2, 3)) for x in slopes)
        return torch.sigmoid(self.dense_1(self.dense(mean)) + self.dense_3(self.dense_2(peak)))[..., None, None]

    def forward(self, vi: Tensor, ir: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        offset = self.conv1_offset["offset_conv"](torch.cat([vi, ir], 1))
        warped = first = warp(vi, offset)
        second = ir
        for step in "123":
            first, second = _leaky(self._conv(f"_a{step}", first)), _leaky(self._conv(f"_b{step}", second))
        scale = self.attention(first, second)
        x = torch.cat([first * scale, second * scale], 1)
        x = _leaky(self._conv("f2", _leaky(self._conv("f1", x, groups=2))))
        return torch.tanh(self._conv("f3", x)) / 2 + 0.5, offset, warped


class _Dense(nn.Module):
    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(channels_out, channels_in))
        self.bias = nn.Parameter(torch.zeros(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.kernel, self.bias)


class MURFNetwork(nn.Module):
    """Infrared [1,1,H,W] and visible RGB [1,3,H,W] in 0..1, H and W multiples of 8 -> fused RGB [1,3,H,W].

    The fused luma takes the chroma of the warped visible picture.
    """

    def __init__(self):
        super().__init__()
        self.f2m_net = FusionNetwork()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        luma, _, warped = self.f2m_net(vi, ir)
        return _mix(torch.cat([luma, _mix(warped, TO_YCBCR)[:, 1:]], 1), TO_RGB)


def _square(image: np.ndarray, side: int) -> Tensor:
    """8-bit picture [H,W] or [H,W,3] -> [1,C,side,side] in 0..1, by Pillow's bilinear resize on 8 bit."""
    resized = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))
    return torch.from_numpy(images.to_unit(np.atleast_3d(resized))).permute(2, 0, 1)[None].contiguous()


@register
class MURF(VariablesNetwork):
    card = Card(
        name="murf", title="MURF", kind="baseline", task=("ivf",),
        paper="Xu et al., MURF: Mutually Reinforcing Multi-modal Image Registration and Fusion, IEEE TPAMI 2023",
        venue="IEEE TPAMI", year=2023, trained_on="RoadScene",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(
            WeightFile("0000.ckpt.data-00000-of-00001",
                       "a429f09b31f624be2812626b502efe52a9915c4f7d507f9cc5deee704eab6e73",
                       REPOSITORY, COMMIT, f"{FOLDER}/0000.ckpt.data-00000-of-00001"),
            WeightFile("0000.ckpt.index", "492cedfabc38105699a6baa79d586c61e1acbee8aaa046efcedd1c3be32c031b",
                       REPOSITORY, COMMIT, f"{FOLDER}/0000.ckpt.index")),
        recipe={"released": "8-bit RGB and infrared resized to NxN, N the longer side rounded up to 8 (the script's "
                            "advice); output resized back and scaled 0..max",
                "official": "the same with the script's N = 1240"},
        parity="network within float32 noise of the authors' graph, real outputs equal",
        differs={
            "tno": "not found: both published checkpoints, N = 512, 768, 1240 and native, offset branch on and off, "
                   "x255, min-max and 0..max were tried. The paper's pictures have more in common with their sources "
                   "(MI VIF Qabf) than any that was scored",
            "roadscene": "not found. The paper's VIF of .20 and Qabf of .16, a third of the other methods', say that "
                         "its pictures are blurred or shifted against their sources; ours are not",
            "msrs": "not found: SF +129 % and Qabf +106 % say that the paper's pictures are blurred, as on RoadScene",
            "complexity": "the paper's 185 G Flops are near twice 91.3 G, our count at the script's 1240x1240; here "
                          "640x480 is counted like everywhere else"},
    )
    architecture = MURFNetwork
    channels = (1, 3)

    def fuse_at(self, ir: np.ndarray, vi: np.ndarray, side: int) -> np.ndarray:
        """8-bit infrared [H,W] and visible [H,W] or RGB -> float32 RGB [H,W,3], before the 0..max scaling."""
        colour = vi if vi.ndim == 3 else np.repeat(vi[..., None], 3, axis=2)
        with torch.inference_mode():
            out = self.network(_square(ir, side).to(self.device), _square(colour, side).to(self.device))
            out = F.interpolate(out, size=ir.shape, mode="bilinear", align_corners=False)
        return out[0].permute(1, 2, 0).cpu().numpy()

    def fuse(self, ir, vi):
        side = SCRIPT_SIDE if self.protocol == "official" else -(-max(ir.shape) // STEP) * STEP
        fused = self.fuse_at(images.to_8bit(ir), images.to_8bit(vi), side)
        fused = fused / fused.max()
        return fused if vi.ndim == 3 else fused[..., 0]

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        """The network on luma alone, H and W multiples of 8; `fuse` follows the script, which takes colour."""
        return self.network(ir, y.expand(-1, 3, -1, -1))[:, :1]

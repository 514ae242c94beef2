"""AUIF (Zhao et al., IEEE TCSVT 2021): base and detail features by ten unrolled iterations each, added and decoded.

Facts of the network and recipe: Zhaozixiang1228/IVIF-AUIF-Net@8f54650f.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines.network import LumaNetwork
from fusion.fast import Form, faster
from fusion.method import Card, WeightFile, register

FILTERS, ITERATIONS = 64, 10
BLUR, LAPLACE = 11, 19  # sizes of the box and Laplace filters that the iterations start from
REPOSITORY, COMMIT = "Zhaozixiang1228/IVIF-AUIF-Net", "8f54650ffbc0a9e655a0d4c6098751bedc319803"


def turned(kernel: Tensor) -> Tensor:
    """[64,1,3,3] -> [1,64,3,3], the filters of the way back."""
    return kernel.rot90(2, (-1, -2)).transpose(0, 1)


def response(x: Tensor, kernel: Tensor) -> Tensor:
    """[N,1,H,W] through filters [64,1,3,3] and back, [N,1,H,W]; both times the border is reflected."""
    there = F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), kernel)
    return F.conv2d(F.pad(there, (1,) * 4, mode="reflect"), turned(kernel))


class _Iteration(nn.Module):
    """A step against the filters' response and towards the picture, sizes `eta` and `theta`."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(FILTERS, 1, 3, 3) / 3)
        self.eta, self.theta = nn.Parameter(torch.full((1,), 0.1)), nn.Parameter(torch.full((1,), 1e-3))
        self.rest = nn.Sequential(nn.BatchNorm2d(1), nn.PReLU())

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        return x - self.eta * (self.rest(response(x, self.kernel)) - self.theta * (picture - x))


@faster(_Iteration)
class OneFilter(Form):
    """A step whose two convolutions are one of 5x5 inside; two pixels from the border they stay two."""

    def __init__(self, step: _Iteration):
        super().__init__()
        self.kernel, self.eta, self.theta, self.rest = step.kernel, step.eta, step.theta, step.rest
        there = step.kernel.double()
        self.both = F.conv2d(turned(there), there.flip(2, 3).transpose(0, 1), padding=2).float()

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        found = torch.empty_like(x)
        found[..., 2:-2, 2:-2] = F.conv2d(x, self.both)
        # two rows or columns of the result need four of the picture
        found[..., :2, :] = response(x[..., :4, :], self.kernel)[..., :2, :]
        found[..., -2:, :] = response(x[..., -4:, :], self.kernel)[..., -2:, :]
        found[..., :2] = response(x[..., :4], self.kernel)[..., :2]
        found[..., -2:] = response(x[..., -4:], self.kernel)[..., -2:]
        return x - self.eta * (self.rest(found) - self.theta * (picture - x))


def _filtered(picture: Tensor, kernel: Tensor) -> Tensor:
    """[N,1,H,W] by a square kernel, reflected at the border."""
    margin = len(kernel) // 2
    return F.conv2d(F.pad(picture, (margin,) * 4, mode="reflect"), kernel[None, None])


def blurred(picture: Tensor) -> Tensor:
    """Mean over 11x11 pixels."""
    return _filtered(picture, torch.full((BLUR, BLUR), 1 / BLUR**2, dtype=picture.dtype, device=picture.device))


def laplacian(picture: Tensor) -> Tensor:
    """Sum over 19x19 pixels minus the centre's share of it, scaled to absolute weights of sum 1."""
    others = LAPLACE**2 - 1
    kernel = torch.full((LAPLACE, LAPLACE), 0.5 / others, dtype=picture.dtype, device=picture.device)
    kernel[LAPLACE // 2, LAPLACE // 2] = -0.5
    return _filtered(picture, kernel)


class Encoder(nn.Module):
    """One modality [N,1,H,W] -> base or detail picture [N,1,H,W]. `name`: of the iterations in the released file."""

    def __init__(self, name: str, start: Callable[[Tensor], Tensor]):
        super().__init__()
        self.steps, self.start = name, start
        self.add_module(name, nn.ModuleList(_Iteration() for _ in range(ITERATIONS)))

    def forward(self, picture: Tensor) -> Tensor:
        x = self.start(picture)
        for step in self.get_submodule(self.steps).children():
            x = step(x, picture)
        return x


class Decoder(nn.Module):
    """Base and detail picture [N,1,H,W] -> [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        self.decoder = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(1, 1, 3, bias=False), nn.BatchNorm2d(1),
                                     nn.Sigmoid())

    def forward(self, base: Tensor, detail: Tensor) -> Tensor:
        return self.decoder(base + detail)


class AUIFNetwork(nn.Module):
    """Infrared and luma [N,1,H,W] in 0..1, 10 or more pixels a side -> fused [N,1,H,W] in 0..1; parts added ("Sum")."""

    def __init__(self):
        super().__init__()
        self.base, self.detail, self.decoder = Encoder("conv1", blurred), Encoder("conv2", laplacian), Decoder()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        return self.decoder(self.base(ir) + self.base(vi), self.detail(ir) + self.detail(vi))


@register
class AUIF(LumaNetwork):
    card = Card(
        name="auif", title="AUIF", kind="baseline", task=("ivf",),
        paper="Zhao et al., Efficient and Model-Based Infrared and Visible Image Fusion via Algorithm Unrolling, "
              "IEEE TCSVT 2021",
        venue="IEEE TCSVT", year=2021, trained_on="FLIR (180 pairs)",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(
            WeightFile("TCSVT_Encoder_Base.model", "c4fe51b85637e3befc89b27e3cbb7a765aea37871eb4da4f58b471680ce7eb72",
                       REPOSITORY, COMMIT, "Models/TCSVT_Encoder_Base.model"),
            WeightFile("TCSVT_Encoder_Detail.model", "92e1ad6a4b7e5a2acc442a3a57c3b0e48a2af262f487942e42d81334de204726",
                       REPOSITORY, COMMIT, "Models/TCSVT_Encoder_Detail.model"),
            WeightFile("TCSVT_Decoder.model", "7966d490bb4003821c8f20ce1197c22d020ab986850571c5dfa02b0defad8ad3",
                       REPOSITORY, COMMIT, "Models/TCSVT_Decoder.model")),
        recipe={"released": "float luma, parts added (Sum), sigmoid output x255 rounded, chroma of the visible back",
                "official": "rounded grey, parts added (Sum), sigmoid output x255 rounded, grey output"},
        parity="within 1.0e-6 of the authors' network (its float32 noise 4.6e-6; kornia 0.5.0, as in 2021). With "
               "`official` the repository's 40 TNO and 40 FLIR (RoadScene) pictures come out within one level, 99.99 % "
               "of the pixels equal. 40 of RoadScene's 50 test pairs are in this method's training data",
    )
    architecture = AUIFNetwork
    several = True
    memory_format = torch.channels_last

    def build(self, files):
        network = self.architecture()
        for path, part in zip(files, (network.base, network.detail, network.decoder)):
            restore(part, load_state(path), path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

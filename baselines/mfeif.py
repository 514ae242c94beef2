"""MFEIF (Liu et al., IEEE TCSVT 2021): features of three receptive fields, weighted by edge attention.

Facts of the network and recipe: JinyuanLiu-CV/MFEIF@07906adf, `models/`, `functions/`, `fuse.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines.network import LumaNetwork
from fusion.method import Card, WeightFile, register

WIDTHS = (16, 32, 48, 64)
REPOSITORY, COMMIT = "JinyuanLiu-CV/MFEIF", "07906adf34beb3de396aaf76a858a16887d547a4"
GROUPS = {"a": (1, 0.1), "b": (2, 0.1), "c": (3, 1.0)}  # receptive field -> dilation of its first layer, weight


class _Stage(nn.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, dilation: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation)
        self.bn = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Extractor(nn.Module):
    """One modality [N,1,H,W] -> deep features [N,64,H,W], and shallower ones [N,48,H,W] and [N,32,H,W]."""

    def __init__(self):
        super().__init__()
        self.conv_1 = _Stage(1, WIDTHS[0])
        for group, (dilation, _) in GROUPS.items():
            self.add_module(f"conv_{group}1", _Stage(*WIDTHS[:2], dilation))
            self.add_module(f"conv_{group}2", _Stage(*WIDTHS[1:3]))
            self.add_module(f"conv_{group}3", _Stage(*WIDTHS[2:]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.conv_1(x)
        shallow, middle, deep = [], [], []
        for group, (_, weight) in GROUPS.items():
            shallow.append(self.get_submodule(f"conv_{group}1")(x))
            middle.append(self.get_submodule(f"conv_{group}2")(shallow[-1]))
            deep.append(weight * self.get_submodule(f"conv_{group}3")(middle[-1]))
        return _total(deep), _total(middle), _total(shallow)


def _total(parts: list[Tensor]) -> Tensor:
    return parts[0] + parts[1] + parts[2]


class _Pair(nn.Module):
    """3x3 convolution, ReLU and a dilated 3x3 convolution."""

    def __init__(self, channels_in: int, middle: int, channels_out: int):
        super().__init__()
        self.conv_1 = nn.Conv2d(channels_in, middle, 3, padding=1)
        self.conv_2 = nn.Conv2d(middle, channels_out, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_2(F.relu(self.conv_1(x)))


def edges(x: Tensor) -> Tensor:
    """[N,1,H,W] -> length of the gradient by half central differences, the largest of each 3x3 neighbourhood."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    dx = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    dy = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return F.max_pool2d((dx.square() + dy.square()).sqrt(), 3, 1, 1)


class Attention(nn.Module):
    """One modality [N,1,H,W] -> weight [N,1,H,W], linear."""

    def __init__(self):
        super().__init__()
        self.conv_1, self.conv_2, self.conv_3 = _Pair(1, 32, 32), _Pair(32, 64, 128), _Pair(128, 64, 32)
        self.conv_4 = nn.Conv2d(32, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_4(self.conv_3(self.conv_2(self.conv_1(x + edges(x)))))


class Constructor(nn.Module):
    """Fused features of 64, 48 and 32 channels -> picture [N,1,H,W], from 0 upwards."""

    def __init__(self):
        super().__init__()
        self.conv_1, self.conv_2, self.conv_3, self.conv_4 = (
            _Stage(a, b) for a, b in ((64, 16), (64, 32), (64, 16), (16, 1)))

    def forward(self, deep: Tensor, middle: Tensor, shallow: Tensor) -> Tensor:
        x = torch.cat([self.conv_1(deep), middle], 1)
        return self.conv_4(self.conv_3(torch.cat([self.conv_2(x), shallow], 1)))


def _merged(ir: Tensor, vi: Tensor) -> Tensor:
    """Mean of both and of their minimum."""
    return (ir + vi + torch.minimum(ir, vi)) / 3


class MFEIFNetwork(nn.Module):
    """Infrared and luma [N,1,H,W] in 0..1 -> fused [N,1,H,W], from 0 upwards, about 1 at most."""

    def __init__(self):
        super().__init__()
        self.ext, self.con, self.att = Extractor(), Constructor(), Attention()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        deep_ir, *rest_ir = self.ext(ir)
        deep_vi, *rest_vi = self.ext(vi)
        deep = (deep_ir * self.att(ir) + deep_vi * self.att(vi)).softmax(1)
        return self.con(deep, *(_merged(a, b) for a, b in zip(rest_ir, rest_vi)))


@register
class MFEIF(LumaNetwork):
    card = Card(
        name="mfeif", title="MFEIF", kind="baseline", task=("ivf",),
        paper="Liu et al., Learning a Deep Multi-scale Feature Ensemble and an Edge-attention Guidance for Image "
              "Fusion, IEEE TCSVT 2021",
        venue="IEEE TCSVT", year=2021,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("default.pth", "de730170d4e7c794c476bdf1ace00b3f949ce12fe332dec4d83aa0a961d809b6",
                            REPOSITORY, COMMIT, "weights/default.pth"),),
        recipe={"released": "float luma, saturated, chroma of the visible back",
                "official": "rounded grey, x255 rounded and saturated, grey output"},
        parity="within 3.4e-7 of the authors' network (its float32 noise 4.8e-7; kornia 0.5.0, as in 2021). The "
               "repository has no fused pictures",
    )
    architecture = MFEIFNetwork
    several = True
    memory_format = torch.channels_last

    def build(self, files):
        network = self.architecture()
        for path in files:
            for part in ("ext", "con", "att"):
                restore(network.get_submodule(part), load_state(path, part), path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

"""MATR (Tang et al., IEEE TIP 2022): convolutions whose kernels adapt to the picture, and a small transformer.

Facts of the network and recipe: tthinking/MATR@b427644d, `Networks/net.py`, `Networks/layers.py`, `Test.py`. What its
transformer does is told in `baselines._one_token_transformer`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._one_token_transformer import Transformer, unused_patch_norm
from baselines.network import LumaNetwork, truncated
from fusion.method import Card, WeightFile, register

WIDTH, BLOCKS, LATENT = 16, 3, 5
REPOSITORY, COMMIT = "tthinking/MATR", "b427644d4dab600a805cf2711d8a31232aaa2ca5"


class AdaptiveConv(nn.Module):
    """3x3 convolution whose kernel is gated by the picture's own 3x3 pooled content (context-gated convolution)."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels_out, channels_in, 3, 3))
        self.ce = nn.Linear(9, LATENT, bias=False)
        self.ce_bn, self.ci_bn2 = nn.BatchNorm1d(channels_in), nn.BatchNorm1d(channels_in)
        self.ci = nn.Linear(channels_in, channels_out, bias=False)
        self.ci_bn = nn.BatchNorm1d(channels_out)
        self.gd, self.gd2 = nn.Linear(LATENT, 9, bias=False), nn.Linear(LATENT, 9, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        context = self.ce(F.adaptive_avg_pool2d(x, 3).flatten(2))  # [1, in, LATENT]
        over_in = self.gd(F.relu(self.ce_bn(context)))
        mixed = self.ci(F.relu(self.ci_bn2(context)).transpose(1, 2)).transpose(1, 2)
        over_out = self.gd2(F.relu(self.ci_bn(mixed)))
        gate = torch.sigmoid(over_in.view(1, -1, 3, 3) + over_out.view(-1, 1, 3, 3))
        return F.conv2d(x, gate * self.weight, padding=1)


class _Stage(nn.Module):
    def __init__(self, channels_in: int):
        super().__init__()
        self.conv1, self.bn1 = AdaptiveConv(channels_in, WIDTH), nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn1(self.conv1(x)))


class MATRNetwork(nn.Module):
    """Functional picture (PET, SPECT, CT) and MRI, [1,1,H,W] in 0..1 -> fused [1,1,H,W] in -1..1."""

    def __init__(self):
        super().__init__()
        self.convInput, self.conv = _Stage(2), _Stage(WIDTH)
        self.convolutional_out = nn.ModuleDict({"conv1": nn.Conv2d(WIDTH, 1, 1, bias=False)})
        self.patch_embed = unused_patch_norm()
        self.basicLayer = Transformer(WIDTH, BLOCKS)

    def forward(self, functional: Tensor, mri: Tensor) -> Tensor:
        x, total = self.convInput(torch.cat([functional, mri], 1)), 0
        for _ in range(3):
            x = self.conv(x)
            total = total + self.conv(self.basicLayer(x))
        return torch.tanh(self.convolutional_out["conv1"](total))


@register
class MATR(LumaNetwork):
    card = Card(
        name="matr", title="MATR", kind="baseline", task=("mif",),
        paper="Tang et al., MATR: Multimodal Medical Image Fusion via Multiscale Adaptive Transformer, IEEE TIP 2022",
        venue="IEEE TIP", year=2022,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("model_10.pth", "523f6be0ef0330a84c473a7ad2e037a7eb1a98584021c4772dfd317c1c0ddaab",
                            REPOSITORY, COMMIT, "models/model_10.pth"),),
        recipe={"released": "float luma, order (functional, MRI), x255 truncated, chroma of the first back",
                "official": "the same from rounded grey, grey output"},
        parity="network from the authors' source, which takes square pictures only; the medical rows are not "
               "reproduced (Table IV's protocol is open)",
        trained_on_medical=True,
    )
    architecture = MATRNetwork

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return truncated(self.network(y, ir).clamp(min=0))

"""U2Fusion (Xu et al., IEEE TPAMI 2022): one dense encoder over both pictures, one decoder.

Facts of the network and recipe: hanna-xu/U2Fusion@0a588214 (TensorFlow 1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._tf_network import Conv, VariablesNetwork
from baselines.network import min_max
from fusion import images
from fusion.method import Card, WeightFile, register

WIDTH = 44
REPOSITORY, COMMIT = "hanna-xu/U2Fusion", "0a5882140df67b3e0b588e1f2233e18cf944f1a4"


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


class Encoder(nn.Module):
    """[N,2,H,W] -> [N,264,H,W], the newest channels first."""

    def __init__(self):
        super().__init__()
        self.conv1_1 = Conv(2, WIDTH)
        for step in range(1, 6):
            self.add_module(f"dense_block_conv{step}", Conv(WIDTH * step, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = _leaky(self.conv1_1(x))
        for step in range(1, 6):
            x = torch.cat([_leaky(self.get_submodule(f"dense_block_conv{step}")(x)), x], 1)
        return x


class Decoder(nn.Module):
    """[N,264,H,W] -> [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        self.conv2_1, self.conv2_2, self.conv2_3, self.conv2_4 = (
            Conv(a, b) for a, b in ((6 * WIDTH, 128), (128, 64), (64, 32), (32, 1)))

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.conv2_1, self.conv2_2, self.conv2_3):
            x = _leaky(layer(x))
        return torch.tanh(self.conv2_4(x)) / 2 + 0.5


class U2FusionNetwork(nn.Module):
    """Two pictures [N,1,H,W] in 0..1, the visible one first in the authors' order -> fused [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        # the checkpoint's scopes: the decoder's variables were made in a second name scope
        self.Generator = nn.ModuleDict({"encoder": Encoder()})
        self.Generator_1 = nn.ModuleDict({"decoder": Decoder()})

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        code = self.Generator["encoder"](torch.cat([first, second], 1))
        return self.Generator_1["decoder"](code)


@register
class U2Fusion(VariablesNetwork):
    card = Card(
        name="u2fusion", title="U2Fusion", kind="baseline", task=("ivf", "mif"),
        paper="Xu et al., U2Fusion: A Unified Unsupervised Image Fusion Network, IEEE TPAMI 2022",
        venue="IEEE TPAMI", year=2022,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(
            WeightFile("model.ckpt.data-00000-of-00001",
                       "e50cada8d4ec92f2577ad5db5d212fba521dffb35d04e00a20364b43512c64c8",
                       REPOSITORY, COMMIT, "model/model.ckpt.data-00000-of-00001"),
            WeightFile("model.ckpt.index", "15b7d283a1de8f616cc42978346bd24d47a9c380d624370368b956beb593014e",
                       REPOSITORY, COMMIT, "model/model.ckpt.index")),
        recipe={"released": "float luma, order (visible, infrared), output x255 without any stretch, chroma of the "
                            "visible back",
                "official": "float luma, order (visible, infrared), min-max per picture, grey output (the script "
                            "until 2022; the later one scales 0..max)"},
        parity="network within float32 noise of the authors' graph, real outputs equal; Table I's TNO row exact with "
               "`released`",
        differs={
            "roadscene": "not found: EN SD SF MI VIF AG within .45 %, SSIM +.8 %, Qabf +1.3 %. It is not the file "
                         "format (JPEG of quality 75 or 95: SF +6.9 % or +.6 %), 8-bit chroma, the order of the "
                         "pictures, the colours fused one by one, exchanged colour channels, truncation or 0..max: "
                         "see docs/reproduction.md",
            "msrs": "not found: SD SF AG Qabf +8 %, SSIM +30 %. Min-max over RGB explains most of SSIM and half of the "
                    "rest: see docs/reproduction.md",
            "complexity": "the paper's 1e-3 G Flops are not plausible for a network of 659 K parameters run at every "
                          "pixel"},
    )
    architecture = U2FusionNetwork
    several = True
    official_luma = staticmethod(images.luma)

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        out = self.network(y, ir)
        return min_max(out) if self.protocol == "official" else out

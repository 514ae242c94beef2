"""DIDFuse (Zhao et al., IJCAI 2020): an auto-encoder that splits a picture into base and detail features.

Facts of the network and recipe: Zhaozixiang1228/IVIF-DIDFuse@5f287300.
"""

import torch
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines.network import LumaNetwork
from fusion.method import Card, WeightFile, register

WIDTH = 64
REPOSITORY, COMMIT = "Zhaozixiang1228/IVIF-DIDFuse", "5f287300dce7cbc90b9e08e6872455af6baa279f"


def _stage(channels_in: int, channels_out: int, activation: nn.Module, *, reflect: bool = False) -> list[nn.Module]:
    """3x3 convolution, batch norm, activation; the first and the last stage of the net pad by reflection."""
    pad = [nn.ReflectionPad2d(1)] if reflect else []
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=0 if reflect else 1)
    return [*pad, convolution, nn.BatchNorm2d(channels_out), activation]


class _Named(nn.Module):
    """A sequence stored under an attribute: the released names repeat it (`cov1.cov1.0.weight`)."""

    def __init__(self, name: str, layers: list[nn.Module]):
        super().__init__()
        self.inner = name
        self.add_module(name, nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.inner)(x)


class Encoder(nn.Module):
    """One modality [N,1,H,W] in 0..1 -> (f1, f2, base, detail), each [N,64,H,W]."""

    def __init__(self):
        super().__init__()
        self.cov1 = _Named("cov1", _stage(1, WIDTH, nn.PReLU(), reflect=True))
        self.cov2 = _Named("cov2", _stage(WIDTH, WIDTH, nn.PReLU()))
        self.cov3 = _Named("cov3", _stage(WIDTH, WIDTH, nn.Tanh()))
        self.cov4 = _Named("cov4", _stage(WIDTH, WIDTH, nn.Tanh()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        f1 = self.cov1(x)
        f2 = self.cov2(f1)
        return f1, f2, self.cov3(f2), self.cov4(f2)


class Decoder(nn.Module):
    """Fused features, each [N,64,H,W] -> picture [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        self.cov5 = _Named("cov5", _stage(2 * WIDTH, WIDTH, nn.PReLU()))
        self.cov6 = _Named("cov6", _stage(2 * WIDTH, WIDTH, nn.PReLU()))
        self.cov7 = _Named("cov7", _stage(2 * WIDTH, 1, nn.Sigmoid(), reflect=True))

    def forward(self, f1: Tensor, f2: Tensor, base: Tensor, detail: Tensor) -> Tensor:
        x = self.cov5(torch.cat([base, detail], 1))
        x = self.cov6(torch.cat([x, f2], 1))
        return self.cov7(torch.cat([x, f1], 1))


class DIDFuseNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1; the features are added ("Sum")."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        return self.decoder(*(a + b for a, b in zip(self.encoder(ir), self.encoder(vi))))


@register
class DIDFuse(LumaNetwork):
    card = Card(
        name="didfuse", title="DIDFuse", kind="baseline", task=("ivf",),
        paper="Zhao et al., DIDFuse: Deep Image Decomposition for Infrared and Visible Image Fusion, IJCAI 2020",
        venue="IJCAI", year=2020, trained_on="FLIR (180 pairs)",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(
            WeightFile("Encoder_weight_IJCAI.pkl", "4d84a4e64e58469d3d4591f83c6683ead3e422498519db99bb617cb29d268471",
                       REPOSITORY, COMMIT, "Models/Encoder_weight_IJCAI.pkl"),
            WeightFile("Decoder_weight_IJCAI.pkl", "c6974e2a7c66ab579a77bacb086023237a229e769d459783bad8ff43e52e9986",
                       REPOSITORY, COMMIT, "Models/Decoder_weight_IJCAI.pkl")),
        recipe={"released": "float luma, features added (Sum), sigmoid output x255 rounded, chroma of the visible back",
                "official": "rounded grey, features added (Sum), sigmoid output x255 rounded, grey output"},
        parity="networks within float32 noise of the authors' code; real outputs equal; Table I's TNO and RoadScene "
               "rows exact. 40 of RoadScene's 50 test pairs are in this method's training data",
    )

    architecture = DIDFuseNetwork
    several = True
    memory_format = torch.channels_last
    table5_thop = True
    table5_twice = ("encoder",)

    def build(self, files):
        network = self.architecture()
        for part, path in zip((network.encoder, network.decoder), files):
            restore(part, load_state(path, "weight"), path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

"""DATFuse (Tang et al., IEEE TCSVT 2023): dual attention before and after a small transformer.

Facts of the network and recipe: `Networks/network.py` and `Test.py` in tthinking/DATFuse@0cd93f15. What its transformer
does is told in `baselines._one_token_transformer`.
"""

import torch
from torch import Tensor, nn

from baselines._one_token_transformer import (
    RECIPE,
    EdgeConv,
    TangMethod,
    ToPicture,
    Transformer,
    channel_gate,
    unused_patch_norm,
)
from fusion.method import Card, WeightFile, register

WIDTH, REDUCED, DEPTH = 16, 4, 2
REPOSITORY, COMMIT = "tthinking/DATFuse", "0cd93f15fb5552c7aef79b7be56726c863d6c5ba"


def _gates() -> tuple[nn.Module, nn.Module]:
    """(channel attention before its sigmoid, spatial attention), under the names `fc` and `body`."""
    channel, spatial = nn.Module(), nn.Module()
    channel.fc = channel_gate(WIDTH, REDUCED)
    spatial.body = nn.Sequential(
        nn.Conv2d(WIDTH, REDUCED, 3, padding=1), nn.BatchNorm2d(REDUCED), nn.ReLU(),
        nn.Conv2d(REDUCED, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Sigmoid())
    return channel, spatial


class DATFuseNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in -1..1 (tanh).

    One set of attention weights serves before and after the transformer, and one convolution runs twice in each.
    """

    def __init__(self):
        super().__init__()
        self.convolutional = EdgeConv(2, WIDTH, 5)
        self.convolutional_out = ToPicture(WIDTH, nn.Tanh())
        self.fem = EdgeConv(WIDTH, WIDTH)
        self.cam, self.sam = _gates()
        self.patch_embed = unused_patch_norm()
        self.basicLayer = Transformer(WIDTH, DEPTH)

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(features, features weighted by channel and by pixel), each [N,16,H,W]."""
        features = self.fem.linear(self.fem(x))
        channel = self.cam.fc(features.mean((2, 3), keepdim=True)).sigmoid()
        return features, features * channel + features * self.sam.body(features)

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        shallow = self.convolutional(torch.cat([ir, vi], 1))
        _, weighted = self.attend(shallow)
        features, weighted = self.attend(self.basicLayer((weighted + shallow).relu()))
        return self.convolutional_out(weighted + features)


@register
class DATFuse(TangMethod):
    card = Card(
        name="datfuse", title="DATFuse", kind="baseline", task=("ivf",),
        paper="Tang et al., DATFuse: Infrared and Visible Image Fusion via Dual Attention Transformer, IEEE TCSVT 2023",
        venue="IEEE TCSVT", year=2023,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("model_10.pth", "075b636954cbd425fc29be808bcfb42232e29b203f054c2a637ed301300d5a1d",
                            REPOSITORY, COMMIT, "model_10.pth"),),
        recipe=RECIPE,
        parity="network within float32 noise of the authors' code (0 apart with the released weights, three sizes); "
               "the repository's two fused pictures with `official`: 721,042 of 721,368 pixels equal, all within one "
               "level. Of its paper's numbers the README prints running times only",
    )
    architecture = DATFuseNetwork
    several = True

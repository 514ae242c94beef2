"""YDTR (Tang et al., IEEE TMM 2023): one dynamic transformer module for either modality and for their sum.

Facts of the network and recipe: `Networks/net.py` and `Test.py` in tthinking/YDTR@b1f01b4b. What its transformer does
is told in `baselines._one_token_transformer`.
"""

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
from fusion.fast import Form, faster
from fusion.fast.layouts import channels_together
from fusion.fast.pointwise import weighted_apart
from fusion.method import Card, WeightFile, register

WIDTH, REDUCED, DEPTH = 64, 8, 2
REPOSITORY, COMMIT = "tthinking/YDTR", "b1f01b4ba7b2f40e4fcaec620f29640960db7e98"


class DynamicFilter(nn.Module):
    """x times a weight per channel, plus x times a weight per pixel; the weights are linear, not squashed."""

    def __init__(self):
        super().__init__()
        self.spatial_branch, self.channel_branch = nn.Module(), nn.Module()
        self.spatial_branch.body = nn.Sequential(nn.Conv2d(WIDTH, REDUCED, 3, padding=1),
                                                 nn.Conv2d(REDUCED, 1, 3, padding=1))
        self.channel_branch.fc = channel_gate(WIDTH, REDUCED)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.spatial_branch.body(x) + x * self.channel_branch.fc(x.mean((2, 3), keepdim=True))


@faster(DynamicFilter)
class FastDynamicFilter(Form):
    """Both products in one step, to a map in the order of memory that the transformer behind it takes."""

    def __init__(self, dynamic: DynamicFilter):
        super().__init__()
        self.spatial, self.channel = dynamic.spatial_branch.body, dynamic.channel_branch.fc

    def forward(self, x: Tensor) -> Tensor:
        x = channels_together(x)
        return weighted_apart(x, self.spatial(x), self.channel(x.mean((2, 3), keepdim=True)))


class YDTRNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in -1..1 (tanh)."""

    def __init__(self):
        super().__init__()
        self.convInput = EdgeConv(1, WIDTH)
        # stored in the released file and used nowhere
        self.conv64, self.conv = EdgeConv(WIDTH, WIDTH), EdgeConv(2 * WIDTH, WIDTH)
        self.patch_embed = unused_patch_norm()
        self.convolutional_out = ToPicture(WIDTH, nn.Tanh())
        self.DDF, self.basicLayer = DynamicFilter(), Transformer(WIDTH, DEPTH)

    def module(self, x: Tensor) -> Tensor:
        return self.basicLayer(self.DDF(x))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        both = self.module(self.convInput(ir)) + self.module(self.convInput(vi))
        return self.convolutional_out(self.module(both))


@register
class YDTR(TangMethod):
    card = Card(
        name="ydtr", title="YDTR", kind="baseline", task=("ivf",),
        paper="Tang et al., YDTR: Infrared and Visible Image Fusion via Y-Shape Dynamic Transformer, IEEE TMM 2023",
        venue="IEEE TMM", year=2023,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("model_10.pth", "183c31a103ada74063e644b300d6708ed567dcc231a9d0f8d52e098c6c2a0d32",
                            REPOSITORY, COMMIT, "models/model_10.pth"),),
        recipe=RECIPE,
        parity="network within float32 noise of the authors' code (0 apart with the released weights, three sizes); "
               "the repository's fused picture with `official`: 440,794 of 442,368 pixels equal, all within one "
               "level. The repository prints no numbers of its paper",
    )
    architecture = YDTRNetwork
    several = True

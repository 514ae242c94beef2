"""ITFuse (Tang et al., Pattern Recognition 2024): three rounds in which each modality is asked by common features.

Facts of the network and recipe: `Networks/net.py` and `Test.py` in tthinking/ITFuse@26137eff. One convolution, one
coordinate attention and one interaction serve everywhere. What its transformer does is told in
`baselines._one_token_transformer`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._one_token_transformer import (
    RECIPE,
    EdgeConv,
    TangMethod,
    ToPicture,
    Transformer,
    unused_patch_norm,
)
from baselines._windows import FeedForward
from fusion.method import Card, WeightFile, register

WIDTH, DEPTH, ROUNDS = 16, 3, 3
REPOSITORY, COMMIT = "tthinking/ITFuse", "26137effac7b314c4c64fb97f097e398e1dbc2fb"


class CoordinateAttention(nn.Module):
    """x times a weight per row and a weight per column, both from the means along the other axis."""

    def __init__(self):
        super().__init__()
        middle = WIDTH // 4
        self.conv1, self.bn1 = nn.Conv2d(WIDTH, middle, 1), nn.BatchNorm2d(middle)
        self.conv_h, self.conv_w = nn.Conv2d(middle, WIDTH, 1), nn.Conv2d(middle, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.mean(3, keepdim=True), x.mean(2, keepdim=True)  # [N,C,H,1], [N,C,1,W]
        means = torch.cat([rows, columns.transpose(2, 3)], 2)
        rows, columns = F.hardswish(self.bn1(self.conv1(means))).split(x.shape[2:], 2)
        return x * self.conv_w(columns.transpose(2, 3)).sigmoid() * self.conv_h(rows).sigmoid()


class Interaction(nn.Module):
    """A weight per pixel from keys and queries, times the values."""

    def __init__(self):
        super().__init__()
        middle = WIDTH // 8
        self.key_embed = EdgeConv(WIDTH, WIDTH)
        self.embed = nn.Sequential(nn.Conv2d(WIDTH, middle, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU(),
                                   nn.Conv2d(middle, 1, 1), nn.BatchNorm2d(1))
        self.conv1x1 = nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH))
        # stored in the released file and used nowhere
        self.bn = nn.BatchNorm2d(WIDTH)
        self.se = nn.Sequential(nn.Conv2d(WIDTH, 32, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 2 * WIDTH, 1))

    def weigh(self, values: Tensor, sum_of_both: Tensor) -> Tensor:
        return self.embed(sum_of_both) * self.conv1x1(values)

    def ask(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        """One modality (`queries`) with the other's keys, which are added once more at the end."""
        keys = self.key_embed(keys)
        return self.weigh(values, queries + keys) + keys

    def join(self, values: Tensor, ir: Tensor, vi: Tensor) -> Tensor:
        """The last step, where both modalities are embedded."""
        return self.weigh(values, self.key_embed(ir) + self.key_embed(vi))


class ITFuseNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1 (sigmoid)."""

    def __init__(self):
        super().__init__()
        self.conv16, self.conv2_16, self.conv16_16 = EdgeConv(1, WIDTH), EdgeConv(2, WIDTH), EdgeConv(WIDTH, WIDTH)
        self.CoordAtt, self.TS_lv1, self.equalAtt = CoordinateAttention(), Interaction(), Interaction()
        self.basicLayer, self.convolutional_out = Transformer(WIDTH, DEPTH), ToPicture(WIDTH, nn.Sigmoid())
        # stored in the released file and used nowhere
        self.norm, self.mlp, self.patch_embed = nn.LayerNorm(32), FeedForward(32, 4), unused_patch_norm()
        self.conv1_32, self.conv32, self.conv16_32 = EdgeConv(1, 32), EdgeConv(32, 32), EdgeConv(16, 32)
        self.conv2_32, self.layer2 = EdgeConv(2, 32), EdgeConv(64, 64)

    def residual(self, x: Tensor) -> Tensor:
        """Two more convolutions of x, added to it."""
        return x + self.conv16_16(self.conv16_16(x))

    def attend(self, x: Tensor) -> Tensor:
        return x + self.CoordAtt(self.CoordAtt(x))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        common = self.conv2_16(torch.cat([ir, vi], 1))
        ir, vi = self.conv16(ir), self.conv16(vi)
        for step in range(ROUNDS):
            if step:
                common, ir, vi = self.conv16_16(common), self.conv16_16(ir), self.conv16_16(vi)
            ir, vi = self.residual(ir), self.residual(vi)
            common = self.attend(self.conv16_16(common))
            ir, vi = self.TS_lv1.ask(common, vi, ir), self.TS_lv1.ask(common, ir, vi)
        fused = self.basicLayer(self.attend(self.equalAtt.join(common, ir, vi)))
        return self.convolutional_out(self.conv16_16(fused))


@register
class ITFuse(TangMethod):
    card = Card(
        name="itfuse", title="ITFuse", kind="baseline", task=("ivf",),
        paper="Tang et al., ITFuse: An Interactive Transformer for Infrared and Visible Image Fusion, Pattern "
              "Recognition 2024",
        venue="Pattern Recognition", year=2024,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("model.pth", "578f4d651c998134c4984ae635286557aa96aea99d9d5b9aa610021134113a69",
                            REPOSITORY, COMMIT, "models/model.pth"),),
        recipe=RECIPE,
        parity="network within float32 noise of the authors' code (1.8e-7 apart with the released weights, three "
               "sizes); the repository's fused picture with `official`: 441,742 of 442,368 pixels equal, all within "
               "one level. The repository prints no numbers of its paper",
    )
    architecture = ITFuseNetwork
    several = True

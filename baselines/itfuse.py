"""ITFuse (Tang et al., Pattern Recognition 2024): three rounds in which each modality is asked by common features.

Facts of the network and recipe: `Networks/net.py` and `Test.py` in tthinking/ITFuse@26137eff. One convolution, one
coordinate attention and one interaction serve everywhere. What its transformer does is told in
`baselines._one_token_transformer`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from baselines._one_token_transformer import (
    RECIPE,
    EdgeConv,
    TangMethod,
    ToPicture,
    Transformer,
    unused_patch_norm,
)
from baselines._windows import FeedForward
from fusion.fast import Form, faster, in_chunks
from fusion.fast.pointwise import axis_means, with_axes_weighted
from fusion.method import Card, WeightFile, register

WIDTH, DEPTH, ROUNDS = 16, 3, 3
PIXELS = 4096  # a thread at a time on the fast path: each of an interaction's maps takes 256 KB
REPOSITORY, COMMIT = "tthinking/ITFuse", "26137effac7b314c4c64fb97f097e398e1dbc2fb"


class CoordinateAttention(nn.Module):
    """x, and x times a weight per row and a weight per column twice; both weights from the means along the other axis.

    [N,16,H,W] -> [N,16,H,W].
    """

    def __init__(self):
        super().__init__()
        middle = WIDTH // 4
        self.conv1, self.bn1 = nn.Conv2d(WIDTH, middle, 1), nn.BatchNorm2d(middle)
        self.conv_h, self.conv_w = nn.Conv2d(middle, WIDTH, 1), nn.Conv2d(middle, WIDTH, 1)

    def weights(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Means [N,C,H,1] and [N,C,W,1] -> the weights of rows and columns, of the same shapes."""
        length = rows.shape[2]
        means = F.hardswish(self.bn1(self.conv1(torch.cat([rows, columns], 2))))
        return self.conv_h(means[:, :, :length]).sigmoid(), self.conv_w(means[:, :, length:]).sigmoid()

    def weigh(self, x: Tensor) -> Tensor:
        rows, columns = self.weights(x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3))
        return x * columns.transpose(2, 3) * rows

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weigh(self.weigh(x))


@faster(CoordinateAttention)
class FastCoordinateAttention(Form):
    """Weights of rows and of columns, first and second ones multiplied, are all that is kept between three readings."""

    def __init__(self, attention: CoordinateAttention):
        super().__init__()
        self.weights = attention.weights

    def forward(self, x: Tensor) -> Tensor:
        done = [self._one(picture) for picture in x.permute(0, 2, 3, 1).float().contiguous()]
        return torch.stack(done).permute(0, 3, 1, 2)

    def _one(self, x: Tensor) -> Tensor:
        """[H,W,C] -> [H,W,C]."""
        (height, width, channels) = x.shape
        rows, columns = x.new_ones(height, channels), x.new_ones(width, channels)
        for _ in range(2):
            means = (mean.T[None, :, :, None] for mean in axis_means(x, rows, columns))
            more = (weights[0, :, :, 0].T for weights in self.weights(*means))
            rows, columns = (old * new for old, new in zip((rows, columns), more))
        return with_axes_weighted(x, rows.contiguous(), columns.contiguous())


class Interaction(nn.Module):
    """One modality (`queries`) asked with the other's keys: a weight per pixel times the values, all [N,16,H,W]."""

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

    def forward(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        keys = self.key_embed(keys)
        return self.weigh(values, queries + keys) + keys


class Joining(Interaction):
    """The last step, where both modalities are embedded and no keys are added at the end."""

    def forward(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        return self.weigh(values, self.key_embed(keys) + self.key_embed(queries))


@faster(Interaction)
class FastInteraction(Form):
    """A few pixels go through all that follows the convolutions before the next; batch norms are folded."""

    def __init__(self, interaction: Interaction):
        super().__init__()
        self.key_embed = interaction.key_embed
        first, norm1, _, second, norm2 = interaction.embed
        self.embed = *_folded(first, norm1), *_folded(second, norm2)
        self.values = _folded(*interaction.conv1x1)

    def forward(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        return self.pixels(self.work, values, self.key_embed(keys), queries)

    def pixels(self, work: Callable[..., Tensor], *maps: Tensor) -> Tensor:
        """`work` of all pixels' channels, [pixels,16] of each map -> [N,16,H,W]."""
        done = in_chunks(work, PIXELS, *(x.permute(0, 2, 3, 1).flatten(0, 2) for x in maps))
        return done.unflatten(0, (len(maps[0]), *maps[0].shape[2:])).permute(0, 3, 1, 2)

    def weigh(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        weight1, bias1, weight2, bias2 = self.embed
        weight = F.linear(F.linear(keys + queries, weight1, bias1).relu_(), weight2, bias2)
        return F.linear(values, *self.values).mul_(weight)

    def work(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        return self.weigh(values, keys, queries).add_(keys)


@faster(Joining)
class FastJoining(FastInteraction):
    def forward(self, values: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        return self.pixels(self.weigh, values, self.key_embed(keys), self.key_embed(queries))


def _folded(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight [O,C] and bias of a 1x1 convolution and the batch norm behind it."""
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    both = fuse_conv_bn_eval(conv, norm)
    assert both.bias is not None
    return both.weight.flatten(1), both.bias


class ITFuseNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1 (sigmoid)."""

    def __init__(self):
        super().__init__()
        self.conv16, self.conv2_16, self.conv16_16 = EdgeConv(1, WIDTH), EdgeConv(2, WIDTH), EdgeConv(WIDTH, WIDTH)
        self.CoordAtt, self.TS_lv1, self.equalAtt = CoordinateAttention(), Interaction(), Joining()
        self.basicLayer, self.convolutional_out = Transformer(WIDTH, DEPTH), ToPicture(WIDTH, nn.Sigmoid())
        # stored in the released file and used nowhere
        self.norm, self.mlp, self.patch_embed = nn.LayerNorm(32), FeedForward(32, 4), unused_patch_norm()
        self.conv1_32, self.conv32, self.conv16_32 = EdgeConv(1, 32), EdgeConv(32, 32), EdgeConv(16, 32)
        self.conv2_32, self.layer2 = EdgeConv(2, 32), EdgeConv(64, 64)

    def residual(self, x: Tensor) -> Tensor:
        """Two more convolutions of x, added to it."""
        return x + self.conv16_16(self.conv16_16(x))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        common = self.conv2_16(torch.cat([ir, vi], 1))
        ir, vi = self.conv16(ir), self.conv16(vi)
        for step in range(ROUNDS):
            if step:
                common, ir, vi = self.conv16_16(common), self.conv16_16(ir), self.conv16_16(vi)
            ir, vi = self.residual(ir), self.residual(vi)
            common = self.CoordAtt(self.conv16_16(common))
            ir, vi = self.TS_lv1(common, vi, ir), self.TS_lv1(common, ir, vi)
        fused = self.basicLayer(self.CoordAtt(self.equalAtt(common, ir, vi)))
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

"""Res2Fusion (Wang et al., IEEE TIM 2022): dense Res2Net blocks, merged by non-local attention without parameters.

Facts of the network and recipe: Zhishe-Wang/Res2Fusion@bfa461dc, `Net.py`, `fusion_strategy.py`, `GET_image.py`.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import ReflectConv
from baselines.network import LumaNetwork, min_max
from fusion.method import Card, WeightFile, register

SCALES = 4
POOL = 8  # side of the cells that spatial attention looks at
EPSILON = 1e-10
ELEMENTS = 1 << 18  # of an attention matrix a thread at a time: 1 MB; the whole one has (H W)^2 / 64, 6 GB for 480x640
REPOSITORY, COMMIT = "Zhishe-Wang/Res2Fusion", "bfa461dc4a621bc3f2ed500834c080677acd5e5a"
FILE, SCRIPT_FILE = "Final_epoch_4_1e2.model", "Final_epoch_4_1e3.model"  # by the weight of SSIM in the training


class Res2NetBlock(nn.Module):
    """[N,in,H,W] -> [N,out,H,W]; every scale but the last is convolved together with the scale before it."""

    def __init__(self, channels_in: int, channels_out: int, width: int):
        super().__init__()
        self.width = width
        self.conv1 = ReflectConv(channels_in, SCALES * width, 1, relu=True)
        self.convs = nn.ModuleList(ReflectConv(width, width, relu=True) for _ in range(SCALES - 1))
        self.conv2 = ReflectConv(SCALES * width, channels_out, 1)
        self.conv3 = ReflectConv(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        *scales, last = self.conv1(x).split(self.width, 1)
        outputs: list[Tensor] = []
        for scale, layer in zip(scales, self.convs):
            outputs.append(layer(outputs[-1] + scale if outputs else scale))
        return F.relu(self.conv2(torch.cat([*outputs, last], 1)) + self.conv3(x))


def attended(queries: Tensor, keys: Tensor) -> Tensor:
    """[Q,D] and [K,D] -> [Q,D]: means of the keys, weighted by the softmax of their products with a query.

    The products are first stretched to 0..1 over the whole [Q,K] matrix, of which only some rows exist at a time. The
    softmax sees of this only the division by the range.
    """
    rows = max(1, ELEMENTS * torch.get_num_threads() // len(keys))
    parts = queries.split(rows)
    ranges = queries.new_empty(len(parts), 2)  # a list of results would keep glibc from using products' memory again
    for i, part in enumerate(parts):
        ranges[i] = torch.stack((part @ keys.T).aminmax())
    extent = ranges[:, 1].max() - ranges[:, 0].min()
    extent = torch.where(extent > 0, extent, 1)  # flat, where the authors' code divides by zero
    batch, keys = (queries / extent)[None, None], keys[None, None]  # torch keeps the matrix in parts for four axes only
    return F.scaled_dot_product_attention(batch, keys, keys, scale=1)[0, 0]


def channel_attention(features: Tensor) -> Tensor:
    """[1,C,H,W] -> the same shape: every channel plus what the channels like it look like."""
    flat = features[0].flatten(1)
    return features + attended(flat, flat).view_as(features)


def spatial_attention(features: Tensor) -> Tensor:
    """[1,C,H,W], 8 or more pixels a side -> the same shape: every pixel plus what the 8x8 cells like it look like."""
    pixels, cells = (x[0].flatten(1).T for x in (features, F.avg_pool2d(features, POOL)))
    return features + attended(pixels, cells).T.reshape_as(features)


def merged(ir: Tensor, vi: Tensor) -> Tensor:
    """Features of both modalities, [1,C,H,W], weighted by channel and by spatial attention; the mean of both."""
    total = torch.zeros_like(ir)
    for attention in (channel_attention, spatial_attention):
        weight_ir, weight_vi = attention(ir), attention(vi)
        both = weight_ir + weight_vi + EPSILON
        total = total + weight_ir / both * ir + weight_vi / both * vi
    return total / 2


class Res2FusionNetwork(nn.Module):
    """Infrared and luma [1,1,H,W] in 0..255, 8 or more pixels a side -> fused [1,1,H,W], from 0 upwards."""

    def __init__(self):
        super().__init__()
        self.encoder_conv = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, padding_mode="reflect"), nn.ReLU())
        self.RB1, self.RB2 = Res2NetBlock(16, 32, 4), Res2NetBlock(48, 64, 8)
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            ReflectConv(a, b, relu=True) for a, b in ((112, 64), (64, 32), (32, 16), (16, 1)))

    def encode(self, x: Tensor) -> Tensor:
        x = self.encoder_conv(x)
        x = torch.cat([x, self.RB1(x)], 1)
        return torch.cat([x, self.RB2(x)], 1)

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        return self.conv4(self.conv3(self.conv2(self.conv1(merged(self.encode(ir), self.encode(vi))))))


@register
class Res2Fusion(LumaNetwork):
    card = Card(
        name="res2fusion", title="Res2Fusion", kind="baseline", task=("ivf",),
        paper="Wang et al., Res2Fusion: Infrared and Visible Image Fusion Based on Dense Res2net and Double Nonlocal "
              "Attention Models, IEEE TIM 2022",
        venue="IEEE TIM", year=2022, trained_on="COCO",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(
            WeightFile(FILE, "00bb0bb80dc2660efa8f06173e4e34830b8a2a5ac92c5da5875a70db93011b75",
                       REPOSITORY, COMMIT, f"models/1e2/{FILE}"),
            WeightFile(SCRIPT_FILE, "bce421db304ee56ea09cd6c76e0b55e6344d8b7236c2775537796cb5db901308",
                       REPOSITORY, COMMIT, f"models/1e3/{SCRIPT_FILE}", optional=True)),
        recipe={"released": "weights of SSIM weight 100, float luma in 0..255, saturated, min-max per picture, chroma "
                            "of the visible back",
                "official": "weights of SSIM weight 1000 as in the script, rounded grey in 0..255, saturated, min-max "
                            "per picture, grey output"},
        parity="within 2.9e-4 of 255 of the authors' network (its float32 noise 1.4e-4). The repository has no fused "
               "pictures; with which of its weights the paper's were made is not said",
    )
    architecture = Res2FusionNetwork
    memory_format = torch.channels_last
    weight_names: ClassVar = {"official": (SCRIPT_FILE,)}

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return min_max(self.network(ir * 255, y * 255).clamp(0, 255))

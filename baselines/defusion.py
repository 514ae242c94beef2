"""DeFusion (Liang et al., ECCV 2022): self-supervised decomposition into common and unique embeddings.

Facts of the network and recipe: erfect2020/DecompositionForFusion@9e7a09a6. Two networks exist: the one that the
test script builds (7.87 M parameters) and the one that was trained and counted in Table V (8.04 M). Which of them the
published file holds is not known; either is recognised by its names.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines.network import LumaNetwork, rounded_grey
from fusion import images
from fusion.device import to_device
from fusion.fast import Form, faster, why_no_kernels
from fusion.fast.products import ProductConvolution
from fusion.fast.winograd import WinogradConvolution
from fusion.method import Card, WeightFile, register

EXPANSION, SPLITS = 4, 2
WIDE = 32  # width from which on the groups of the attention go Winograd's way, each alone
MARGIN = 16  # rows and columns added by reflection on each side
COMMIT = "9e7a09a6659548a1e9f41eaba96422f45ddc8b8c"
ONLY_DEEP = "decoder_common_layer1.layer.2.conv1.weight"


class SplitAttention(nn.Module):
    """Two grouped 3x3 convolutions, mixed by a softmax that looks at the pooled sum of both (ResNeSt)."""

    def __init__(self, width: int):
        super().__init__()
        hidden = max(width * SPLITS // 4, 32)
        self.conv = nn.Conv2d(width, SPLITS * width, 3, padding=1, groups=SPLITS, bias=False)
        self.fc1, self.fc2 = nn.Conv2d(width, hidden, 1), nn.Conv2d(hidden, SPLITS * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = F.relu(self.conv(x)).unflatten(1, (SPLITS, -1))
        gate = self.fc2(F.relu(self.fc1(parts.sum(1).mean((2, 3), keepdim=True))))
        return (gate.unflatten(1, (SPLITS, -1)).softmax(1) * parts).sum(1)


class Bottleneck(nn.Module):
    """1x1, split attention, 1x1, plus the input. `pool`: stride of a 3x3 average after the attention, 0 for none."""

    def __init__(self, channels_in: int, width: int, *, pool: int = 0, shortcut: nn.Module | None = None):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.conv2 = SplitAttention(width)
        self.pool = nn.AvgPool2d(3, pool, padding=1) if pool else nn.Identity()
        self.conv3 = nn.Conv2d(width, EXPANSION * width, 1, bias=False)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv3(self.pool(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class _Groups(nn.Module):
    """The attention's convolution and ReLU: [N,width,H,W] in channels_last -> a map of each group, the same shape."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.weight = conv.weight.contiguous(memory_format=torch.channels_last)
        alone = conv.weight.chunk(SPLITS) if conv.in_channels >= WIDE else ()
        self.alone = nn.ModuleList(WinogradConvolution(weight, padding=(1, 1), slope=0.0) for weight in alone)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if not self.alone:
            return F.conv2d(x, self.weight, padding=1, groups=SPLITS).relu_().chunk(SPLITS, dim=1)
        return tuple(conv(part) for conv, part in zip(self.alone, x.chunk(SPLITS, dim=1)))


class FastBottleneck(Form):
    """Bottleneck whose products with their sum and ReLU are one step each, as the convolutions of wide groups are.

    It stays float32, also where convolutions are bfloat16.
    """

    def __init__(self, block: Bottleneck):
        super().__init__()
        attention = block.conv2
        self.first, self.last = (ProductConvolution(conv.weight, slope=0.0) for conv in (block.conv1, block.conv3))
        self.groups, self.fc1, self.fc2 = _Groups(attention.conv), attention.fc1, attention.fc2
        self.pool, self.downsample = block.pool, block.downsample

    @torch.autocast("cpu", enabled=False)
    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        parts = self.groups(self.first(x))
        pooled = sum(part.mean((2, 3), keepdim=True) for part in parts)
        first, *gates = self.fc2(F.relu(self.fc1(pooled))).unflatten(1, (SPLITS, -1)).softmax(1).unbind(1)
        mixed = parts[0] * first
        for part, gate in zip(parts[1:], gates):
            mixed.addcmul_(part, gate)
        return self.last(self.pool(mixed), added=x if self.downsample is None else self.downsample(x))


@faster(Bottleneck)
def fast_bottleneck(block: Bottleneck) -> FastBottleneck | None:
    """The block for inference where compiled code runs."""
    return None if why_no_kernels() else FastBottleneck(block)


class Layer(nn.Module):
    """`depth` bottlenecks. [N,in,H,W] -> [N,4*width,H,W], both sides divided by `stride` (rounded up)."""

    def __init__(self, channels_in: int, width: int, depth: int, *, stride: int = 1, pool: bool = False,
                 pooled_shortcut: bool = True):
        super().__init__()
        shortcut = None
        if stride > 1 or channels_in != EXPANSION * width:
            average = nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False)
            convolution = nn.Conv2d(channels_in, EXPANSION * width, 1, bias=False)
            shortcut = nn.Sequential(*([average] if pooled_shortcut else []), convolution)
        first = Bottleneck(channels_in, width, pool=stride if pool or stride > 1 else 0, shortcut=shortcut)
        self.layer = nn.Sequential(first, *(Bottleneck(EXPANSION * width, width) for _ in range(depth - 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def _decoder_layer(channels_in: int, width: int, depth: int) -> Layer:
    return Layer(channels_in, width, depth, pooled_shortcut=False)


def _projection() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(16, 3, 3, padding=1), nn.ReLU())


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    """Twice as large, bilinear; nearest to the size of `like` where that is odd."""
    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return x if x.shape[-2:] == like.shape[-2:] else F.interpolate(x, size=like.shape[-2:])


class DeFusionNetwork(nn.Module):
    """Infrared and visible, [N,1 or 3,H,W] in 0..1 -> fused [N,3,H,W], at least 0, not clamped above.

    The released names list the shared encoder and decoder twice (upper = infrared, lower = visible).
    """

    def __init__(self, common_depths: tuple[int, int, int, int] = (2, 2, 2, 2)):
        super().__init__()
        self.encoder_upper = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), Layer(16, 8, 6, pool=True))
        self.upper_encoder_layer1 = Layer(32, 16, 6)
        self.upper_encoder_layer2 = Layer(64, 32, 4, stride=2)
        self.upper_encoder_layer3 = Layer(128, 64, 4, stride=2)
        self.encoder_lower = self.encoder_upper
        for level in (1, 2, 3):
            self.add_module(f"lower_encoder_layer{level}", self.get_submodule(f"upper_encoder_layer{level}"))
        self.common_encoder = nn.Sequential(Layer(512, 256, 4))
        for level, (channels, width, depth) in enumerate(zip((1536, 512, 192), (64, 16, 4), common_depths), 1):
            self.add_module(f"decoder_common_layer{level}", _decoder_layer(channels, width, depth))
        self.decoder_common_layer4 = nn.Sequential(_decoder_layer(16, 4, common_depths[3]))
        self.decoder_common_projection_layer = _projection()  # stored in the released file and used nowhere
        for level, (channels, width, depth) in enumerate(((1280, 96, 4), (512, 32, 4), (192, 16, 6)), 1):
            self.add_module(f"decoder_upper_layer{level}", _decoder_layer(channels, width, depth))
        self.decoder_upper_layer4 = nn.Sequential(_decoder_layer(64, 4, 6))
        self.decoder_upper_projection_layer = _projection()
        for part in ("layer1", "layer2", "layer3", "layer4", "projection_layer"):
            self.add_module(f"decoder_lower_{part}", self.get_submodule(f"decoder_upper_{part}"))
        self.fusion_rule = _projection()

    def encode(self, image: Tensor) -> list[Tensor]:
        """[N,1 or 3,H,W] -> features at full, half, quarter and eighth size."""
        features = [self.encoder_upper(image.expand(-1, 3, -1, -1))]
        x = F.max_pool2d(features[0], 3, stride=2, padding=1)
        for level in (1, 2, 3):
            x = self.get_submodule(f"upper_encoder_layer{level}")(x)
            features.append(x)
        return features

    def decode(self, branch: str, common: Tensor, *modalities: list[Tensor]) -> Tensor:
        """Common features and those of one or both modalities -> embedding [N,16,H,W]; branch "common" or "upper"."""
        x = common
        for level in (1, 2, 3):
            x = torch.cat([x, *(features[4 - level] for features in modalities)], dim=1)
            x = self.get_submodule(f"decoder_{branch}_layer{level}")(x)
            x = _enlarge(x, modalities[0][3 - level])
        return self.get_submodule(f"decoder_{branch}_layer4")(x)

    def embeddings(self, ir: Tensor, vi: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings [N,16,H,W] of what both share, of the infrared and of the visible picture."""
        upper, lower = self.encode(ir), self.encode(vi)
        common = self.common_encoder(torch.cat((upper[3], lower[3]), dim=1))
        return (self.decode("common", common, upper, lower), self.decode("upper", common, upper),
                self.decode("upper", common, lower))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        common, upper, lower = self.embeddings(ir, vi)
        return self.fusion_rule(upper + lower + common)


class DeFusionDeepNetwork(DeFusionNetwork):
    """The network that was trained: more blocks in the decoder of the common part."""

    def __init__(self):
        super().__init__((4, 4, 6, 6))


@register
class DeFusion(LumaNetwork):
    card = Card(
        name="defusion", title="DeFusion", kind="baseline", task=("ivf", "mif"),
        paper="Liang et al., Fusion from Decomposition: A Self-Supervised Decomposition Approach for Image Fusion, "
              "ECCV 2022",
        venue="ECCV", year=2022, trained_on="COCO",
        repository=f"erfect2020/DecompositionForFusion@{COMMIT[:8]}", licence="MIT",
        weights=(WeightFile("DeFusion.pth",
                            url="https://drive.google.com/file/d/1CUoFLiV3mugvbfBcMcwgXbDF6bWPhdd9/view"),),
        recipe={"released": "float luma, 16 reflected rows and columns on each side, clamped to 0..1, luma of the "
                            "three channels, chroma of the visible back",
                "official": "rounded grey, 16 reflected rows and columns on each side, clamped to 0..1, truncated RGB"},
        parity="both networks within float32 noise of the authors' code under filled weights; the published file could "
               "not be had here, so neither its hash nor Table I's rows are checked",
        differs={
            "complexity": "the paper counts the network that was trained: 80.0 G with the border that the script "
                          "adds, 71.4 G without; here the network of the script is counted"},
    )
    architecture = DeFusionNetwork
    table5_architecture = DeFusionDeepNetwork
    table5_thop = True  # its two training projections never run: 8,042,947 of 8,043,817, the paper's 8043 K

    def __init__(self, *, weights: Path | None = None, device: str = "cpu", protocol: str = "released"):
        super().__init__(weights=weights, device=device, protocol=protocol)
        self.several = protocol != "official"  # which leaves colour, not luma

    def build(self, files):
        network = self.architecture()
        for path in files:
            state = load_state(path, "state_dict")
            network = restore(DeFusionDeepNetwork() if ONLY_DEEP in state else network, state, path)
        return network

    def rgb(self, ir: Tensor, y: Tensor) -> Tensor:
        """float32 [1,1,H,W] each -> [1,3,H,W] in 0..1."""
        pad = (MARGIN,) * 4
        fused = self.network(F.pad(ir, pad, "reflect"), F.pad(y, pad, "reflect"))
        return fused[..., MARGIN:-MARGIN, MARGIN:-MARGIN].clamp(0, 1)

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        weights = torch.tensor(images.LUMA, dtype=torch.float32, device=ir.device)
        return (self.rgb(ir, y) * weights[:, None, None]).sum(1, keepdim=True)

    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        if self.protocol != "official":
            return super().fuse(ir, vi)
        with torch.inference_mode():
            fused = self.rgb(*(to_device([rounded_grey(image)], self.device) for image in (ir, vi)))
        return (fused[0].permute(1, 2, 0) * 255).floor().cpu().numpy() / np.float32(255)

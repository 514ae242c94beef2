"""GIFNet (Cheng et al., CVPR 2025): one network for all fusion tasks, trained on fusion and on multi-focus pictures.

Facts of the network and recipe: `GIFNet_model.py` and `test.py` in AWCXV/GIFNet@c8ad04ae. Its transformer carries two
streams, for the modalities (`ivif`) and for focus (`mfif`); at inference both start from the same features, and the
script takes the path of the second one (its `trainingTag` 2).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import ReflectConv, reflected_stack
from baselines._windows import CHUNK, WINDOW, from_windows, to_windows
from baselines.network import LumaNetwork, truncated
from fusion import images
from fusion.fast import Form, faster, in_chunks
from fusion.method import Card, WeightFile, register

GROWTH, WIDTH = 32, 98  # the two pictures and three times 32 features
HEADS, DEPTH, SHIFT, STRIDE = 2, 2, 4, 4
PIXELS = 1024  # a thread at a time on the fast path: what the perceptron makes of them takes 1 MB
DECODER = (64, 32, 16, 1)
MODALITIES, FOCUS = "", "_mfif"  # endings of the two streams' names
REPOSITORY, COMMIT = "AWCXV/GIFNet", "c8ad04ae3bfefcebfa9abe94d1d5895c8db56a44"
# the script's own conversion, with three digits one way and six the other
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])


def _reflect(channels_in: int, channels_out: int, size: int = 3, **options) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, size, padding=size // 2, padding_mode="reflect", **options)


class SharedFeatures(nn.Module):
    """Both pictures [N,2,H,W] -> the pictures and three dense layers, [N,98,H,W]."""

    def __init__(self):
        super().__init__()
        for step in range(3):
            self.add_module(f"conv_{step + 1}", ReflectConv(2 + GROWTH * step, GROWTH, relu=True))

    def forward(self, x: Tensor) -> Tensor:
        for step in range(3):
            x = torch.cat([x, self.get_submodule(f"conv_{step + 1}")(x)], 1)
        return x


class PictureNorm(nn.Module):
    """Norm over a whole picture; also what gives its deviation and mean back to the block's result."""

    EPSILON = 1e-5

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(1, WIDTH, 1, 1)), nn.Parameter(torch.zeros(1, WIDTH, 1, 1))
        self.meta1, self.meta2 = nn.Conv2d(1, WIDTH, 1), nn.Conv2d(1, WIDTH, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[N,98,H,W] -> (normalised, factor [N,98,1,1], offset [N,98,1,1])."""
        mean = x.mean((1, 2, 3), keepdim=True)
        deviation = ((x - mean).square().mean((1, 2, 3), keepdim=True) + self.EPSILON).sqrt()
        return (x - mean) / deviation * self.weight + self.bias, self.meta1(deviation), self.meta2(mean)


class PositionBias(nn.Module):
    """A small network from the distance of two pixels of a window to the heads' biases, [1,heads,64,64]."""

    def __init__(self):
        super().__init__()
        row, column = (grid.flatten().float() for grid in
                       torch.meshgrid(torch.arange(WINDOW), torch.arange(WINDOW), indexing="ij"))
        difference = torch.stack([row[:, None] - row, column[:, None] - column], -1)
        self.register_buffer("relative_positions", difference.sign() * difference.abs().log1p())
        self.meta = nn.Sequential(nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, HEADS))

    def forward(self) -> Tensor:
        return self.meta(self.relative_positions).permute(2, 0, 1)[None]


def _heads(projected: Tensor) -> Tensor:
    """q, k and v side by side, [windows,64,294] -> [3,windows,heads,64,49]."""
    return projected.unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)


class TwinAttention(nn.Module):
    """Window attention of two streams beside a 5x5 convolution of their values; two [N,98,H,W] -> two of the same.

    In windows that are not shifted the focus stream's queries also ask the modalities' stream. Shifted windows start
    at a reflected border instead of going round, so nothing is masked.
    """

    def __init__(self, shifted: bool):
        super().__init__()
        self.shift = SHIFT if shifted else 0
        for stream in (MODALITIES, FOCUS):
            self.add_module(f"QK{stream}", nn.Conv2d(WIDTH, 2 * WIDTH, 1))
            self.add_module(f"V{stream}", nn.Conv2d(WIDTH, WIDTH, 1))
            self.add_module(f"conv{stream}", _reflect(WIDTH, WIDTH, 5, groups=WIDTH))
            self.add_module(f"proj{stream}", nn.Conv2d(WIDTH, WIDTH, 1))
        self.attn = PositionBias()

    def pad(self, x: Tensor) -> Tensor:
        """Reflected to windows of 8; the first one begins `shift` pixels outside the picture."""
        end = (WINDOW - self.shift) % WINDOW
        low, right = ((end + -length % WINDOW) % WINDOW for length in x.shape[-2:])
        return F.pad(x, (self.shift, right, self.shift, low), "reflect")

    def project(self, x: Tensor, stream: str) -> tuple[Tensor, tuple[int, int], Tensor]:
        """(values [N,98,H,W], height and width of the padded picture, q, k, v [3,windows,heads,64,49])."""
        values = self.get_submodule(f"V{stream}")(x)
        both = self.pad(torch.cat([self.get_submodule(f"QK{stream}")(x), values], 1)).permute(0, 2, 3, 1)
        return values, (both.shape[1], both.shape[2]), _heads(to_windows(both))

    def attend(self, x: Tensor, y: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """q, k, v of both streams, [3,windows,heads,64,49] each -> what was attended, two [windows,64,98]."""
        (query_x, key_x, value_x), (query_y, key_y, value_y) = x, y
        asking = query_x if self.shift else query_y
        x = F.scaled_dot_product_attention(asking, key_x, value_x, attn_mask=bias)
        y = F.scaled_dot_product_attention(query_y, key_y, value_y, attn_mask=bias)
        return x.transpose(1, 2).flatten(2), y.transpose(1, 2).flatten(2)

    def output(self, attended: Tensor, values: Tensor, padded: tuple[int, int], stream: str) -> Tensor:
        """attended [windows,64,98], values [N,98,H,W] -> [N,98,H,W]."""
        height, width = values.shape[-2:]
        picture = from_windows(attended, *padded).permute(0, 3, 1, 2)
        picture = picture[..., self.shift:self.shift + height, self.shift:self.shift + width]
        return self.get_submodule(f"proj{stream}")(self.get_submodule(f"conv{stream}")(values) + picture)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        values_x, padded, parts_x = self.project(x, MODALITIES)
        values_y, _, parts_y = self.project(y, FOCUS)
        x, y = self.attend(parts_x, parts_y, self.attn())
        return self.output(x, values_x, padded, MODALITIES), self.output(y, values_y, padded, FOCUS)


@faster(TwinAttention)
class FastTwinAttention(Form):
    """A few windows of both streams go from their pixels to what was attended before the next.

    Pixels are padded before they are projected, which is the same for 1x1 convolutions.
    """

    def __init__(self, attention: TwinAttention):
        super().__init__()
        self.attention, self.bias = attention, attention.attn()
        self.layers = {stream: [_linear(attention.get_submodule(f"{name}{stream}")) for name in ("QK", "V")]
                       for stream in (MODALITIES, FOCUS)}

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        attention, padded = self.attention, [self.attention.pad(z).permute(0, 2, 3, 1) for z in (x, y)]
        attended = in_chunks(self._work, CHUNK, *map(to_windows, padded))
        height, width = padded[0].shape[1:3]
        x, y = (attention.output(part, attention.get_submodule(f"V{stream}")(z), (height, width), stream)
                for z, part, stream in zip((x, y), attended.chunk(2, -1), (MODALITIES, FOCUS)))
        return x, y

    def _work(self, x: Tensor, y: Tensor) -> Tensor:
        parts_x, parts_y = self._project(x, MODALITIES), self._project(y, FOCUS)
        return torch.cat(self.attention.attend(parts_x, parts_y, self.bias), -1)

    def _project(self, windows: Tensor, stream: str) -> Tensor:
        """[windows,64,98] -> q, k, v [3,windows,heads,64,49]."""
        return _heads(torch.cat([F.linear(windows, *layer) for layer in self.layers[stream]], -1))


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Conv2d(WIDTH, 2 * WIDTH, 1), nn.ReLU(), nn.Conv2d(2 * WIDTH, WIDTH, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(x)


@faster(Perceptron)
class FastPerceptron(Form):
    """A few pixels go through both layers before the next."""

    def __init__(self, perceptron: Perceptron):
        super().__init__()
        first, self.relu, second = perceptron.mlp
        self.first, self.second = _linear(first), _linear(second)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        pixels = in_chunks(self._work, PIXELS, x.permute(0, 2, 3, 1).flatten(0, 2))
        return pixels.view(-1, height, width, WIDTH).permute(0, 3, 1, 2)

    def _work(self, pixels: Tensor) -> Tensor:
        return F.linear(self.relu(F.linear(pixels, *self.first)), *self.second)


def _linear(conv: nn.Module) -> tuple[Tensor, Tensor | None]:
    """(weight [out,in], bias) of a 1x1 convolution, for F.linear on pixels [...,C]."""
    assert isinstance(conv, nn.Conv2d)
    return conv.weight.flatten(1), conv.bias


class TwinBlock(nn.Module):
    """Attention and perceptron, each added to its input, for both streams."""

    def __init__(self, shifted: bool):
        super().__init__()
        self.norm1, self.norm1_mfif = PictureNorm(), PictureNorm()
        self.attn = TwinAttention(shifted)
        self.mlp, self.mlp_mfif = Perceptron(), Perceptron()

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        normal_x, factor_x, offset_x = self.norm1(x)
        normal_y, factor_y, offset_y = self.norm1_mfif(y)
        attended_x, attended_y = self.attn(normal_x, normal_y)
        x, y = x + attended_x * factor_x + offset_x, y + attended_y * factor_y + offset_y
        return x + self.mlp(x), y + self.mlp_mfif(y)


class TwinLayer(nn.Module):
    """The blocks; after every second one, from the first, the focus stream takes up the other."""

    weights_mfif: nn.ParameterList

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(TwinBlock(shifted=i % 2 == 1) for i in range(DEPTH))
        for stream in (MODALITIES, FOCUS):
            self.add_module(f"weights{stream}", nn.ParameterList(torch.ones(1) for _ in range(DEPTH)))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        for i, (block, weight) in enumerate(zip(self.blocks, self.weights_mfif)):
            x, y = block(x, y)
            if i % 2 == 0:
                y = y + weight * x
        return y


class TwinTransformer(nn.Module):
    """Shared features [N,98,H,W] -> the focus stream's features of the same shape; pads by reflection to 4."""

    def __init__(self):
        super().__init__()
        self.patch_embed_ivif = nn.ModuleDict({"proj": _reflect(WIDTH, WIDTH)})
        self.patch_embed_mfif = nn.ModuleDict({"proj": _reflect(WIDTH, WIDTH)})
        self.layer1 = TwinLayer()
        self.patch_unembed = nn.ModuleDict({"proj": nn.Sequential(_reflect(WIDTH, WIDTH))})

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), "reflect")
        x = self.layer1(self.patch_embed_ivif["proj"](x), self.patch_embed_mfif["proj"](x))
        return self.patch_unembed["proj"](x)[..., :height, :width]


class Decoder(nn.Module):
    """Shared and focus features, each [N,98,H,W] -> picture [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        self.fuseComplementFeatures = nn.ModuleDict({"mlp": nn.Sequential(
            nn.Conv2d(2 * WIDTH, WIDTH, 1, bias=False), nn.ReLU(), nn.Conv2d(WIDTH, 2 * DECODER[0], 1, bias=False))})
        self.decoder = reflected_stack((2 * DECODER[0], *DECODER), nn.Tanh())

    def forward(self, shared: Tensor, focus: Tensor) -> Tensor:
        return self.decoder(self.fuseComplementFeatures["mlp"](torch.cat([shared, focus], 1))) / 2 + 0.5


class GIFNetNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        self.getSharedFeatures = SharedFeatures()
        # of the training's reconstruction; not called
        self.decoder_rec = nn.ModuleDict({"decoder": reflected_stack((WIDTH, *DECODER), nn.Tanh())})
        self.extractor_multask = nn.ModuleDict({"SwinTransformerSpecific": TwinTransformer()})
        self.cnnDecoder = Decoder()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        shared = self.getSharedFeatures(torch.cat([ir, vi], 1))
        return self.cnnDecoder(shared, self.extractor_multask["SwinTransformerSpecific"](shared))


@register
class GIFNet(LumaNetwork):
    card = Card(
        name="gifnet", title="GIFNet", kind="baseline", task=("ivf", "mif"),
        paper="Cheng et al., One Model for ALL: Low-Level Task Interaction Is a Key to Task-Agnostic Image Fusion, "
              "CVPR 2025",
        venue="CVPR", year=2025,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("Final.model", "bfc1dfef0d5b386b0c04f172daf8f6af52ba395f26dc3dd5757425fd32eb1038",
                            REPOSITORY, COMMIT, "model/Final.model"),),
        recipe={"released": "float luma, no padding, chroma of the visible back",
                "official": "the script with --VIS_IS_RGB: luma of the visible truncated to 8 bit, fused luma not "
                            "rounded, chroma back by its own matrices; a grey visible picture: x255 truncated"},
        parity="network within float32 noise of the authors' code (2.4e-7 apart with the released weights, three "
               "sizes). The repository has no fused picture of one pair and prints no numbers of its paper",
    )
    architecture = GIFNetNetwork
    several = True

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vi = images.grey_if_equal(vi)
        if self.protocol != "official" or vi.ndim == 2:
            return super().sources(ir, vi)
        luma = (images.to_8bit(vi) @ TO_YCBCR.T)[..., 0]
        return images.to_unit(images.to_8bit(ir)), images.to_unit(luma.clip(0, 255).astype(np.uint8))

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        if self.protocol != "official":
            return super().finished(luma, vi)
        vi = images.grey_if_equal(vi)
        if vi.ndim == 2:
            return truncated(torch.from_numpy(luma)).numpy()
        ycbcr = images.to_8bit(vi) @ TO_YCBCR.T
        ycbcr[..., 0] = 255.0 * luma
        return (ycbcr @ TO_RGB.T / 255).astype(np.float32)

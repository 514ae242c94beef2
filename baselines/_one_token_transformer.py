"""What the networks of Tang, He and Liu share: MATR, YDTR, DATFuse and ITFuse.

Two facts of their transformer (Networks/net.py and network.py of the four repositories) decide its output. Its
windows hold one token, and attention over one token returns that token's value. And the authors take tokens by
reinterpreting the memory of [N,C,H,W] as [N,H,W,C]: a token is C numbers in a row of one channel, not one pixel's
channels, so the output depends on the width of the picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._windows import FeedForward, WindowAttention
from baselines.network import LumaNetwork, truncated
from fusion.fast import Form, faster, in_chunks
from fusion.fast.layouts import channels_apart
from fusion.fast.linear import Linear
from fusion.fast.pointwise import gelu_, normed

HEADS, MLP_RATIO = 8, 4
VALUES = 1 << 16  # of tokens, a thread at a time on the fast path: four times as many between the steps take 1 MB
PATCH_WIDTH = 96  # of the layer norm that is stored and used nowhere


class EdgeConv(nn.Module):
    """Convolution with repeated border, batch norm and ReLU."""

    def __init__(self, channels_in: int, channels_out: int, size: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, size, padding=size // 2, padding_mode="replicate")
        self.bn = nn.BatchNorm2d(channels_out)

    def linear(self, x: Tensor) -> Tensor:
        """Without the ReLU."""
        return self.bn(self.conv(x))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.linear(x))


class ToPicture(nn.Module):
    """1x1 convolution to one channel, and `activation`."""

    def __init__(self, width: int, activation: nn.Module):
        super().__init__()
        self.conv, self.activation = nn.Conv2d(width, 1, 1), activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.conv(x))


class OneTokenAttention(WindowAttention):
    """Window attention where a window is one token: the softmax is 1, so queries, keys and the bias have no effect."""

    def __init__(self, width: int):
        super().__init__(cross=False, width=width, heads=HEADS, window=1)

    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """What x learns of y, both [N,tokens,C]: the values of y.

        Queries and keys are computed as in the authors' networks, so that the cost is theirs but for the two products
        over one token (.3 %).
        """
        return self.proj(self.qkv(y).chunk(3, dim=-1)[2])


class Block(nn.Module):
    """x + attention(LN x), then x + MLP(LN x). [N,tokens,C] -> [N,tokens,C]."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), OneTokenAttention(width)
        self.norm2, self.mlp = nn.LayerNorm(width), FeedForward(width, MLP_RATIO)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.norm1(x)
        x = x + self.attn(seen, seen)
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """`depth` blocks over runs of C numbers. [N,C,H,W] -> [N,C,H,W]."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(x.shape[0], -1, x.shape[1])
        for block in self.blocks:
            tokens = block(tokens)
        return tokens.reshape(x.shape)


@faster(Transformer)
class FastTransformer(Form):
    """A few tokens go through all blocks before the next; values and projection are one matrix, no more is computed."""

    def __init__(self, transformer: Transformer):
        super().__init__()
        self.steps = [(block.norm1, *_values_projected(block.attn), block.norm2, block.mlp.fc1,
                       Linear(block.mlp.fc2.weight, block.mlp.fc2.bias))
                      for block in transformer.blocks if isinstance(block, Block)]

    def forward(self, x: Tensor) -> Tensor:
        tokens = channels_apart(x).view(-1, x.shape[1])
        return in_chunks(self._work, VALUES // x.shape[1], tokens).view(x.shape)

    def _work(self, tokens: Tensor) -> Tensor:
        for norm1, weight, bias, norm2, first, second in self.steps:
            tokens = F.linear(normed(norm1, tokens), weight, bias).add_(tokens)
            hidden = gelu_(F.linear(normed(norm2, tokens), first.weight), first.bias)
            tokens = second(hidden, added=tokens, out=tokens)
        return tokens


def _values_projected(attention: OneTokenAttention) -> tuple[Tensor, Tensor]:
    """Weight and bias of `proj` behind the values' part of `qkv`."""
    weight, bias = (getattr(attention.qkv, name).double().chunk(3)[2] for name in ("weight", "bias"))
    proj = attention.proj
    return (proj.weight.double() @ weight).float(), torch.addmv(proj.bias.double(), proj.weight.double(), bias).float()


def unused_patch_norm() -> nn.Module:
    """The layer norm that the files store as `patch_embed.norm`."""
    patch_embed = nn.Module()
    patch_embed.norm = nn.LayerNorm(PATCH_WIDTH)
    return patch_embed


def channel_gate(width: int, middle: int) -> nn.Sequential:
    """Two 1x1 convolutions with a ReLU between them, for the mean of every channel."""
    return nn.Sequential(nn.Conv2d(width, middle, 1), nn.ReLU(), nn.Conv2d(middle, width, 1))


class TangMethod(LumaNetwork):
    """One luma channel, no padding; the three scripts read grey pictures and cast to 8 bit without rounding."""

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        fused = self.network(ir, y).clamp(0, 1)
        return truncated(fused) if self.protocol == "official" else fused


RECIPE = {"released": "float luma, no padding, clamped to 0..1, chroma of the visible back",
          "official": "rounded grey, no padding, x255 truncated, grey output"}

"""Attention inside windows of 8x8 pixels (Swin, ICCV 2021), as several of the methods' authors have it."""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.attention import Masks, Windows

WINDOW = 8
SHIFT = WINDOW // 2
CHUNK = 16  # windows a thread at a time on the fast path: what a block makes of them takes some 2 MB


def relative_positions(window: int) -> Tensor:
    """int64 [window^2, window^2]: row of the position table for every pair of pixels of a window."""
    row, column = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    row, column = row.flatten(), column.flatten()
    difference = row[:, None] - row + window - 1, column[:, None] - column + window - 1
    return difference[0] * (2 * window - 1) + difference[1]


def shifted_mask(height: int, width: int, device: torch.device) -> Tensor:
    """[windows,1,64,64]: 0 between pixels that are neighbours in the picture, -100 across the cyclic seam."""
    def region(length: int) -> Tensor:
        position = torch.arange(length, device=device)
        return (position >= length - WINDOW).int() + (position >= length - SHIFT).int()

    label = to_windows((3 * region(height)[:, None] + region(width))[None, ..., None])[..., 0]
    return torch.where(label[:, None, :] != label[:, :, None], -100.0, 0.0)[:, None]


def to_windows(x: Tensor) -> Tensor:
    """[N,H,W,C] -> [N*windows, 64, C]; H and W are multiples of 8."""
    n, h, w, c = x.shape
    x = x.view(n, h // WINDOW, WINDOW, w // WINDOW, WINDOW, c)
    return x.transpose(2, 3).reshape(-1, WINDOW * WINDOW, c)


def from_windows(x: Tensor, height: int, width: int) -> Tensor:
    """Inverse of to_windows."""
    x = x.view(-1, height // WINDOW, width // WINDOW, WINDOW, WINDOW, x.shape[-1])
    return x.transpose(2, 3).reshape(x.shape[0], height, width, -1)


@dataclass(frozen=True)
class Layout:
    """What every block needs to know of the picture: height and width, and the mask of the shifted windows."""

    height: int
    width: int
    device: torch.device

    @cached_property
    def mask(self) -> Tensor:
        """[windows,1,64,64]."""
        return shifted_mask(self.height, self.width, self.device)

    def windows(self, shifted: bool, *pictures: Tensor) -> tuple[Tensor, ...]:
        """Pictures [N,H,W,C] -> their windows [N*windows,64,C], and the mask for them where they are shifted by 4."""
        if not shifted:
            return tuple(map(to_windows, pictures))
        moved = (to_windows(x.roll((-SHIFT, -SHIFT), (1, 2))) for x in pictures)
        return *moved, self.mask if len(pictures[0]) == 1 else self.mask.repeat(len(pictures[0]), 1, 1, 1)

    def picture(self, windows: Tensor, shifted: bool) -> Tensor:
        """[N*windows,64,C] -> [N,H,W,C]."""
        x = from_windows(windows, self.height, self.width)
        return x.roll((SHIFT, SHIFT), (1, 2)) if shifted else x

    def going_round(self, shifted: bool, count: int) -> tuple[Windows, Masks | None]:
        """The same windows and masks of `count` pictures, for compiled code."""
        windows = Windows(count, self.height, self.width, SHIFT if shifted else 0)
        if not shifted:
            return windows, None
        # of a picture of 2x2 windows: of the one that is not at the seam, at the right, below, in the corner
        _, *masks = shifted_mask(2 * WINDOW, 2 * WINDOW, self.device)[:, 0]
        which = torch.full((count, self.height // WINDOW, self.width // WINDOW), -1)
        which[:, :, -1] += 1
        which[:, -1] += 2
        return windows, Masks(torch.stack(masks), which.flatten())


def needed(mask: Tensor | None) -> Tensor | None:
    """The mask, None where it changes nothing: most windows do not lie at the seam."""
    return mask if mask is not None and mask.any() else None


class WindowAttention(nn.Module):
    """Attention with a learned bias per relative position; self-attention stores q, k, v as one matrix."""

    relative_position_index: Tensor

    def __init__(self, cross: bool, width: int, heads: int, window: int = WINDOW):
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", relative_positions(window))
        if cross:
            self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * width)
        else:
            self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.cross, self.heads = cross, heads

    def bias(self) -> Tensor:
        """[1,heads,64,64], for every pair of pixels of a window."""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]

    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """Queries from x, keys and values from y, each [windows,64,C]; mask [windows,1,64,64] is added."""
        projected = torch.cat([self.q(x), self.kv(y)], dim=-1) if self.cross else self.qkv(x)
        q, k, v = projected.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.bias()
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias if mask is None else bias + mask)
        return self.proj(out.transpose(1, 2).flatten(2))

    def bias_of_keys(self) -> Tensor:
        """[heads,64,64], for every key and query, as compiled code takes it."""
        return self.bias()[0].transpose(1, 2).contiguous()


class FeedForward(nn.Module):
    def __init__(self, width: int, ratio: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))

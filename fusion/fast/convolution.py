"""Dense convolutions on bfloat16 tiles with float32 sums: kernels.cpp as a module."""

import copy
import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.extension import PARTS, address, in_threads, kernels

BORDERS = {"zeros": 0, "reflect": 1, "replicate": 2}
OUTPUTS = 16  # a tile's
TAKEN = (torch.float32, torch.bfloat16)
ROWS = 8  # that a thread takes at least


class Convolution(nn.Module):
    """F.conv2d of stride 1 with borders and a leaky ReLU, on pictures whose channels need not lie together.

    Args:
        weight: float32 [O,C,h,w]. bias: [O] or None.
        padding: rows and columns added on either side. borders: what they hold, a key of BORDERS.
        slope: [O] or one number; values below zero are multiplied with it: 1 changes nothing, 0 is ReLU.
        parts: 1 (bfloat16), 2, or 3 (float32's own precision).
    Call: pictures [N,C_i,H,W] on the CPU, float32 or bfloat16 (as autocast leaves them), sum C_i = C -> float32
    [N,O,H',W'] in channels_last. No gradients.
    Source: Henry, Tang, Heinecke, Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision
    Computations, ARITH 2019 (the sums of products of parts).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                 dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0, parts: int = PARTS):
        super().__init__()
        self.shape, self.padding, self.dilation, self.borders = weight.shape, padding, dilation, BORDERS[borders]
        outputs, _, self.height, self.width = weight.shape
        self.packed = pack(weight, parts)
        self.bias = (torch.zeros(outputs) if bias is None else bias.detach().float()).contiguous()
        self.slope = torch.as_tensor(slope, dtype=torch.float32).detach().expand(outputs).contiguous()
        self.kernel = _numbers(self.height, self.width, dilation, self.packed.shape[4] * 2, self.packed.shape[5], parts)

    def padded(self, padding: tuple[int, int]) -> "Convolution":
        """The same with other rows and columns added; the packed weights are shared."""
        other = copy.copy(self)
        other.padding = padding
        return other

    def forward(self, *pictures: Tensor) -> Tensor:
        channels = sum(picture.shape[1] for picture in pictures)
        if channels != self.shape[1] or any(p.dtype not in TAKEN or p.device.type != "cpu" for p in pictures):
            raise TypeError(f"a convolution of {self.shape[1]} float32 channels on the CPU got "
                            f"{[(tuple(p.shape), p.dtype, p.device.type) for p in pictures]}")
        pictures = tuple(channels_together(picture.float()) for picture in pictures)
        count, _, height, width = pictures[0].shape
        (top, left), reach = self.padding, self.dilation
        rows = height + 2 * top - (self.height - 1) * reach
        columns = width + 2 * left - (self.width - 1) * reach
        if min(rows, columns) < 1 or (self.borders == BORDERS["reflect"] and (top >= height or left >= width)):
            raise ValueError(f"pictures of {height}x{width} are too small for a kernel of {self.height}x{self.width}")
        out = torch.empty((count, len(self.bias), rows, columns), memory_format=torch.channels_last)
        sources = _numbers(*(number for p in pictures
                             for number in (p.data_ptr(), p.shape[1], p.stride(0), p.stride(2), p.stride(3))))
        frame = _numbers(height, width, top, left, self.borders)

        def work(begin: int, end: int) -> None:
            kernels().convolve(sources, ctypes.c_int64(len(pictures)), address(self.packed), self.kernel, frame,
                               address(self.bias), address(self.slope), ctypes.c_int64(len(self.bias)),
                               address(out), ctypes.c_int64(begin), ctypes.c_int64(end))

        in_threads(work, count * rows, ROWS)
        return out


def pack(weight: Tensor, parts: int) -> Tensor:
    """float32 [O,C,h,w] -> bfloat16 [rotation,part,w,h,C/2,O',2]; C is filled up to even, O to a multiple of OUTPUTS.

    Rotation r is for pictures whose first row below the kernel lies in slot r of h.
    """
    outputs, channels, height, _ = weight.shape
    rest = F.pad(weight.detach().float().permute(3, 2, 1, 0), (0, -outputs % OUTPUTS, 0, channels % 2))
    pieces = []
    for _ in range(parts):
        pieces.append(rest.bfloat16())
        rest = rest - pieces[-1].float()
    split = torch.stack(pieces)
    rotated = torch.stack([split.roll(turn, 2) for turn in range(height)])
    return rotated.unflatten(4, (-1, 2)).transpose(5, 6).contiguous()


def channels_together(picture: Tensor) -> Tensor:
    if picture.stride(1) == 1 or picture.shape[1] == 1:
        return picture
    return picture.contiguous(memory_format=torch.channels_last)


def _numbers(*values: int) -> ctypes.Array:
    return (ctypes.c_int64 * len(values))(*values)

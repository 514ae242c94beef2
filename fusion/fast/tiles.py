"""Dense convolutions on bfloat16 tiles with float32 sums: kernels.cpp as a module."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.convolution import CompiledConvolution, numbers
from fusion.fast.extension import PARTS, address, in_threads, kernels

OUTPUTS = 16  # a tile's
ROWS = 8  # that a thread takes at least


class TileConvolution(CompiledConvolution):
    """A Convolution whose values are sums of bfloat16 parts, multiplied on AMX tiles.

    Args:
        parts: 1 (bfloat16), 2, or 3 (float32's own precision).
    Source: Henry, Tang, Heinecke, Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision
    Computations, ARITH 2019 (the sums of products of parts).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                 dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0, parts: int = PARTS):
        super().__init__(weight, bias, padding=padding, dilation=dilation, borders=borders, slope=slope)
        self.packed = pack(weight, parts)
        self.kernel = numbers(*weight.shape[2:], dilation, self.packed.shape[4] * 2, self.packed.shape[5], parts)

    def run(self, sources: ctypes.Array, count: int, frame: ctypes.Array, out: Tensor) -> None:
        def work(begin: int, end: int) -> None:
            kernels().convolve(sources, ctypes.c_int64(count), address(self.packed), self.kernel, frame,
                               address(self.bias), address(self.slope), ctypes.c_int64(len(self.bias)),
                               address(out), ctypes.c_int64(begin), ctypes.c_int64(end))

        in_threads(work, len(out) * out.shape[2], ROWS)


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

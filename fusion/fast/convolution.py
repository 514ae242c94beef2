"""Convolutions with borders, bias and a leaky ReLU in one step, of several pictures' channels."""

import copy
import ctypes
from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn

from fusion.fast.layouts import channels_together

BORDERS = {"zeros": 0, "reflect": 1, "replicate": 2}
TAKEN = (torch.float32, torch.bfloat16)


class Convolution(nn.Module, ABC):
    """F.conv2d of stride 1 with borders and a leaky ReLU, on pictures whose channels need not lie together.

    Args:
        weight: float32 [O,C,h,w]. bias: [O] or None.
        padding: rows and columns added on either side. borders: what they hold, a key of BORDERS.
        slope: [O] or one number; values below zero are multiplied with it: 1 changes nothing, 0 is ReLU.
    Call: pictures [N,C_i,H,W] on the CPU, float32 or bfloat16 (as autocast leaves them), sum C_i = C -> float32
    [N,O,H',W'] in channels_last. No gradients.
    Raises: TypeError for other pictures, ValueError for pictures that are too small.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                 dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0):
        super().__init__()
        self.shape, self.padding, self.dilation, self.borders = weight.shape, padding, dilation, BORDERS[borders]
        outputs = len(weight)
        self.bias = (torch.zeros(outputs) if bias is None else bias.detach().float()).contiguous()
        self.slope = torch.as_tensor(slope, dtype=torch.float32).detach().expand(outputs).contiguous()

    def padded(self, padding: tuple[int, int]) -> Self:
        """The same with other rows and columns added; the packed weights are shared."""
        other = copy.copy(self)
        other.padding = padding
        return other

    def forward(self, *pictures: Tensor) -> Tensor:
        pictures = self.taken(pictures)
        height, width = pictures[0].shape[2:]
        (top, left), (tall, wide) = self.padding, self.shape[2:]
        rows = height + 2 * top - (tall - 1) * self.dilation
        columns = width + 2 * left - (wide - 1) * self.dilation
        if min(rows, columns) < 1 or (self.borders == BORDERS["reflect"] and (top >= height or left >= width)):
            raise ValueError(f"pictures of {height}x{width} are too small for a kernel of {tall}x{wide}")
        return self.convolve(pictures, rows, columns)

    def taken(self, pictures: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The pictures in float32, the channels of a pixel together. TypeError where they are not what is convolved."""
        channels = sum(picture.shape[1] for picture in pictures)
        if channels != self.shape[1] or any(p.dtype not in TAKEN or p.device.type != "cpu" for p in pictures):
            raise TypeError(f"a convolution of {self.shape[1]} float32 channels on the CPU got "
                            f"{[(tuple(p.shape), p.dtype, p.device.type) for p in pictures]}")
        return tuple(channels_together(picture.float()) for picture in pictures)

    @abstractmethod
    def convolve(self, pictures: tuple[Tensor, ...], rows: int, columns: int) -> Tensor:
        """The result [N,O,rows,columns] of pictures whose pixels' channels lie together."""


class CompiledConvolution(Convolution):
    """A Convolution by one of the compiled functions."""

    def convolve(self, pictures: tuple[Tensor, ...], rows: int, columns: int) -> Tensor:
        out = torch.empty((len(pictures[0]), len(self.bias), rows, columns), memory_format=torch.channels_last)
        sources = numbers(*(number for p in pictures
                            for number in (p.data_ptr(), p.shape[1], p.stride(0), p.stride(2), p.stride(3))))
        frame = numbers(*pictures[0].shape[2:], *self.padding, self.borders)
        self.run(sources, len(pictures), frame, out)
        return out

    @abstractmethod
    def run(self, sources: ctypes.Array, count: int, frame: ctypes.Array, out: Tensor) -> None:
        """Fill `out`. sources, frame: numbers as the compiled functions take them."""


def numbers(*values: int) -> ctypes.Array:
    """int64 values in a row."""
    return (ctypes.c_int64 * len(values))(*values)

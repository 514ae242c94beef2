"""Attention within windows of 8x8 pixels, and the windows of pictures: attention.cpp as functions, where it runs."""

from collections.abc import Iterator
from ctypes import c_float, c_int64, c_void_p
from dataclasses import dataclass

import torch
from torch import Tensor

from fusion.fast.convolution import numbers
from fusion.fast.extension import address, in_threads, kernels

SIDE = 8
TOKENS = SIDE * SIDE


@dataclass(frozen=True)
class Masks:
    """What is added to the scores of some windows.

    values: float32 [any,64,64], of keys and queries in this order, contiguous.
    which: int64 [windows], the mask of each window, -1 where it has none.
    """

    values: Tensor
    which: Tensor

    def of(self, begin: int, end: int) -> "Masks":
        """For windows begin..end-1."""
        return Masks(self.values, self.which[begin:end])


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, masks: Masks | None = None) -> Tensor:
    """softmax(q k^T / sqrt(width) + bias + mask) v of each window and head.

    q, k, v: float32 [windows,64,heads*width]; they may be columns of one matrix [windows*64,any], as a product leaves
    them. bias: [heads,64,64], of keys and queries in this order, contiguous. -> [windows,64,heads*width].
    """
    (windows, tokens, channels), heads = q.shape, len(bias)
    out = torch.empty((windows, tokens, channels))
    sources = numbers(*(number for x in (q, k, v) for number in (x.data_ptr(), _step(x))))
    width = channels // heads
    given = (c_void_p(), c_void_p()) if masks is None else (address(masks.values), address(masks.which))

    def work(begin: int, end: int) -> None:
        kernels().attention(sources, c_int64(heads), c_int64(width), c_float(width ** -0.5), address(bias), *given,
                            address(out), c_int64(begin), c_int64(end))

    in_threads(work, windows, 1)
    return out


def _step(x: Tensor) -> int:
    """Values from one token of [windows,64,C] to the next, in the next window too. ValueError where it is not one."""
    step = x.stride(1)
    if x.dtype != torch.float32 or x.shape[1] != TOKENS or x.stride(2) != 1 or (
            len(x) > 1 and x.stride(0) != TOKENS * step):
        raise ValueError(f"windows of {TOKENS} float32 tokens in a row are needed, not {x.dtype} {tuple(x.shape)} with "
                         f"strides {x.stride()}")
    return step


@dataclass(frozen=True)
class Windows:
    """The windows of float32 pictures [N,H,W,C], H and W multiples of 8, whose rows and columns go round.

    shift: the row and column where the first window begins, less than 8.
    """

    count: int
    height: int
    width: int
    shift: int = 0

    def chunks(self, size: int) -> Iterator[tuple[int, int]]:
        """The windows of all pictures, (first, end) of `size` a thread at a time."""
        every, step = self.count * (self.height // SIDE) * (self.width // SIDE), size * torch.get_num_threads()
        return ((begin, min(begin + step, every)) for begin in range(0, every, step))

    def take(self, pictures: Tensor, begin: int, end: int) -> Tensor:
        """Windows begin..end-1 -> [windows,64,C]."""
        tokens = torch.empty((end - begin, TOKENS, pictures.shape[-1]))
        self._move(pictures, tokens, begin, False)
        return tokens

    def put(self, tokens: Tensor, pictures: Tensor, begin: int) -> None:
        """Windows from `begin` on, [windows,64,C], into the pictures."""
        self._move(pictures, tokens.contiguous(), begin, True)

    def _move(self, pictures: Tensor, tokens: Tensor, begin: int, to_pictures: bool) -> None:
        expected = (self.count, self.height, self.width, tokens.shape[-1])
        if pictures.shape != expected or {pictures.dtype, tokens.dtype} != {torch.float32} or (
                not pictures.is_contiguous()):
            raise ValueError(f"contiguous float32 pictures {expected} are needed, not {pictures.dtype} "
                             f"{tuple(pictures.shape)} with strides {pictures.stride()}")
        channels = pictures.shape[-1]

        def work(first: int, last: int) -> None:
            kernels().windows(address(pictures), c_int64(self.height), c_int64(self.width), c_int64(channels),
                              c_int64(self.shift), c_int64(begin + first), c_int64(begin + last),
                              address(tokens[first]), c_int64(to_pictures))

        in_threads(work, len(tokens), 4)

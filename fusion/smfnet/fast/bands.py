"""Bands of rows, and 3x3 convolutions on them that agree with one over the whole image."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Band:
    """Some rows of an image with `halo` more on the sides where the image goes on.

    first, last: the rows [first, last) whose result is wanted. start, stop: the rows taken, with halo.
    top, bottom: whether the taken rows begin / end at the image's border (where convolutions pad).
    """

    first: int
    last: int
    start: int
    stop: int
    top: bool
    bottom: bool

    def of(self, x: Tensor) -> Tensor:
        return x[:, self.start:self.stop]

    def conv3(self, x: Tensor, weight: Tensor, bias: Tensor | None = None, groups: int = 1) -> Tensor:
        """3x3 convolution of [B,h,W,C]; zero padding at the image's borders, elsewhere each side uses up a halo row."""
        inner = not (self.top or self.bottom)
        y = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=(0, 1) if inner else 1, groups=groups)
        y = y.permute(0, 2, 3, 1)
        return y if inner else self._drop(y)

    def _drop(self, y: Tensor) -> Tensor:
        """Without the row at an inner side, which saw padding."""
        return y[:, 0 if self.top else 1:y.shape[1] - (0 if self.bottom else 1)]

    def wanted(self, y: Tensor) -> Tensor:
        """The rows [first, last) of a result that used up all of the halo."""
        # where the halo reaches the border fewer rows were used up
        offset = self.first - self.start if self.top else 0
        return y[:, offset:offset + self.last - self.first]

    def reflect(self, x: Tensor) -> Tensor:
        """Reflection padding by 1, in height at the image's borders only. [B,h,W,C] -> [B,h+0..2,W+2,C]."""
        pads = (1, 1, int(self.top), int(self.bottom))
        return F.pad(x.permute(0, 3, 1, 2), pads, mode="reflect").permute(0, 2, 3, 1)

    def shrink(self, x: Tensor, rows: int) -> Tensor:
        """Drop `rows` halo rows at the inner sides, as so many convolutions do."""
        return x[:, 0 if self.top else rows:x.shape[1] - (0 if self.bottom else rows)]


def bands(height: int, rows: int, halo: int) -> Iterator[Band]:
    """Bands of about `rows` rows that cover an image; the last is not left tiny."""
    count = max(1, round(height / rows))
    edges = [height * i // count for i in range(count + 1)]
    for first, last in itertools.pairwise(edges):
        start, stop = max(0, first - halo), min(height, last + halo)
        # a band too near the border to have its whole halo begins at the border: it pads there like the image
        yield Band(first, last, start, stop, start == 0, stop == height)


def banded(rows: int, halo: int, work: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Apply work(band, *rows of inputs) -> [B,last-first,W,C'] to all bands and put the results together."""
    result = None
    for band in bands(inputs[0].shape[1], rows, halo):
        y = work(band, *(band.of(x) for x in inputs))
        y = band.wanted(y)
        if result is None:
            result = y.new_empty(y.shape[0], inputs[0].shape[1], *y.shape[2:])
        result[:, band.first:band.last] = y
    return result


def norm(x: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
    """ChannelNorm on [B,h,W,C]."""
    return F.layer_norm(x, x.shape[-1:], *parameters, eps=1e-5)


def pixels(x: Tensor) -> Tensor:
    """[B,h,W,C] -> [B,h*W,C]."""
    return x.reshape(x.shape[0], -1, x.shape[-1])


def channels_last(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last)

"""Feature maps that go through a block chunk of rows by chunk of rows, from top to bottom.

A chunk is small enough for the cache. The rows that a 3x3 convolution needs again with the next chunk are kept, so
nothing is computed twice.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from fusion.fast.conv3 import TILE, Compiled, Direct, Winograd
from fusion.fast.forms import Form
from fusion.fast.linear import Linear
from fusion.fast.maps import Maps
from fusion.fast.pointwise import layer_norm

# Values (pixels times width) of a chunk: on CPU 1.5 MB of features stay in the cache; a GPU wants large launches.
CHUNK_VALUES = {"cpu": 3 << 17, "cuda": 1 << 26}
KEPT = TILE + 1  # rows that a 3x3 convolution keeps at most for the next chunk
FIRST = 4 * TILE  # rows of the first chunk: after three convolutions some are left


class Stream:
    """One pass over maps [B,H,W,C] in chunks of about `sizes.rows` rows.

    Work on a chunk calls conv3, window and delay in the same order every time: the n-th call goes on where the n-th
    call of the chunk before left off. A result may have fewer rows than its chunk or more; in all it has H.
    """

    def __init__(self, sizes: Maps, *maps: Tensor):
        self.maps, self.height, self.step = maps, maps[0].shape[1], sizes.step
        self.rows = max(sizes.rows // TILE * TILE, 2 * TILE)
        self.kept: dict[int, Tensor] = {}  # by call: rows of a result that are needed again
        self.reached: dict[int, int] = {}  # by call: the next row of a map
        self.room: tuple[Tensor, Tensor] | None = None  # what `roomy` made last, and that with the rows around it

    def __iter__(self) -> Iterator[list[Tensor]]:
        """The rows of each map, chunk by chunk."""
        starts = [0, *range(FIRST, self.height - self.rows + 1, self.rows)]
        for begin, end in itertools.pairwise([*starts, self.height]):
            self.begin, self.end = begin, end
            self.begins, self.ends, self.calls = begin == 0, end == self.height, itertools.count()
            self.chunk = [x[:, begin:end] for x in self.maps]
            yield self.chunk

    def linear(self, x: Tensor, linear: Linear) -> Tensor:
        """Rows [B,h,W,C] -> [B,h,W,O]. On one image on CPU there is room around the result.

        A window of the result, also when it was changed in place, then only copies the rows that it adds.
        """
        if len(x) > 1 or x.device.type != "cpu":
            return linear(x)
        return linear(x, out=self.roomy(x, len(linear.weight)))

    def roomy(self, x: Tensor, channels: int) -> Tensor:
        """[1,h,W,channels] for what is made next of x [1,h,W,C], with room around it."""
        around = x.new_empty(1, KEPT + x.shape[1] + 1, x.shape[2], channels)
        result = around[:, KEPT:-1]
        self.room = result, around
        return result

    def conv3(self, x: Tensor, convolution: Direct | Winograd | Compiled) -> Tensor:
        """3x3 convolution, zero padding."""
        return convolution(self.window(x, lambda border, inner: torch.zeros_like(border)))

    def window(self, x: Tensor, padding: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The rows that a 3x3 convolution can use now: those kept, x, and at the image's borders one row beyond.

        padding: makes the row beyond a border from the row at the border and its neighbour.
        """
        call, whole = next(self.calls), self._map(x)
        if whole is not None:
            x = whole[:, max(0, self.begin - 1):self.end + 1]
        before, after = x[:, :0], x[:, :0]
        if self.begins:
            before = padding(x[:, :1], x[:, 1:2])
        elif whole is None:
            before = self.kept[call]
        if self.ends:
            after = padding(x[:, -1:], x[:, -2:-1])
        x = self._joined(before, x, after)
        results = x.shape[1] - 2
        if not self.ends:
            results -= results % self.step
        self.kept[call] = x[:, results:].clone()  # so that memory still in the cache is free for the next steps
        return x[:, :results + 2]

    def delay(self, x: Tensor, y: Tensor) -> Tensor:
        """The rows of x that belong to the rows of y, which convolutions have made from x."""
        call, whole, count = next(self.calls), self._map(x), y.shape[1]
        if whole is not None:
            row = 0 if self.begins else self.reached[call]
            self.reached[call] = row + count
            return whole[:, row:row + count]
        if not self.begins:
            x = torch.cat((self.kept[call], x), dim=1)
        self.kept[call] = x[:, count:].clone()
        return x[:, :count]

    def _joined(self, before: Tensor, x: Tensor, after: Tensor) -> Tensor:
        """Rows one behind another, in x's own memory if there is room."""
        if self.room is None or self.room[0] is not x:
            parts = [rows for rows in (before, x, after) if rows.shape[1]]
            return torch.cat(parts, dim=1) if len(parts) > 1 else x
        around, begin, end = self.room[1], KEPT - before.shape[1], KEPT + x.shape[1]
        around[:, begin:KEPT] = before
        around[:, end:end + after.shape[1]] = after
        return around[:, begin:end + after.shape[1]]

    def _map(self, x: Tensor) -> Tensor | None:
        """The map that x is the chunk of, whose other rows need not be kept; None for a result."""
        return next((whole for whole, chunk in zip(self.maps, self.chunk) if chunk is x), None)


def streamed(maps: Maps, work: Callable[..., Tensor | tuple[Tensor, Tensor] | list[Tensor]], *sources: Tensor,
             channels: int | None = None) -> Tensor:
    """Apply work(stream, *rows of the sources [B,H,W,C]) to all chunks and put the results together, [B,H,W,channels].

    work: makes rows of the result: a tensor, two whose sum it is, or a list of those whose channels it joins.
    channels: of the result; None where it has those of the first source.
    """
    *shape, own = sources[0].shape
    result = maps.take(*shape, channels or own)
    stream, row = Stream(maps, *sources), 0
    for chunk in stream:
        y = work(stream, *chunk)
        count = (y if isinstance(y, Tensor) else y[0]).shape[1]
        target = result[:, row:row + count]
        if isinstance(y, tuple):
            torch.add(*y, out=target)
        elif isinstance(y, list):
            torch.cat(y, dim=-1, out=target)
        else:
            target.copy_(y)
        row += count
    return result


class StreamedForm(Form, ABC):
    """A form on feature maps, float32 [N,C,H,W] on the CPU -> [N,C,H,W] in channels_last.

    Forms of this kind one behind another pass their maps on without a copy. One picture after the other: rows of one
    lie together in memory, rows of several do not. Within autocast it stays float32: its steps write into one another's
    maps.
    """

    @torch.autocast("cpu", enabled=False)
    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        channels, height, width = x.shape[1:]
        maps = Maps(height, width, CHUNK_VALUES["cpu"] // (channels * width), x, step=1)
        done = [self.run(picture, maps) for picture in x.permute(0, 2, 3, 1).contiguous().split(1)]
        return (torch.cat(done) if len(done) > 1 else done[0]).permute(0, 3, 1, 2)

    @abstractmethod
    def run(self, x: Tensor, maps: Maps) -> Tensor:
        """[1,H,W,C] -> [1,H,W,C]."""


def norm(x: Tensor, parameters: tuple[Tensor, Tensor]) -> Tensor:
    """ChannelNorm on [B,h,W,C]."""
    return layer_norm(x, *parameters)


def pixels(x: Tensor) -> Tensor:
    """[B,h,W,C] -> [B,h*W,C]."""
    return x.reshape(x.shape[0], -1, x.shape[-1])

"""Memory for feature maps, used again: fresh memory costs a page fault every 4 KB, at worst a third of the time."""

from collections import defaultdict

import torch
from torch import Tensor

from fusion.fast.conv3 import TILE


class Maps:
    """The maps of one image size that are not in use.

    height, width: of the images. rows: of the chunks that they are worked off in (see streams). like: gives dtype and
    device. step: convolutions of a chunk, but for the last, make rows by so many; TILE leaves none to Winograd's
    direct way, 1 keeps the fewest rows.
    """

    def __init__(self, height: int, width: int, rows: int, like: Tensor, step: int = TILE):
        self.size, self.rows, self.like, self.step = (height, width), rows, like, step
        self.free: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)

    def take(self, *shape: int) -> Tensor:
        """A map of this shape with arbitrary values."""
        free = self.free[shape]
        return free.pop() if free else torch.empty(shape, dtype=self.like.dtype, device=self.like.device)

    def give(self, *maps: Tensor) -> None:
        """These are not needed any more."""
        for x in maps:
            self.free[tuple(x.shape)].append(x)

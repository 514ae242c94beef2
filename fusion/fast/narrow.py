"""Convolutions of one output or a few: one matrix product of the pixels, then sums of its shifted rows."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.convolution import Convolution
from fusion.fast.library import MODES


class NarrowConvolution(Convolution):
    """A Convolution whose kernel's cells are outputs of a 1x1 convolution first.

    Every pixel is read once, where the library, whose outputs fill vectors, reads it for each cell. Borders are added
    to the few products instead of the many channels, which comes to the same.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                 dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0):
        super().__init__(weight, bias, padding=padding, dilation=dilation, borders=borders, slope=slope)
        self.cells = weight.detach().permute(2, 3, 0, 1).flatten(0, 2).contiguous()  # [h w O, C]

    def convolve(self, pictures: tuple[Tensor, ...], rows: int, columns: int) -> Tensor:
        done = [self._one([picture[i] for picture in pictures], rows, columns) for i in range(len(pictures[0]))]
        return torch.stack(done).contiguous(memory_format=torch.channels_last)

    def _one(self, pictures: list[Tensor], rows: int, columns: int) -> Tensor:
        """Pictures [C_i,H,W] -> [O,rows,columns]."""
        size, (tall, wide), outputs = pictures[0].shape[1:], self.shape[2:], len(self.bias)
        parts = self.cells.split([len(picture) for picture in pictures], dim=1)
        products = sum(part @ picture.permute(1, 2, 0).flatten(0, 1).T for part, picture in zip(parts, pictures))
        top, left = self.padding
        padded = F.pad(products.view(1, -1, *size), (left, left, top, top), MODES.get(self.borders, "constant"))
        cells = padded.view(tall * wide, outputs, *padded.shape[2:])
        total = self.bias[:, None, None].expand(outputs, rows, columns).clone()
        for i, cell in enumerate(cells):
            y, x = i // wide * self.dilation, i % wide * self.dilation
            total += cell[:, y:y + rows, x:x + columns]
        return torch.where(total > 0, total, total * self.slope[:, None, None])

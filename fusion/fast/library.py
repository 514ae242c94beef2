"""Dense convolutions by torch itself, where no compiled one is faster."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.convolution import BORDERS, Convolution
from fusion.fast.layouts import channels_together

MODES = {BORDERS["reflect"]: "reflect", BORDERS["replicate"]: "replicate"}


class LibraryConvolution(Convolution):
    """A Convolution by torch. Its result is in channels_last, as those around it read theirs."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                 dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0):
        super().__init__(weight, bias, padding=padding, dilation=dilation, borders=borders, slope=slope)
        self.weight = weight.detach().contiguous(memory_format=torch.channels_last)
        self.slopes = set(self.slope.tolist())

    def convolve(self, pictures: tuple[Tensor, ...], rows: int, columns: int) -> Tensor:
        x = torch.cat(pictures, dim=1) if len(pictures) > 1 else pictures[0]
        padding = self.padding
        if any(padding) and self.borders in MODES:
            (top, left), padding = padding, (0, 0)
            x = F.pad(x, (left, left, top, top), mode=MODES[self.borders])
        x = x.to(memory_format=torch.channels_last)  # of one channel, too, whose order decides that of the result
        y = channels_together(F.conv2d(x, self.weight, self.bias, padding=padding, dilation=self.dilation))
        if self.slopes == {1.0}:
            return y
        return y.relu_() if self.slopes == {0.0} else F.prelu(y, self.slope)

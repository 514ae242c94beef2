"""1x1 convolutions: products.cpp as a module."""

from ctypes import c_int64, c_void_p

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.convolution import Convolution, numbers
from fusion.fast.extension import address, in_threads, kernels

PIXELS = 512  # that a thread takes at least


class ProductConvolution(Convolution):
    """A Convolution of a 1x1 kernel without padding.

    Call: as Convolution's. added: float32 [N,O,H,W], added before the leaky ReLU. out: float32 [N,O,H,W] in
    channels_last, where the result is to be.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, slope: Tensor | float = 1.0):
        super().__init__(weight, bias, slope=slope)
        panel = kernels().panel()
        filled = F.pad(weight.detach().float().flatten(1), (0, 0, 0, -len(weight) % panel))
        self.packed = filled.unflatten(0, (-1, panel)).transpose(1, 2).contiguous()  # [ceil(O / panel), C, panel]
        self.full_bias, self.full_slope = (F.pad(x, (0, -len(weight) % panel)) for x in (self.bias, self.slope))

    def forward(self, *pictures: Tensor, added: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        return self._multiply(self.taken(pictures), added, out)

    def convolve(self, pictures: tuple[Tensor, ...], rows: int, columns: int) -> Tensor:
        return self._multiply(pictures)

    def _multiply(self, pictures: tuple[Tensor, ...], added: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        count, _, height, width = pictures[0].shape
        if out is None:
            out = torch.empty((count, len(self.bias), height, width), memory_format=torch.channels_last)
        given = [(p, step) if (step := distance(p)) is not None
                 else (p.contiguous(memory_format=torch.channels_last), p.shape[1]) for p in pictures]
        sources = numbers(*(number for p, step in given for number in (p.data_ptr(), p.shape[1], step)))
        if added is not None:
            added = added.float().expand_as(out).contiguous(memory_format=torch.channels_last)
        pixels, strip = out.numel() // len(self.bias), kernels().strip()

        def work(begin: int, end: int) -> None:
            kernels().products(sources, c_int64(len(given)), address(self.packed), address(self.full_bias),
                               address(self.full_slope), c_void_p() if added is None else address(added),
                               c_int64(len(self.bias)), address(out), c_int64(begin * strip),
                               c_int64(min(end * strip, pixels)))

        # whole strips: a pixel alone may be rounded otherwise, and threads are to make what one does
        in_threads(work, -(-pixels // strip), -(-PIXELS // strip))
        return out


def distance(picture: Tensor) -> int | None:
    """Values from one pixel of [N,C,H,W] to the next, if it is one through all rows and pictures."""
    count, _, height, width = picture.shape
    # of a side of length 1 the stride says nothing
    steps = {picture.stride(dim) / pixels for dim, length, pixels in (
        (3, width, 1), (2, height, width), (0, count, height * width)) if length > 1}
    if not steps:  # one pixel
        return picture.shape[1]
    return int(steps.pop()) if len(steps) == 1 else None

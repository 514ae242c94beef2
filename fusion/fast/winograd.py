"""3x3 convolutions by Winograd's F(4x4,3x3): winograd.cpp as a module."""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.convolution import CompiledConvolution
from fusion.fast.extension import address, in_threads, kernels

TILE = 4  # rows and columns of the result that are made together
POINTS = (0.75, -0.75, 1.5, -1.5)  # of interpolation, beside 0 and infinity; winograd.cpp has the same
ROWS = 2  # of tiles, that a thread takes at least


class WinogradConvolution(CompiledConvolution):
    """A Convolution of a 3x3 kernel with a quarter of its multiplications and, in float32, about twice its error.

    A value that is not finite spoils the 16 pixels of every tile that it touches, where the direct way spoils nine.
    Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016; the points are ours, see
    winograd.cpp.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                 dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0):
        super().__init__(weight, bias, padding=padding, dilation=dilation, borders=borders, slope=slope)
        self.packed = pack(weight, kernels().panel())

    def run(self, sources: ctypes.Array, count: int, frame: ctypes.Array, out: Tensor) -> None:
        def work(begin: int, end: int) -> None:
            kernels().winograd(sources, ctypes.c_int64(count), address(self.packed), ctypes.c_int64(self.dilation),
                               frame, address(self.bias), address(self.slope), ctypes.c_int64(self.shape[1]),
                               ctypes.c_int64(len(self.bias)), address(out), ctypes.c_int64(begin), ctypes.c_int64(end))

        tiles = sum(len(range(first, out.shape[2], TILE * self.dilation)) for first in range(self.dilation))
        in_threads(work, len(out) * tiles, ROWS)


def pack(weight: Tensor, panel: int) -> Tensor:
    """float32 [O,C,3,3] -> [36, ceil(O / panel), C, panel]: the kernel at pairs of points; O is filled up."""
    one = _at_points().to(weight.device)
    points = torch.einsum("ir,ocrs,js->ijco", one, weight.detach().double(), one).float().flatten(0, 1)
    return F.pad(points, (0, -len(weight) % panel)).unflatten(2, (-1, panel)).transpose(1, 2).contiguous()


def _at_points() -> Tensor:
    """[6,3]: a polynomial of three coefficients -> its values at 0, POINTS and infinity.

    Each is divided by the product of the point's distances to the other finite ones, which the sums of pixels leave
    out.
    """
    rows = []
    finite = (0.0, *POINTS)
    for point in finite:
        distances = torch.tensor([point - other for other in finite if other != point], dtype=torch.float64)
        powers = torch.tensor([point**power for power in range(3)], dtype=torch.float64)
        rows.append(powers / distances.prod())
    return torch.stack([*rows, torch.tensor([0, 0, 1], dtype=torch.float64)])

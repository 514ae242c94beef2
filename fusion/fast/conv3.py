"""3x3 convolutions of rows [B,h,W,C] that come with the row above and the row below: [B,h+2,W,C] -> [B,h,W,O].

Columns are padded with zeros here. Where code can be compiled, dense kernels go through it (`Compiled`). Elsewhere they
go through Winograd's F(4,3) along the image's height: four rows of the result come from six 1x3 convolutions of
combinations of six rows, half the multiplications of the direct way (Lavin & Gray, Fast Algorithms for Convolutional
Neural Networks, CVPR 2016; there, and in compiled code, in both directions). In height only, because then the
combinations are small matrix products over long contiguous vectors and cost next to nothing.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.choice import convolution_for
from fusion.fast.convolution import CompiledConvolution
from fusion.fast.extension import PARTS

TILE = 4  # rows of the result that Winograd's algorithm makes at a time
MINIMUM = 32  # channels from which on it is the faster way

# Interpolation at 0, 1, -1, 2, -2 and infinity: result = OUT [(KERNEL kernel) * (IN input)].
IN = torch.tensor([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                   [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]], dtype=torch.float32)
KERNEL = torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]],
                      dtype=torch.float64) / 24
OUT = torch.tensor([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
                   dtype=torch.float32)
BIASED = 1  # the point whose column of OUT is all ones: a bias added there is added to every row


class Direct:
    """A 3x3 convolution as the library does it; weight [O,C/groups,3,3]."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None, dilation: int = 1, groups: int = 1):
        self.weight, self.bias, self.dilation, self.groups = channels_last(weight), bias, dilation, groups

    def __call__(self, x: Tensor) -> Tensor:
        return self._padded(x, (0, self.dilation))

    def whole(self, x: Tensor) -> Tensor:
        """Of a whole image, zero rows around it."""
        return self._padded(x, (self.dilation, self.dilation))

    def _padded(self, x: Tensor, padding: tuple[int, int]) -> Tensor:
        y = F.conv2d(x.permute(0, 3, 1, 2), self.weight, self.bias, padding=padding, dilation=self.dilation,
                     groups=self.groups)
        return y.permute(0, 2, 3, 1)


class Winograd:
    """A dense 3x3 convolution of one image (B = 1), float32 on CPU; weight [O,C,3,3]."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None, dilation: int = 1):
        self.direct = Direct(weight, bias)
        self.kernels = torch.einsum("nr,ocrx->xnco", KERNEL, weight.double()).to(weight.dtype).contiguous()  # [3,6,C,O]
        self.bias, self.dilation = bias, dilation

    def __call__(self, x: Tensor) -> Tensor:
        """Rows that do not fill a tile are convolved directly."""
        rows, width, channels = x.shape[1] - 2, *x.shape[2:]
        tiles, rest = divmod(rows, TILE)
        row = width * channels
        parts = []
        if tiles:
            source = x.contiguous().as_strided((tiles, len(IN), row), (TILE * row, row, 1))
            parts.append(self.tiles(source, width).view(1, tiles * TILE, width, -1))
        if rest:
            parts.append(self.direct(x[:, tiles * TILE:]))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def tiles(self, source: Tensor, width: int) -> Tensor:
        """n times six rows, `dilation` apart, [n,6,W*C] -> the four rows that they give, [n,4,W*O].

        A 1x3 convolution is three matrix products, the pixels shifted against each other; zeros between the rows (as
        many pixels as the shift) are its padding.
        """
        count, step, (channels, outputs) = len(source), self.dilation, self.kernels.shape[2:]
        points = torch.empty(len(IN), step + count * (width + step), channels)
        points[:, :step] = 0
        rows = points[:, step:].view(len(IN), count, width + step, channels)
        rows[:, :, width:] = 0
        torch.bmm(IN.expand(count, -1, -1), source, out=rows[:, :, :width].flatten(2).transpose(0, 1))
        length = points.shape[1] - 2 * step
        products = torch.bmm(points[:, :length], self.kernels[0])
        for i in (1, 2):
            products.baddbmm_(points[:, i * step:i * step + length], self.kernels[i])
        if self.bias is not None:
            products[BIASED] += self.bias
        rows = products.as_strided((count, len(IN), width * outputs),
                                   ((width + step) * outputs, length * outputs, 1))
        return torch.bmm(OUT.expand(count, -1, -1), rows)


class Compiled:
    """A dense 3x3 convolution by compiled code, float32 on CPU (see fusion.fast.choice); weight [O,C,3,3]."""

    def __init__(self, convolution: CompiledConvolution):
        dilation = convolution.dilation
        self.rows, self.image = convolution.padded((0, dilation)), convolution.padded((dilation, dilation))

    def __call__(self, x: Tensor) -> Tensor:
        return self.rows(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def whole(self, x: Tensor) -> Tensor:
        """Of a whole image, zero rows around it."""
        return self.image(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def conv3(weight: Tensor, bias: Tensor | None = None, dilation: int = 1,
          parts: int = PARTS) -> Direct | Winograd | Compiled:
    """The fastest for a dense kernel [O,C,3,3]. parts: of a value on tiles, see fusion.fast.tiles."""
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return Direct(weight, bias, dilation)
    compiled = convolution_for(weight, bias, dilation=dilation, parts=parts)
    if isinstance(compiled, CompiledConvolution):
        return Compiled(compiled)
    return (Winograd if min(weight.shape[:2]) >= MINIMUM else Direct)(weight, bias, dilation)


def depthwise(weight: Tensor, bias: Tensor | None = None) -> Direct:
    """One 3x3 kernel per channel, [C,1,3,3]."""
    return Direct(weight, bias, groups=len(weight))


def point(weight: Tensor) -> Tensor:
    """1x1 convolution weight [O,C,1,1] -> [O,C], for F.linear on rows."""
    return weight.flatten(1)


def channels_last(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last)

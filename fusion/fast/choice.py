"""Which convolution is the fastest for a kernel on this machine."""

from typing import Any

from torch import Tensor

from fusion.fast.convolution import Convolution
from fusion.fast.extension import PARTS, why_no_kernels, why_no_tiles
from fusion.fast.library import LibraryConvolution
from fusion.fast.narrow import NarrowConvolution
from fusion.fast.products import ProductConvolution
from fusion.fast.tiles import TileConvolution
from fusion.fast.winograd import WinogradConvolution

LEAST = 16  # channels from which on Winograd's sums of pixels are worth their time
NARROW = 32  # channels from which on the library's time for one output is more than some hundredths of a network's


def convolution_for(weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                    dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0,
                    parts: int = PARTS) -> Convolution | None:
    """The convolution; None where a network's own is to stay. Arguments as TileConvolution takes them."""
    options: dict[str, Any] = {"padding": padding, "dilation": dilation, "borders": borders, "slope": slope}
    outputs, channels = weight.shape[:2]
    if why_no_kernels() or (parts != PARTS and why_no_tiles()):
        return None
    if parts == PARTS and channels >= NARROW and outputs == 1:
        return NarrowConvolution(weight, bias, **options)
    if parts == PARTS and weight.shape[2:] == (1, 1) and padding == (0, 0):
        return ProductConvolution(weight, bias, slope=slope)
    if parts == PARTS and channels >= LEAST and outputs > 1 and weight.shape[2:] == (3, 3):
        return WinogradConvolution(weight, bias, **options)
    if not why_no_tiles():
        return TileConvolution(weight, bias, **options, parts=parts)
    return LibraryConvolution(weight, bias, **options)

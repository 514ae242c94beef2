"""Which convolution is the fastest for a kernel on this machine."""

from typing import Any

from torch import Tensor

from fusion.fast.convolution import Convolution
from fusion.fast.extension import PARTS, why_no_kernels, why_no_tiles
from fusion.fast.library import LibraryConvolution
from fusion.fast.tiles import TileConvolution
from fusion.fast.winograd import WinogradConvolution

LEAST = 16  # channels and outputs from which on Winograd's sums of pixels are worth their time


def convolution_for(weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, int] = (0, 0),
                    dilation: int = 1, borders: str = "zeros", slope: Tensor | float = 1.0,
                    parts: int = PARTS) -> Convolution | None:
    """The convolution; None where a network's own is to stay. Arguments as TileConvolution takes them."""
    options: dict[str, Any] = {"padding": padding, "dilation": dilation, "borders": borders, "slope": slope}
    if parts == PARTS and weight.shape[2:] == (3, 3) and min(weight.shape[:2]) >= LEAST and not why_no_kernels():
        return WinogradConvolution(weight, bias, **options)
    if not why_no_tiles():
        return TileConvolution(weight, bias, **options, parts=parts)
    return None if why_no_kernels() or parts != PARTS else LibraryConvolution(weight, bias, **options)

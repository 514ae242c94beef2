"""Layer norm, GELU and weights by row and column: pointwise.cpp as functions, torch's own where it cannot run."""

from collections.abc import Callable
from ctypes import c_float, c_int64, c_void_p

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.extension import address, in_threads, kernels, summed_in_threads, why_no_kernels
from fusion.fast.layouts import channels_apart

VALUES = 1 << 16  # that a thread takes at least


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """F.layer_norm of the last dimension of [...,C]."""
    if not taken(x, weight, bias):
        return F.layer_norm(x, x.shape[-1:], weight, bias, eps)
    channels, out = x.shape[-1], torch.empty_like(x)

    def work(begin: int, end: int) -> None:
        kernels().layer_norm(row(x, begin), c_int64(end - begin), c_int64(channels), address(weight), address(bias),
                             c_float(eps), row(out, begin))

    in_parts(work, x.numel() // channels, channels)
    return out


def normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    """A layer norm of the last dimension, with weight and bias."""
    return layer_norm(x, norm.weight, norm.bias, norm.eps)


def gelu_(x: Tensor, bias: Tensor | None = None, factor: Tensor | None = None) -> Tensor:
    """F.gelu(x + bias) * factor, in x's place: x and factor [...,C], bias [C]; without those that are None."""
    given = [tensor for tensor in (bias, factor) if tensor is not None]
    if not taken(x, *given):
        x = F.gelu(x if bias is None else x + bias)
        return x if factor is None else x * factor
    channels = x.shape[-1]
    shift = torch.zeros(channels) if bias is None else bias

    def work(begin: int, end: int) -> None:
        kernels().gelu(row(x, begin), c_int64(end - begin), c_int64(channels), address(shift),
                       None if factor is None else row(factor, begin), row(x, begin))

    in_parts(work, x.numel() // channels, channels)
    return x


def weighted_apart(x: Tensor, of_pixels: Tensor, of_channels: Tensor) -> Tensor:
    """x * (of_pixels + of_channels), contiguous: x [N,C,H,W] in channels_last, weights [N,1,H,W] and [N,C,1,1]."""
    together = x.permute(0, 2, 3, 1)
    of_pixels, of_channels = of_pixels.contiguous(), of_channels.contiguous()
    if not taken(together, of_pixels, of_channels):
        return channels_apart(x * (of_pixels + of_channels))
    channels, pixels = x.shape[1], x.shape[2] * x.shape[3]
    out = torch.empty_like(x, memory_format=torch.contiguous_format)

    def work(begin: int, end: int) -> None:
        kernels().weighted_apart(*of_one, c_int64(begin), c_int64(end))

    for i in range(len(x)):
        of_one = (address(x[i]), c_int64(pixels), c_int64(channels), address(of_pixels[i]), address(of_channels[i]),
                  address(out[i]))
        in_parts(work, pixels, channels)
    return out


def axis_means(x: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Means of x * rows * columns along either axis: [H,W,C], rows [H,C], columns [W,C] -> [H,C], [W,C]."""
    height, width, channels = x.shape
    if not taken(x, rows, columns):
        weighted = x * rows[:, None] * columns
        return weighted.mean(1), weighted.mean(0)
    along_rows = torch.empty(height, channels, dtype=torch.float64)

    def measure(begin: int, end: int) -> Tensor:
        sums = torch.zeros(width, channels, dtype=torch.float64)
        kernels().axis_sums(address(x[begin]), c_int64(end - begin), c_int64(width), c_int64(channels),
                            address(rows[begin]), address(columns), address(along_rows[begin]), address(sums))
        return sums

    along_columns = summed_in_threads(measure, height, _least(width * channels))
    return (along_rows / width).float(), (along_columns / height).float()


def with_axes_weighted(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """x + x * rows * columns: [H,W,C], rows [H,C], columns [W,C]."""
    height, width, channels = x.shape
    if not taken(x, rows, columns):
        return x + x * rows[:, None] * columns
    out = torch.empty_like(x)

    def work(begin: int, end: int) -> None:
        kernels().axis_weighted(address(x[begin]), c_int64(end - begin), c_int64(width), c_int64(channels),
                                address(rows[begin]), address(columns), address(out[begin]))

    in_parts(work, height, width * channels)
    return out


def in_parts(work: Callable[[int, int], None], count: int, values: int) -> None:
    """work(begin, end) over `count` pixels or rows of so many values each, in threads that are worth it."""
    in_threads(work, count, _least(values))


def _least(values: int) -> int:
    return max(1, VALUES // values)


def taken(*tensors: Tensor) -> bool:
    """Whether compiled code can work on these."""
    return not why_no_kernels() and all(
        tensor.dtype == torch.float32 and tensor.device.type == "cpu" and tensor.is_contiguous() for tensor in tensors)


def row(x: Tensor, index: int) -> c_void_p:
    """The address of a pixel's channels, [...,C]."""
    return address(x, index * x.shape[-1])

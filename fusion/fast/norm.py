"""Batch norm with the statistics of the pictures themselves."""

from collections.abc import Sequence
from ctypes import c_int64, c_void_p

import torch
from torch import Tensor, nn

from fusion.fast.extension import address, in_threads, kernels

PIXELS = 4096  # that a thread takes at least


class PictureNorm(nn.Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias and a leaky ReLU.

    Mean and variance are over all pictures and pixels, from float64 sums: torch's own in float32 depend on the memory
    format, and in channels_last they are off by up to 1e-3 of what a network makes of them.

    Args:
        weight, bias: [C] or None.
        slope: [C] or one number; values below zero are multiplied with it: 1 changes nothing, 0 is ReLU.
    Call: [N,C,H,W] on the CPU, float32 or bfloat16 (as autocast leaves it) -> float32, the same shape in channels_last.
    No gradients.
    """

    def __init__(self, weight: Tensor | None, bias: Tensor | None, eps: float, slope: Tensor | float = 1.0):
        super().__init__()
        self.weight, self.bias, self.eps, self.slope = weight, bias, eps, torch.as_tensor(slope, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        x = _channels_together(x)
        return _normed(x, torch.empty_like(x), x.shape[1], *self._factors([x]))

    def one_by_one(self, pictures: list[Tensor], into: Sequence[Tensor] = ()) -> list[Tensor]:
        """Pictures [1,C,H,W] of one batch, normed like it.

        pictures: emptied, so that each one's memory is free as soon as it is normed.
        into: where the results go, [1,C,H,W] parts of the channels of other pictures in channels_last.
        """
        given = [_channels_together(pictures.pop(0)) for _ in range(len(pictures))]
        factors, results = self._factors(given), []
        for i in range(len(given)):
            x = given.pop(0)
            out, step = (into[i], into[i].stride(3)) if into else (torch.empty_like(x), x.shape[1])
            results.append(_normed(x, out, step, *factors))
        return results

    def _factors(self, pictures: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """(scale, shift, slope), float32 [C], from the moments of all pictures."""
        channels, pixels = pictures[0].shape[1], sum(x.numel() // x.shape[1] for x in pictures)
        mean, square = torch.stack([_moments(x) for x in pictures]).sum(0) / pixels
        scale = torch.rsqrt((square - mean * mean).clamp(min=0) + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        scale, shift, slope = (value.float().expand(channels).contiguous() for value in (scale, shift, self.slope))
        return scale, shift, slope


def _moments(x: Tensor) -> Tensor:
    """Sums of values and of squares of each channel, float64 [2,C]."""
    channels = x.shape[1]
    parts: dict[int, Tensor] = {}  # by first pixel: added in one order, whichever thread is first

    def measure(begin: int, end: int) -> None:
        sums = torch.empty(2, channels, dtype=torch.float64)
        kernels().moments(_at(x, begin * channels), c_int64(end - begin), c_int64(channels), address(sums))
        parts[begin] = sums

    in_threads(measure, x.numel() // channels, PIXELS)
    return torch.stack([parts[begin] for begin in sorted(parts)]).sum(0)


def _normed(x: Tensor, out: Tensor, step: int, scale: Tensor, shift: Tensor, slope: Tensor) -> Tensor:
    """`out`, filled; its pixels are `step` values apart."""
    channels = x.shape[1]

    def work(begin: int, end: int) -> None:
        kernels().affine(_at(x, begin * channels), c_int64(end - begin), c_int64(channels), address(scale),
                         address(shift), address(slope), _at(out, begin * step), c_int64(step))

    in_threads(work, x.numel() // channels, PIXELS)
    return out


def _channels_together(x: Tensor) -> Tensor:
    return x.float().contiguous(memory_format=torch.channels_last)


def _at(x: Tensor, value: int) -> c_void_p:
    """The address of a float32 value, counted from the first."""
    return c_void_p(x.data_ptr() + 4 * value)

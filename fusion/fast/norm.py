"""Batch norm with the statistics of the pictures themselves."""

from collections.abc import Sequence
from ctypes import c_int64

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.extension import address, in_threads, kernels, summed_in_threads

PIXELS = 4096  # that a thread takes at least


class PictureNorm(nn.Module):
    """(x - mean) / sqrt(variance + eps) * weight + bias and a leaky ReLU.

    Mean and variance are over all pictures and pixels, from float64 sums: torch's own in float32 depend on the memory
    format, and in channels_last they are off by up to 1e-3 of what a network makes of them.

    Args:
        weight, bias: [C] or None.
        slope: [C] or one number; values below zero are multiplied with it: 1 changes nothing, 0 is ReLU.
        others: channels behind these C that are rectified only.
    Call: [N,C,H,W] on the CPU, float32 or bfloat16 (as autocast leaves it) -> float32, the same shape in channels_last.
    No gradients.
    """

    def __init__(self, weight: Tensor | None, bias: Tensor | None, eps: float, slope: Tensor | float = 1.0,
                 others: int = 0):
        super().__init__()
        self.weight, self.bias, self.eps, self.slope = weight, bias, eps, torch.as_tensor(slope, dtype=torch.float32)
        self.others = others

    def forward(self, x: Tensor) -> Tensor:
        x = _channels_last(x)
        return affine(x, *self._factors([x]))

    def one_by_one(self, pictures: list[Tensor], into: Sequence[Tensor] = ()) -> list[Tensor]:
        """Pictures [1,C,H,W] of one batch, normed like it.

        pictures: emptied, so that each one's memory is free as soon as it is normed.
        into: where the results go, one for each (see affine).
        """
        given = [_channels_last(pictures.pop(0)) for _ in range(len(pictures))]
        factors = self._factors(given)
        return [affine(given.pop(0), *factors, into[i] if into else None) for i in range(len(given))]

    def _factors(self, pictures: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """(scale, shift, slope), float32 [C], from the moments of all pictures."""
        channels, pixels = pictures[0].shape[1], sum(x.numel() // x.shape[1] for x in pictures)
        moments = torch.stack([_moments(x) for x in pictures]).sum(0) / pixels
        mean, square = moments[:, :channels - self.others]
        scale = torch.rsqrt((square - mean * mean).clamp(min=0) + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        scale, shift = F.pad(scale, (0, self.others), value=1.0), F.pad(shift, (0, self.others))
        scale, shift, slope = (value.float().expand(channels).contiguous() for value in (scale, shift, self.slope))
        return scale, shift, slope


def _moments(x: Tensor) -> Tensor:
    """Sums of values and of squares of each channel, float64 [2,C]."""
    channels = x.shape[1]

    def measure(begin: int, end: int) -> Tensor:
        sums = torch.empty(2, channels, dtype=torch.float64)
        kernels().moments(address(x, begin * channels), c_int64(end - begin), c_int64(channels), address(sums))
        return sums

    return summed_in_threads(measure, x.numel() // channels, PIXELS)


def affine(x: Tensor, scale: Tensor, shift: Tensor, slope: Tensor, into: Tensor | None = None) -> Tensor:
    """x * scale + shift and a leaky ReLU.

    x: float32 [N,C,H,W] in channels_last on the CPU. scale, shift, slope: float32 [C].
    into: where the result goes, [1,C,H,W] part of the channels of a picture in channels_last; None: a new [N,C,H,W].
    """
    channels = x.shape[1]
    out, step = (torch.empty_like(x), channels) if into is None else (into, into.stride(3))

    def work(begin: int, end: int) -> None:
        kernels().affine(address(x, begin * channels), c_int64(end - begin), c_int64(channels), address(scale),
                         address(shift), address(slope), address(out, begin * step), c_int64(step))

    in_threads(work, x.numel() // channels, PIXELS)
    return out


def _channels_last(x: Tensor) -> Tensor:
    return x.float().contiguous(memory_format=torch.channels_last)

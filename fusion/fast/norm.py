"""Batch norm with the statistics of the pictures themselves."""

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
        x = x.float().contiguous(memory_format=torch.channels_last)
        channels, pixels = x.shape[1], x.numel() // x.shape[1]
        parts: dict[int, Tensor] = {}  # by first pixel: added in one order, whichever thread is first

        def measure(begin: int, end: int) -> None:
            sums = torch.empty(2, channels, dtype=torch.float64)
            kernels().moments(_at(x, begin), c_int64(end - begin), c_int64(channels), address(sums))
            parts[begin] = sums

        in_threads(measure, pixels, PIXELS)
        mean, square = torch.stack([parts[begin] for begin in sorted(parts)]).sum(0) / pixels
        scale = torch.rsqrt((square - mean * mean).clamp(min=0) + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias
        scale, shift, slope = (value.float().expand(channels).contiguous() for value in (scale, shift, self.slope))
        out = torch.empty_like(x)

        def normalise(begin: int, end: int) -> None:
            kernels().affine(_at(x, begin), c_int64(end - begin), c_int64(channels), address(scale), address(shift),
                             address(slope), _at(out, begin))

        in_threads(normalise, pixels, PIXELS)
        return out


def _at(x: Tensor, pixel: int) -> c_void_p:
    """The address of a pixel's first channel in a tensor in channels_last."""
    return address(x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])[pixel:])

"""Products of pixels [...,C] with a matrix, and what is added or rectified around them in the same step."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.fast.extension import why_no_kernels
from fusion.fast.products import ProductConvolution


class Linear:
    """F.linear of what is joined, plus `added`, through a leaky ReLU; compiled where code can be, of float32 alone.

    Args:
        weight: [O,C]. bias: [O] or None. slope: values below zero are multiplied with it; 1 changes nothing.
    Call: [...,C_i] with sum C_i = C; added: [...,O]; out: contiguous [...,O], which then is the result.
    Raises: ValueError for an `out` that is not contiguous.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, slope: float = 1.0):
        self.weight, self.bias, self.slope = weight, bias, slope
        compiled = weight.device.type == "cpu" and weight.dtype == torch.float32 and not why_no_kernels()
        self.product = ProductConvolution(weight[:, :, None, None], bias, slope=slope) if compiled else None

    def __call__(self, *x: Tensor, added: Tensor | None = None, out: Tensor | None = None) -> Tensor:
        given = [tensor for tensor in (*x, added, out) if tensor is not None]
        if self.product is None or any(tensor.dtype != torch.float32 for tensor in given):
            return self._by_torch(x, added, out)  # autocast's bfloat16 too: compiled code would write float32 there
        if out is None:
            out = x[0].new_empty(*x[0].shape[:-1], len(self.weight))
        elif not out.is_contiguous():
            raise ValueError(f"a result cannot be made in {tuple(out.shape)} with steps {out.stride()}")
        self.product(*map(_picture, x), added=None if added is None else _picture(added), out=_picture(out))
        return out

    def _by_torch(self, x: tuple[Tensor, ...], added: Tensor | None, out: Tensor | None) -> Tensor:
        y = F.linear(torch.cat(x, dim=-1) if len(x) > 1 else x[0], self.weight, self.bias)
        if added is not None:
            y += added
        if self.slope != 1:
            y = F.leaky_relu_(y, self.slope)
        return y if out is None else out.copy_(y)


def _picture(pixels: Tensor) -> Tensor:
    """[...,C] -> [1,C,pixels,1] of the same memory."""
    return pixels.flatten(0, -2).t()[None, :, :, None]


def each_by(linears: list[Linear], x: Tensor, added: Tensor | None = None) -> Tensor:
    """Every image of [B,...,C] by the one of B that is its own -> [B,...,O]."""
    addends = [None] * len(x) if added is None else list(added.split(1))
    done = [linear(image, added=addend) for linear, image, addend in zip(linears, x.split(1), addends)]
    return torch.cat(done) if len(done) > 1 else done[0]

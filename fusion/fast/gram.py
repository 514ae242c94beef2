"""Channel attention on rows: the products of queries and keys over all pixels first, softmax and values after that."""

from collections.abc import Callable
from ctypes import c_int64

import torch
from torch import Tensor

from fusion.fast.extension import address, kernels, summed_in_threads
from fusion.fast.maps import Maps
from fusion.fast.pointwise import taken
from fusion.fast.streams import Stream, pixels

PIXELS = 1024  # that a thread takes at least
MULTIPLE = 4  # of which compiled code takes that many channels of a head


def by_head(heads: int, *weights: Tensor) -> Tensor:
    """Rows of several weights [C,...], those of one head side by side: the order that Gram matrices want."""
    return torch.cat([weight.unflatten(0, (heads, -1)) for weight in weights], dim=1).flatten(0, 1)


def gram(maps: Maps, x: Tensor, heads: int, work: Callable[[Stream, Tensor], Tensor]) -> Tensor:
    """Products of the channels of work(stream, rows of x) over all pixels, head by head: [B,heads,n,n], float64.

    The channels lie as in by_head. Pixels of a chunk (in compiled code: of a part of it) are summed in float32, chunks
    in float64.
    """
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for chunk, in (stream := Stream(maps, x)):
        total = total + products(pixels(work(stream, chunk)).float(), heads)
    return total


def products(x: Tensor, heads: int) -> Tensor:
    """Products of the channels of one head over the pixels of [B,N,heads*n]: [B,heads,n,n], float64."""
    side = x.shape[-1] // heads
    if side % MULTIPLE or not taken(x):
        y = x.unflatten(-1, (heads, -1))
        return (y.permute(0, 2, 3, 1) @ y.permute(0, 2, 1, 3)).double()
    return torch.stack([_of_one(image, heads, side) for image in x])


def _of_one(x: Tensor, heads: int, side: int) -> Tensor:
    """[N,heads*n] -> [heads,n,n]."""
    def measure(begin: int, end: int) -> Tensor:
        sums = x.new_zeros(heads, side, side, dtype=torch.float64)
        kernels().gram(address(x[begin]), c_int64(end - begin), c_int64(heads), c_int64(side), address(sums))
        return sums

    return summed_in_threads(measure, len(x), PIXELS)


def attention(products: Tensor, parts: int, q: int, k: int, temperature: Tensor) -> Tensor:
    """Block-diagonal softmax matrix A [B,C,C] (float64); the attention's output is A v at every pixel.

    products: [B,heads,n,n] of gram. parts: how many weights by_head joined; q, k: which of them made queries and keys.
    """
    lengths = products.diagonal(dim1=-2, dim2=-1).sqrt().clamp_min(1e-12)  # F.normalize's epsilon
    cosine = products / (lengths[..., None] * lengths[..., None, :])
    cosine = cosine.unflatten(-1, (parts, -1)).unflatten(-3, (parts, -1))[:, :, q, :, k]
    weights = (cosine * temperature.double()).softmax(-1)
    return torch.stack([torch.block_diag(*image) for image in weights])

"""Channel attention on rows: the products of queries and keys over all pixels first, softmax and values after that."""

from collections.abc import Callable

import torch
from torch import Tensor

from fusion.fast.maps import Maps
from fusion.fast.streams import Stream, pixels


def by_head(heads: int, *weights: Tensor) -> Tensor:
    """Rows of several weights [C,...], those of one head side by side: the order that Gram matrices want."""
    return torch.cat([weight.unflatten(0, (heads, -1)) for weight in weights], dim=1).flatten(0, 1)


def gram(maps: Maps, x: Tensor, heads: int, work: Callable[[Stream, Tensor], Tensor]) -> Tensor:
    """Products of the channels of work(stream, rows of x) over all pixels, head by head: [B,heads,n,n], float64.

    The channels lie as in by_head. Pixels of a chunk are summed in float32, chunks in float64.
    """
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for chunk, in (stream := Stream(maps, x)):
        y = pixels(work(stream, chunk)).unflatten(-1, (heads, -1)).float()
        total = total + (y.permute(0, 2, 3, 1) @ y.permute(0, 2, 1, 3)).double()
    return total


def attention(products: Tensor, parts: int, q: int, k: int, temperature: Tensor) -> Tensor:
    """Block-diagonal softmax matrix A [B,C,C] (float64); the attention's output is A v at every pixel.

    products: [B,heads,n,n] of gram. parts: how many weights by_head joined; q, k: which of them made queries and keys.
    """
    lengths = products.diagonal(dim1=-2, dim2=-1).sqrt().clamp_min(1e-12)  # F.normalize's epsilon
    cosine = products / (lengths[..., None] * lengths[..., None, :])
    cosine = cosine.unflatten(-1, (parts, -1)).unflatten(-3, (parts, -1))[:, :, q, :, k]
    weights = (cosine * temperature.double()).softmax(-1)
    return torch.stack([torch.block_diag(*image) for image in weights])

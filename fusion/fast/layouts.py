"""Maps [N,C,H,W] from one order in memory to the other.

torch copies a matrix to its transposed in blocks that stay in the cache, and a picture of three dimensions not: as
matrices [C,H*W] maps take a third of the time.
"""

import torch
from torch import Tensor


def channels_together(maps: Tensor) -> Tensor:
    """[N,C,H,W] with the channels of a pixel in a row: itself, or a copy in channels_last."""
    if maps.stride(1) == 1 or maps.shape[1] == 1:
        return maps
    together = torch.empty_like(maps, memory_format=torch.channels_last)
    for picture, into in zip(maps, together):
        into.flatten(1).T.copy_(picture.flatten(1).T)
    return together


def channels_apart(maps: Tensor) -> Tensor:
    """[N,C,H,W], contiguous: itself, or a copy."""
    if maps.is_contiguous():
        return maps
    apart = torch.empty_like(maps, memory_format=torch.contiguous_format)
    for picture, into in zip(maps, apart):
        into.flatten(1).copy_(picture.flatten(1))
    return apart

"""Faster ways to the same numbers, for every network.

`accelerate(network)` is what others need, `how()` says what it does on this machine. Blocks that have a faster form
(`faster`, `Form`) work on a few rows at a time, so that what lies between their steps stays in the cache: `in_chunks`
where rows are alone, fusion.fast.streams where 3x3 convolutions need their neighbours, fusion.fast.gram where channels
attend to one another over all pixels, fusion.fast.attention where pixels of a window do.
Dense 3x3 convolutions go Winograd's way, those of one output and 1x1 ones are products of pixels, others run on a CPU's
bfloat16 tiles, where there are any, without copies between; where there is no compiler they stay as they are.
"""

from fusion.fast.accelerate import accelerate
from fusion.fast.extension import PARTS, PLAIN, how, why_no_kernels
from fusion.fast.forms import Form, faster, in_chunks, unpadded
from fusion.fast.norm import PictureNorm, affine

__all__ = ["PARTS", "PLAIN", "Form", "PictureNorm", "accelerate", "affine", "faster", "how", "in_chunks",
           "unpadded", "why_no_kernels"]

"""Faster ways to the same numbers, for every network: dense convolutions on a CPU's bfloat16 tiles, no copies between.

`accelerate(network)` is what others need, `how()` says what it does on this machine. A network that cannot be read
stays as it is, and so do all on a machine that has no such tiles or no compiler.
"""

from fusion.fast.accelerate import accelerate
from fusion.fast.extension import PLAIN, how

__all__ = ["PLAIN", "accelerate", "how"]

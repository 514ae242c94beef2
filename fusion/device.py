"""A method's device: pictures there and back, its memory, and how many pictures of one size it takes at once.

On a GPU a network of small pictures leaves most of it idle, so that as many as fit go through together. A CPU is busy
with one, and several only push one another out of its caches: there it is always one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fusion.method import Method, MethodError

SHARE = 0.7  # of the free memory: work space does not grow evenly, and other processes come and go
MOST = 32  # pictures at once: beyond this a GPU is busy, and what is lost when a run is killed grows
MIB = 2**20

Pictures = tuple[np.ndarray, np.ndarray]


def on_gpu(device: str | torch.device) -> bool:
    return torch.device(device).type == "cuda"


def host_memory(shape: Sequence[int], device: str | torch.device) -> Tensor:
    """Uninitialised float32 on the host; pinned for a GPU, which then copies by itself, at the bus's full speed."""
    return torch.empty(*shape, pin_memory=True) if on_gpu(device) else torch.empty(*shape)


def to_device(images: Sequence[np.ndarray], device: str | torch.device) -> Tensor:
    """N float32 pictures [H,W] -> [N,1,H,W] on `device`."""
    host = host_memory((len(images), 1, *images[0].shape), device)
    for place, image in zip(host, images, strict=True):
        place[0] = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
    return host.to(device, non_blocking=True)  # the work on it follows in the same stream


def to_host(tensor: Tensor) -> np.ndarray:
    """A tensor on any device -> float32 array on the host."""
    if not on_gpu(tensor.device):
        return tensor.float().numpy()
    return host_memory(tensor.shape, tensor.device).copy_(tensor).numpy()


class Memory(Protocol):
    """A device's memory, in bytes."""

    def free(self) -> int:
        """What this process could still take."""

    def taken_by(self, work: Callable[[], None]) -> int:
        """Do the work: what it took at most, above what was held before it."""

    def give_back(self) -> None:
        """Leave to others what is kept but not used."""


@dataclass(frozen=True)
class GPUMemory:
    """A GPU's memory, by torch's allocator: what that keeps without using it counts as free."""

    device: torch.device

    def free(self) -> int:
        kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(torch.cuda.mem_get_info(self.device)[0] + kept)

    def taken_by(self, work: Callable[[], None]) -> int:
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device)
        work()
        return int(torch.cuda.max_memory_allocated(self.device) - before)

    def give_back(self) -> None:
        torch.cuda.empty_cache()


def memory_of(device: str | torch.device) -> Memory | None:
    """The memory that decides how many pictures go through at once; None where it is always one."""
    return GPUMemory(torch.device(device)) if on_gpu(device) else None


class Batches:
    """Pairs of one size, each fused as if it were alone, as many at once as the device's memory takes.

    The first pair goes alone, and what it takes says how many of any size may follow. Where memory ends all the same,
    half as many are tried.

    most_at_once: the largest number that went through together so far.
    """

    def __init__(self, method: Method, memory: Memory | None, canvas: tuple[int, int]):
        """canvas: as `Method.fuse_batch` takes it, which fuses where it is always one."""
        self._method, self._memory, self._canvas = method, memory if method.several else None, canvas
        self._limit, self._a_pixel, self.most_at_once = MOST, 0.0, 0

    def count(self, height: int, width: int) -> int:
        """How many pairs of this size are to be given to `fuse` next."""
        if self._memory is None or not self._a_pixel:
            return 1
        return max(1, min(self._limit, int(SHARE * self._memory.free() / (self._a_pixel * height * width))))

    def fuse(self, pairs: Sequence[Pictures]) -> list[np.ndarray]:
        """Fused pictures of pairs of one size. Raises MethodError where the memory does not take a single pair."""
        if self._memory is None:
            self.most_at_once = max(self.most_at_once, 1)
            return self._method.fuse_batch(pairs, self._canvas)
        fused = self._at_once(pairs, self._memory)
        if fused is not None:
            return fused
        self._memory.give_back()
        if len(pairs) == 1:
            height, width = pairs[0][0].shape
            raise MethodError(f"{self._method.name}: the device's memory does not take a pair of {width}x{height} "
                              f"({self._memory.free() / MIB:.0f} MiB are free): end what else runs on it, or give "
                              "--device cpu")
        self._limit = half = len(pairs) // 2
        return [*self.fuse(pairs[:half]), *self.fuse(pairs[half:])]

    def _at_once(self, pairs: Sequence[Pictures], memory: Memory) -> list[np.ndarray] | None:
        """None where memory ended: nothing of the attempt may be held while the next one is made."""
        fused: list[np.ndarray] = []
        try:
            taken = memory.taken_by(lambda: fused.extend(self._method.fuse_several(pairs)))
        except torch.OutOfMemoryError:
            return None
        pixels = len(pairs) * pairs[0][0].size
        self._a_pixel = max(self._a_pixel, taken / pixels)
        self.most_at_once = max(self.most_at_once, len(pairs))
        return fused

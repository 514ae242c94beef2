"""Peak memory of what this process does, piece by piece, and the memory that is free."""

import ctypes
import gc
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
MUCH = 2 * 2**30  # bytes of a worker that gives back what it does not use before the next picture
_INTERVAL = 0.02  # seconds between looks where the system keeps no peak that can be reset


class Peak:
    """Highest resident memory from now on: of what follows, with the libraries that are loaded.

    What earlier work left in the allocator is given back first. how: "reset" where the system's own high-water mark
    began anew (Linux), else "sampled": looked at every 20 ms.
    """

    def __init__(self) -> None:
        give_back()
        self.how = "reset" if _reset() else "sampled"
        self._highest, self._ended = _resident(), threading.Event()
        if self.how == "sampled":
            threading.Thread(target=self._look, daemon=True).start()

    def mib(self) -> int:
        """In MiB; ends the looking."""
        self._ended.set()
        if self.how == "reset":
            self._highest = _high_water()
        self._highest = max(self._highest, _resident())
        return self._highest // 2**20

    def _look(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._highest = max(self._highest, _resident())


def give_back() -> None:
    """glibc keeps freed blocks (suite.executors.spawn.ALLOCATOR): they would count as the next unit's,
    and be missing for another worker's."""
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except AttributeError:  # another C library
            pass


def give_back_if_much() -> None:
    """`give_back` where this process holds MUCH.

    Pictures of many sizes split the heap: MFEIF held twice as much after ten of them as it needs for the largest. Doing
    it always costs a fifth of the time, since every page is then asked for again.
    """
    if _resident() > MUCH:
        give_back()


def _reset() -> bool:
    """Whether VmHWM begins anew: writing is refused in some containers, and some kernels take it without effect."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return _high_water() <= _resident() + 2**20


def _high_water() -> int:
    """In bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def free_memory() -> int:
    """Bytes that new work may take: what the system has, no more than what a container's limit leaves."""
    return min([int(psutil.virtual_memory().available), *_left_by_limits()])


def _left_by_limits() -> Iterator[int]:
    """Of control groups, version 2 and 1. Cached files count as taken there, but are given back on demand."""
    for folder, most, taken, cached in (("", "memory.max", "memory.current", "inactive_file"),
                                        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                                         "total_inactive_file")):
        at = CGROUPS / folder
        try:
            limit, usage = (int((at / name).read_text()) for name in (most, taken))
            lines = (at / "memory.stat").read_text().splitlines()
        except (OSError, ValueError):  # no such group, or "max"
            continue
        files = sum(int(line.split()[1]) for line in lines if line.split()[:1] == [cached])
        yield max(0, limit - usage + files)

"""Processes that are started beside this one: variables that libraries read, no Ctrl-C, none outlives its parent."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

# glibc gives big blocks back to the system after every layer and pays for fresh pages at the next: keeping them
# halves a network's time on a CPU (DIDFuse, 301x496: 3.9 s -> 2.2 s on one core).
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
    """A process started inside never sees Ctrl-C: stopping is the parent's business. Works in any thread."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def main_hidden() -> Iterator[None]:
    """A process started inside does not run the user's script again, which may have no main guard."""
    main = sys.modules["__main__"]
    kept = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    try:
        for name in kept:
            setattr(main, name, None)
        if "__file__" in kept:
            del main.__file__
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


@contextlib.contextmanager
def variables_set(variables: dict[str, str]) -> Iterator[None]:
    """Variables that libraries read at start-up, for a process started inside; a thread number that is set stays."""
    before = {name: os.environ.get(name) for name in variables}
    kept = {"OMP_NUM_THREADS"} & set(os.environ)
    os.environ.update({name: value for name, value in variables.items() if name not in kept})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def die_with_parent() -> None:
    """A killed run must not leave a training behind that writes into OUT (Linux; elsewhere the pipe's end tells)."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

"""How much memory a fuse unit will take: from a dry run of its method on noise of two small sizes, in its own process.

Memory grows with the picture, by a line at most as steep as the one through both sizes: what is loaded and buffers of a
fixed size are in both. It is an estimate: a library may choose another algorithm for a larger picture.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from core.files import sha256_of
from core.plugins import folders, load_folders
from fusion.method import FLOAT32, methods
from suite.executors.spawn import ALLOCATOR, die_with_parent, interrupts_blocked, main_hidden, variables_set
from suite.memory import Peak
from suite.stages import Context
from suite.stages.fuse import Fusing, fusing, load
from suite.unit import Unit

SHRUNK = (4, 2)  # the sides of the noise are these parts of the largest picture's
_LEAST = 64  # pixels of a side: smaller noise says nothing of a network
# Bytes a pixel of a batch that no method here comes near (TarDAL, DIDFuse: some 7,000): where they fit, a unit does.
CEILING = 32 * 1024


@dataclass(frozen=True)
class Look:
    """A dry run. sizes: (height, width) of the noise; took: bytes above the idle process for each."""

    sizes: tuple[tuple[int, int], ...]
    took: tuple[int, ...]

    def at(self, height: int, width: int) -> int:
        """Bytes for pictures of this size, on the line through both looks, and no less than was seen."""
        (few, many), (low, high) = (h * w for h, w in self.sizes), self.took
        if many <= few:
            return max(self.took)
        return int(max(high + (high - low) / (many - few) * (height * width - many), low, high))


FAILED = Look((), ())


def can_be_looked_at(unit: Unit) -> bool:
    """Whether a dry run tells: not of brought pictures, of an object, or of a network that is yet to be trained."""
    work = unit.work
    return isinstance(work, Fusing) and work.brought is None and work.instance is None and not work.network


def batch(unit: Unit) -> int:
    """Pictures that are held together."""
    work = fusing(unit)
    return min(work.batch_size, len(work.pairs.pairs))


def ceiling(unit: Unit) -> int:
    """Bytes that the unit surely stays below."""
    work = fusing(unit)
    return CEILING * batch(unit) * work.pairs.canvas[0] * work.pairs.canvas[1]


def looks(units: Sequence[Unit], known: MutableMapping[str, list[Any]], out: Path, threads: int,
          progress: Callable[[int, int], None]) -> dict[str, Look | None]:
    """Unit key -> its dry run, None where the process was killed at it; no key where the method itself failed.

    Args:
        units: those that can be looked at. known: memory of earlier looks, extended. threads: of the workers.
    """
    keys = {unit.key: _known_as(unit, threads) for unit in units}
    found: dict[str, Look | None] = {}
    for unit in units:
        remembered = _remembered(known.get(keys[unit.key]))
        if remembered is not None:
            found[unit.key] = remembered
    missing = [unit for unit in units if unit.key not in found]
    for done, (unit, look) in enumerate(_in_a_process(missing, out, threads), 1):
        progress(done, len(missing))
        if look == FAILED:
            continue
        found[unit.key] = look
        if look is not None:
            known[keys[unit.key]] = [[list(size) for size in look.sizes], list(look.took)]
    return found


def _remembered(entry: Any) -> Look | None:
    """A look as `known` holds it; None for anything else: OUT may be somebody else's."""
    try:
        ((h0, w0), (h1, w1)), (low, high) = entry
        return Look(((int(h0), int(w0)), (int(h1), int(w1))), (int(low), int(high)))
    except (TypeError, ValueError, OverflowError):
        return None


def sizes_for(canvas: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """(height, width) of the noise for pictures of `canvas`."""
    return tuple((max(_LEAST, canvas[0] // part), max(_LEAST, canvas[1] // part)) for part in SHRUNK)


def _known_as(unit: Unit, threads: int) -> str:
    work = fusing(unit)
    decides = [unit.method, unit.code, work.protocol, work.version, batch(unit), list(work.digests),
               sizes_for(work.pairs.canvas), version("torch"), threads,
               *([work.precision] if work.precision != FLOAT32 else [])]
    return f"dry run {sha256_of(decides)}"


def _in_a_process(units: Sequence[Unit], out: Path, threads: int) -> Iterator[tuple[Unit, Look | None]]:
    """Each unit with its look; the process that was killed at one is followed by another for the rest."""
    waiting = list(units)
    context = multiprocessing.get_context("spawn")
    while waiting:
        connection, theirs = context.Pipe()
        process = context.Process(target=_look_at_all, args=(theirs, folders(), waiting, out), daemon=True)
        with variables_set({"OMP_NUM_THREADS": str(threads), **ALLOCATOR}), interrupts_blocked(), main_hidden():
            process.start()
        theirs.close()
        try:
            while waiting:
                look = connection.recv()
                yield waiting.pop(0), look
        except (EOFError, OSError):
            process.join()
            yield waiting.pop(0), None if process.exitcode == -signal.SIGKILL else FAILED
        finally:
            connection.close()
            if process.is_alive():
                process.terminate()
            process.join()


def _look_at_all(connection: Connection, plugins: tuple[Path, ...], units: Sequence[Unit], out: Path) -> None:
    die_with_parent()
    load_folders(plugins)
    methods()  # loads the libraries, which an idle worker holds too
    import torch  # noqa: F401

    for unit in units:
        try:
            look = _look(unit, out)
        except Exception:  # the unit itself will say what is wrong
            look = FAILED
        connection.send(look)


def _look(unit: Unit, out: Path) -> Look:
    work, rng = fusing(unit), np.random.default_rng(0)
    before = Peak().mib()
    first = Peak()  # the smaller size counts what is loaded, as a unit's own peak does
    method = load(unit, Context(out=out, device="cpu", environment={}))
    took: list[int] = []
    for height, width in sizes_for(work.pairs.canvas):
        peak = Peak() if took else first
        pictures = [(rng.random((height, width), dtype=np.float32), rng.random((height, width, 3), dtype=np.float32))
                    for _ in range(batch(unit))]
        method.fuse_batch(pictures, (height, width))
        took.append(max(0, peak.mib() - before) * 2**20)
    return Look(sizes_for(work.pairs.canvas), tuple(took))

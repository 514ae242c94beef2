"""What the open units of a plan ask of this machine: how long they are and how much memory they take."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from suite.costs import chains, cost
from suite.dry_run import Look, batch, can_be_looked_at, ceiling, looks
from suite.executors.queue import Demand
from suite.memory import free_memory
from suite.stages.fuse import fusing
from suite.unit import Unit

WORKER = 600 * 2**20  # bytes of an idle worker, and of a stage that is not estimated: scoring takes some 20 MiB more
MIB = 2**20
# The heap is split by pictures of different sizes: over the first six of TNO, DIDFuse took 2.1 times its estimate and
# DenseFuse .9 times; over two, U2Fusion 1.5 times. Beside another, a unit counts so many times its estimate; whether it
# fits alone is asked of the estimate itself.
SPREAD = 2


def lengths(units: Sequence[Unit]) -> dict[str, Demand]:
    """Unit key -> how long it is; nothing is said of memory."""
    return {key: Demand(length) for key, length in chains(units, {unit.key: cost(unit) for unit in units}).items()}


def room_for(jobs: int, memory: float | None) -> float:
    """Bytes for units that run together.

    Args:
        jobs: workers, whose own share comes off it. memory: GiB that the user allows, None for what is free now.
    """
    return max(0.0, (free_memory() if memory is None else memory * 2**30) - max(1, jobs) * WORKER)


def uncertain(units: Sequence[Unit], jobs: int, room: float) -> list[Unit]:
    """The fuse units that might not fit: one for each worker, at what no method needs, are more than the room."""
    return [unit for unit in units if can_be_looked_at(unit) and ceiling(unit) * max(1, jobs) > room]


def with_memory(demands: dict[str, Demand], units: Sequence[Unit], known: MutableMapping[str, list[Any]], *, out: Path,
                jobs: int, threads: int, room: float, progress: Callable[[int, int], None]) -> dict[str, Demand]:
    """`demands` with the memory of the fuse units of which a dry run can tell; all others ask for none.

    Args:
        known: memory of earlier dry runs, extended. threads: of a worker. room: bytes for units that run together.
    """
    doubtful = uncertain(units, jobs, room)
    seen = looks(doubtful, known, out, threads, progress)
    found = dict(demands)
    for unit in units:
        if unit.key in seen:
            found[unit.key] = _looked_at(found[unit.key], unit, seen[unit.key], room)
        elif can_be_looked_at(unit) and unit not in doubtful:
            found[unit.key] = replace(found[unit.key], memory=ceiling(unit))
    return found


def _looked_at(demand: Demand, unit: Unit, look: Look | None, room: float) -> Demand:
    """look: None where the process was killed at it."""
    work = fusing(unit)
    height, width = work.pairs.canvas
    needs = inf if look is None else look.at(height, width)
    amount = "more memory than there was for a dry run" if look is None else f"about {needs / MIB:.0f} MiB"
    seen = "" if look is None else f"; estimated from a dry run on {' and '.join(f'{w}x{h}' for h, w in look.sizes)}"
    together = batch(unit)
    what = f"{together} pictures" if together > 1 else "a picture"
    return replace(demand, memory=needs if needs > room else min(SPREAD * needs, room), told=(
        f"needs {amount} for {what} of {width}x{height}{seen}; {room / MIB:.0f} MiB are free for it: end other "
        f"programs, take a machine with more memory, or insist with --memory GIB"))

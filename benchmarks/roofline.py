"""How fast a network's arithmetic can be on this CPU, beside how fast it is: a roofline for every method.

    python -m benchmarks.roofline [--methods smfnet,ydtr] [--size 480x640] [--authors DIR] [--repeats 1]
                                  [--markdown FILE]

One thread, float32. What the network asks for as its authors wrote it (GFLOP, functions, GB) is counted without a pixel
(`benchmarks.operations`), what a core reaches is measured (`benchmarks.machine`). An operation takes at least

    max(FLOP / rate of its kind + functions / rate of functions, bytes / bandwidth)

and a network at least the sum over its operations. Three such bounds:

* memory: every operation through the memory, as eager code runs; 3x3 convolutions at the rate of torch's, all else at
  the peak, which is the better of a large matrix product and torch's 3x3 convolution. A map that the last cache keeps
  from one operation to the next comes faster: for small pictures this is no bound.
* cache: every operation from the cache, as code would run that takes a piece through all steps; 3x3 convolutions
  at the rate of this project's (of `winograd.cpp`, in products of the direct way).
* products: convolutions, matrix products and the products of attention at these rates, all else for nothing.

The last two take few channels, short rows and borders for as good as 64 channels and large matrices: no code reaches
them there. A form that leaves arithmetic out (`fusion.fast.forms`) or multiplies on tiles (AMX) may go below them.
Measured are CPU seconds of a picture, the fastest of --repeats after one that warms up, each form in a process of its
own (`benchmarks.method_timing`). "At best" is a measured time over the cache's and the products' bound: how many times
as fast the same arithmetic could be.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil
import torch

from benchmarks import machine as machines
from benchmarks.authors import why_not
from benchmarks.machine import Machine
from benchmarks.method_forms import FORMS, constructed, networks, plain
from benchmarks.method_table import NOTHING, cpu
from benchmarks.method_timing import Conditions, in_own_process
from benchmarks.methods import SHARE, size
from benchmarks.operations import KINDS, Operation, counted
from core.names import nearest
from fusion.method import find

HEADER = ("method", "GFLOP", "G functions", "GB", "FLOP / byte", "bounds s: memory, cache, products",
          "CPU s: authors, plain, ours", "plain / memory", "ours / cache", "plain / ours",
          "plain at best: cache, products", "authors at best: cache, products")


def operations_of(name: str, height: int, width: int) -> list[Operation]:
    """Of one picture by the network as its authors wrote it."""
    method = constructed(name)
    channels = getattr(method, "channels", (1, 1))
    return counted(plain(method), *(torch.zeros(1, each, height, width) for each in channels))


def seconds_of(name: str, height: int, width: int, conditions: Conditions) -> list[float | None]:
    """CPU seconds of the authors' form, of plain and of ours; None where one does not run."""
    found: list[float | None] = []
    for which in FORMS:
        missing = which == "authors" and why_not(conditions.authors, name, height, width)
        sample = None if missing else in_own_process(name, which, height, width, conditions)
        found.append(min(sample.cpu) if sample and not sample.failed else None)
    return found


def cells(name: str, operations: Sequence[Operation], machine: Machine, seconds: Sequence[float | None]) -> list[str]:
    """A row under HEADER."""
    flop, functions, moved = (sum(getattr(each, what) for each in operations)
                              for what in ("flop", "functions", "bytes"))
    memory, cache, products = machine.bounds(operations)
    theirs, eager, ours = seconds
    return [find(name).card.title, _of(flop), _of(functions), _of(moved), _number(flop / moved),
            ", ".join(map(_number, (memory, cache, products))), ", ".join(map(_number, seconds)),
            _ratio(eager, memory), _ratio(ours, cache), _ratio(eager, ours),
            *(f"{_ratio(time, cache)}, {_ratio(time, products)}" for time in (eager, theirs))]


def kind_cells(name: str, operations: Sequence[Operation], machine: Machine) -> list[str]:
    """A row of the second table: each kind's GFLOP, GB and seconds of the bounds memory and cache."""
    row = [find(name).card.title]
    for kind in KINDS:
        those = [each for each in operations if each.kind == kind]
        memory, cache, _ = machine.bounds(those)
        figures = (sum(each.flop for each in those) / 1e9, sum(each.bytes for each in those) / 1e9, memory, cache)
        row.append(", ".join(map(_number, figures)) if those else NOTHING)
    return row


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"| {' | '.join(header)} |\n|---{'|---:' * (len(header) - 1)}|\n{lines}"


def reached(machine: Machine) -> str:
    """The core's rates in a line."""
    return (f"{cpu()}, one core, torch {torch.__version__}. GFLOP/s: {_of(machine.matrix)} matrix product, "
            f"{_of(machine.direct)} torch's 3x3 convolution, {_of(machine.winograd)} this project's; "
            f"{_of(machine.functions)} G functions/s; GB/s: {_of(machine.memory)} memory, {_of(machine.cache)} cache")


def _number(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _of(value: float) -> str:
    """In thousand millions."""
    return _number(value / 1e9)


def _ratio(slow: float | None, fast: float | None) -> str:
    return f"{slow / fast:.2f}" if slow and fast else NOTHING


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", help="comma-separated; default: all networks")
    parser.add_argument("--size", default="480x640", help="height x width")
    parser.add_argument("--authors", type=Path, help="folder of the authors' checkouts, to measure them too")
    parser.add_argument("--repeats", type=int, default=1, help="timed pictures of each form")
    parser.add_argument("--markdown", type=Path, help="where the tables go beside the screen, anew after every row")
    given = parser.parse_args()
    known = networks()
    chosen = given.methods.split(",") if given.methods else known
    for name in chosen:
        if name not in known:
            parser.error(f"no network {name!r}{nearest(name, known)}")
    torch.set_num_threads(1)
    with torch.inference_mode():
        machine = machines.measured()
    memory = int(SHARE * psutil.virtual_memory().available / 2**20)
    conditions = Conditions(threads=1, repeats=given.repeats, authors=given.authors, memory=memory)
    rows, kinds, text = [], [], ""
    for name in chosen:
        operations = operations_of(name, *size(given.size))
        rows.append(cells(name, operations, machine, seconds_of(name, *size(given.size), conditions)))
        kinds.append(kind_cells(name, operations, machine))
        text = (f"{given.size}. {reached(machine)}.\n\n{table(HEADER, rows)}\n"
                f"GFLOP, GB, seconds at least through memory and from the cache:\n\n{table(('method', *KINDS), kinds)}")
        if given.markdown:
            given.markdown.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

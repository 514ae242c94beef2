"""Every method's network: the authors' code, ours as they wrote it, ours as it runs; time, memory, difference.

    python -m benchmarks.methods [--methods didfuse,ship] [--sizes 240x320,480x640] [--authors DIR] [--threads 2]
                                 [--repeats 3] [--rounds 2] [--enough 20] [--markdown FILE] [--memory MIB]
                                 [--glibc-malloc authors]

The forms (`benchmarks.method_forms`) take turns, A B C A B C, each in a process of its own, so that what else the
machine does meets all of them, and none's memory is counted for another. They share random weights: no file is needed.
The authors' code is not part of this project: `benchmarks.authors` says where it is looked for.

Seconds are medians over all rounds, without each process's first picture; ours' first stands apart, since a fast path
may prepare itself there. A ratio is the median of the rounds', in brackets their lowest and highest. CPU s are of all
threads together; on a machine that others use they say more than the clock. MiB is the process's own highest resident
memory above its state before the first picture. The difference is the largest of the networks' outputs from `plain`'s,
relative to the largest value where that is above 1. GMAC are the multiply-accumulates of `complexity`: of the
convolutions and matrix products of our network as its authors wrote it; FFTs are not counted.

The processes keep freed memory as the suite's workers do (suite.executors.spawn.ALLOCATOR), the authors' too.
--glibc-malloc authors leaves them glibc's defaults, which are what their scripts meet; --glibc-malloc all every form.
Threads sleep while they wait (benchmarks.method_timing.WAIT) unless OMP_WAIT_POLICY=ACTIVE is in the environment, which
is right for a machine that does nothing else.
"""

import argparse
import sys
from pathlib import Path

import psutil

from benchmarks.authors import why_not
from benchmarks.method_forms import FORMS, networks
from benchmarks.method_table import Measured, conditions_line, markdown, printed
from benchmarks.method_timing import Conditions, Sample, in_own_process
from core.names import nearest
from fusion.method import find

SHARE = 0.8  # of the memory that is free when it starts, for one process


def measured(name: str, height: int, width: int, conditions: Conditions, rounds: int) -> Measured:
    """All forms of one method at one size, in turns."""
    found: dict[str, list[Sample]] = {which: [] for which in FORMS}
    missing = why_not(conditions.authors, name, height, width)
    if missing:
        found["authors"].append(Sample(failed=missing))
    for _ in range(rounds):
        for which, samples in found.items():
            if samples and samples[0].failed:
                continue
            print(f"{name} {height}x{width} {which}", end=" ", file=sys.stderr, flush=True)
            samples.append(in_own_process(name, which, height, width, conditions))
            print(samples[-1].failed or " ".join(f"{s:.3g}" for s in samples[-1].seconds), file=sys.stderr)
    counted = find(name).complexity(height, width)
    return Measured(name, (height, width), counted.macs if counted else 0, found)


def size(text: str) -> tuple[int, int]:
    """"480x640" -> (480, 640)."""
    height, width = map(int, text.split("x"))
    return height, width


def main() -> int:
    """Measure and print; 1 where one of our own forms could not be measured."""
    known = networks()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", help=f"comma-separated; default: all {len(known)}")
    parser.add_argument("--sizes", default="240x320,480x640", help="heights x widths, comma-separated")
    parser.add_argument("--authors", type=Path, help="folder of the authors' checkouts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="timed pictures in each process")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each form")
    parser.add_argument("--markdown", type=Path, help="write the table there, anew after every row")
    parser.add_argument("--memory", type=int, help=f"MiB a process may take; default: {SHARE} of what is free")
    parser.add_argument("--enough", type=float, default=20, metavar="SECONDS",
                        help="of timed pictures in a process, after which no further one begins")
    parser.add_argument("--glibc-malloc", choices=("authors", "all"), help="who gets glibc's defaults (see above)")
    options = parser.parse_args()
    chosen = options.methods.split(",") if options.methods else known
    for name in chosen:
        if name not in known:
            parser.error(f"no network {name!r}{nearest(name, known)}")
    memory = options.memory or int(SHARE * psutil.virtual_memory().available / 2**20)
    glibc = {"authors": ("authors",), "all": FORMS}.get(options.glibc_malloc, ())
    conditions = Conditions(options.threads, options.repeats, options.enough, options.authors, memory, glibc)
    said = conditions_line(conditions, options.rounds)
    rows = []
    for height, width in map(size, options.sizes.split(",")):
        for name in chosen:
            rows.append(measured(name, height, width, conditions, options.rounds))
            if options.markdown:
                options.markdown.write_text(markdown(rows, said), encoding="utf-8")
    printed(rows, said)
    return int(any(not row.samples(which) for row in rows for which in ("plain", "ours")))


if __name__ == "__main__":
    sys.exit(main())

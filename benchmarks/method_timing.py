"""Time, memory and picture of one form of one method, in a process of its own (see `benchmarks.methods`)."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from suite.executors.spawn import ALLOCATOR
from suite.memory import Peak

ROOT = Path(__file__).resolve().parent.parent
# OpenMP's threads spin while they wait, by default: on cores that others use too, small layers then take 60 times as
# long (SAGE, 64x64, 2 threads, load 4.6: 1.48 s; asleep .022 s). What the environment says goes before.
WAIT = {"OMP_WAIT_POLICY": "PASSIVE"}
MIB = 2**20


@dataclass(frozen=True)
class Conditions:
    """How every form is measured.

    threads: of torch. repeats: timed pictures a process, after one that warms up. enough: seconds of timed pictures
    after which no further one is begun. authors: folder of their checkouts. memory: MiB that a process may allocate,
    so that one form cannot end other people's work. glibc: the forms that get glibc's malloc as it comes, not as the
    suite sets it.
    """

    threads: int = 2
    repeats: int = 3
    enough: float = 20.0
    authors: Path | None = None
    memory: int = 8192
    glibc: tuple[str, ...] = ()


@dataclass
class Sample:
    """What one process found.

    seconds: of each timed picture; cpu: the same of all threads together, which other people's work moves less.
    begin: seconds of the picture before them. mib: its highest resident memory above that before the first picture.
    picture: [H,W]; raw: what the network gave, where it could be seen. failed: why there is nothing, or "".
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    begin: float = 0.0
    mib: int = 0
    picture: Tensor | None = None
    raw: Tensor | None = None
    failed: str = ""


def measure(name: str, which: str, height: int, width: int, conditions: Conditions) -> Sample:
    """One form of a method on noise of a size, in this process."""
    from benchmarks.method_forms import form, pair

    made, (ir, y) = form(name, which, conditions.authors), pair(height, width)
    before = Peak().mib()
    highest, start = Peak(), time.perf_counter()
    picture, raw = made.first(ir, y)
    begin = time.perf_counter() - start
    seconds: list[float] = []
    cpu: list[float] = []
    while len(seconds) < conditions.repeats and sum(seconds) < conditions.enough:
        start, busy = time.perf_counter(), time.process_time()
        made.fuse(ir, y)
        seconds.append(time.perf_counter() - start)
        cpu.append(time.process_time() - busy)
    # the kernel counts pages in batches: of a small picture it may see less than before
    return Sample(seconds, cpu, begin, max(0, highest.mib() - before), torch.from_numpy(picture), raw)


def in_own_process(name: str, which: str, height: int, width: int, conditions: Conditions) -> Sample:
    """`measure` in a new process; a failure becomes a reason."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "sample.pt"
        command = [sys.executable, "-m", "benchmarks.method_timing", name, which, str(height), str(width), str(into),
                   "--threads", str(conditions.threads), "--repeats", str(conditions.repeats),
                   "--enough", str(conditions.enough), "--memory", str(conditions.memory)]
        if conditions.authors:
            command += ["--authors", str(conditions.authors.resolve())]
        allocator = {} if which in conditions.glibc else ALLOCATOR
        environment = {**WAIT, **os.environ, **allocator, "OMP_NUM_THREADS": str(conditions.threads)}
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env=environment)
        if into.exists():
            return Sample(**torch.load(into, weights_only=True))
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return Sample(failed=f"the process ended with {done.returncode}: {last}"[:300])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("name", "which"):
        parser.add_argument(name)
    for name in ("height", "width"):
        parser.add_argument(name, type=int)
    parser.add_argument("into", type=Path)
    for name in ("--threads", "--repeats", "--memory"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--enough", type=float, required=True)
    parser.add_argument("--authors", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    resource.setrlimit(resource.RLIMIT_DATA, (options.memory * MIB,) * 2)
    conditions = Conditions(options.threads, options.repeats, options.enough, options.authors, options.memory)
    try:
        sample = measure(options.name, options.which, options.height, options.width, conditions)
    except Exception as error:
        sample = Sample(failed=reason(error, options.memory))
    torch.save(vars(sample), options.into)


def reason(error: Exception, memory: int) -> str:
    """One line that says why a form could not be measured."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return f"needs more than {memory / 1024:.1f} GiB"
    return f"{type(error).__name__}: {text}"[:300]


if __name__ == "__main__":
    main()

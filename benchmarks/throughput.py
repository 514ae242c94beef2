"""Pictures a second of networks on a device: the authors' code, ours one by one, as many at once as fit, in bfloat16.

    python -m benchmarks.throughput [--device cuda] [--methods smfnet,cddfuse,swinfusion,ship] [--size 480x640]
                                    [--authors DIR] [--seconds 5] [--markdown FILE]

A picture is on its way from float32 arrays on the host to the fused luma on the host. Ours are the methods as the suite
runs them on that device; "at once" is `fusion.device.Batches`: one where the device is a CPU or the network takes no
more. The authors' network is eager, under no_grad, one picture after the other. Forms take turns, two rounds of
`--seconds` each after two pictures that are not timed; the faster round counts. Weights are random
(`benchmarks.method_forms`). MiB is the highest memory of the device, of a CPU nothing is said.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.authors import authors_network, why_not
from benchmarks.method_forms import constructed, eager, pair, plain
from benchmarks.methods import size
from core.errors import IvfbenchError
from fusion.device import Batches, memory_of, on_gpu
from fusion.method import FLOAT32

METHODS = "smfnet,cddfuse,swinfusion,ship"
HEADER = ("| method | form | pictures a second | times the authors' | at once | MiB |\n"
          "|---|---|---:|---:|---:|---:|\n")
ROUNDS, WARM = 2, 2
Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


class Running:
    """A form that fuses one group of pictures after the other. failed: why it ended."""

    def __init__(self, form: str, device: str, count: Callable[[], int], fuse: Callable[[Pairs], object]):
        self.form, self.failed, self.rate, self.at_once, self.mib = form, "", 0.0, 1, 0.0
        self._device, self._count, self._fuse = device, count, fuse

    def spend(self, seconds: float, sources: tuple[np.ndarray, np.ndarray]) -> None:
        """One round. What fails is said in the table."""
        if self.failed:
            return
        try:
            for _ in range(WARM):
                self._fuse([sources] * self._count())
            self._rate(seconds, sources)
        except (RuntimeError, IvfbenchError) as error:  # authors' code that wants another device, memory that ended
            self.failed = str(error).splitlines()[0][:80]

    def _rate(self, seconds: float, sources: tuple[np.ndarray, np.ndarray]) -> None:
        gpu = torch.device(self._device) if on_gpu(self._device) else None
        if gpu:
            torch.cuda.reset_peak_memory_stats(gpu)
            torch.cuda.synchronize(gpu)
        begun, done = time.perf_counter(), 0
        while (spent := time.perf_counter() - begun) < seconds or not done:
            self.at_once = self._count()
            self._fuse([sources] * self.at_once)  # ends on the host: nothing is still under way
            done += self.at_once
        self.rate = max(self.rate, done / spent)
        if gpu:
            self.mib = torch.cuda.max_memory_allocated(gpu) / 2**20


def forms(name: str, device: str, size: tuple[int, int], authors: Path | None) -> list[Running]:
    """Every form of a method that can run."""
    found = []
    if not why_not(authors, name, *size) and authors is not None:
        method = constructed(name, device)
        network = authors_network(authors, name, plain(method).cpu().state_dict()).to(device)
        fuse = eager(method, network, device)
        found.append(Running("authors", device, lambda: 1, lambda pairs: [fuse(*one) for one in pairs]))
    for precision in (FLOAT32, "bf16"):
        method = constructed(name, device)
        method.use_precision(precision)
        method.use_fast_path()
        if precision == FLOAT32:
            found.append(Running("one by one", device, lambda: 1, Batches(method, None, size).fuse))
        batches = Batches(method, memory_of(device), size)
        found.append(Running(f"at once, {precision}", device, lambda batches=batches: batches.count(*size),
                             batches.fuse))
    return found


def table(names: Sequence[str], device: str, size: tuple[int, int], authors: Path | None, seconds: float) -> str:
    """The table as markdown."""
    lines = [HEADER]
    for name in names:
        running = forms(name, device, size, authors)
        for _ in range(ROUNDS):
            for form in running:
                form.spend(seconds, pair(*size))
        theirs = next((form.rate for form in running if form.form == "authors"), 0.0)
        for form in running:
            times = f"{form.rate / theirs:.2f}" if theirs else "–"
            mib = f"{form.mib:.0f}" if form.mib else "–"
            lines.append(f"| {name} | {form.form} | {form.failed or f'{form.rate:.3g}'} | {times} | {form.at_once} | "
                         f"{mib} |\n")
            print(lines[-1], end="", file=sys.stderr)
    return "".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--size", default="480x640", help="height x width")
    parser.add_argument("--authors", type=Path, help="folder of the authors' checkouts (benchmarks.authors)")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    made = table(options.methods.split(","), options.device, size(options.size), options.authors, options.seconds)
    name = torch.cuda.get_device_name(options.device) if on_gpu(options.device) else "CPU"
    print(f"{name}, {options.size}, torch {torch.__version__}\n\n{made}")
    if options.markdown:
        options.markdown.write_text(made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

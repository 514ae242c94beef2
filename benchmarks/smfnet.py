"""SMFNet's reference path against its fast path: time and peak memory per fused pair.

    python -m benchmarks.smfnet [--sizes 240x320,480x640] [--device cpu] [--threads 2] [--repeats 3] [--bf16]
                               [--plain-malloc]

Every measurement runs in a process of its own, so that one path's memory is not counted for the other. On CPU the
peak is the process's highest resident memory less what it held before the first picture; on CUDA the allocator's.

The processes keep freed memory as the suite's workers do (suite.executors.spawn.ALLOCATOR). --plain-malloc leaves
glibc's defaults: the reference path, whose blocks are large, then takes nearly twice as long, the fast path no longer.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

import torch
from rich.console import Console
from rich.table import Table

from suite.executors.spawn import ALLOCATOR

PATHS = ("reference", "fast")


def measure(path: str, height: int, width: int, options: argparse.Namespace) -> tuple[float, float, torch.Tensor]:
    """(median seconds, peak GiB, fused picture) of one path on random pictures with random weights."""
    from fusion.smfnet.fast.network import FastSMFNet
    from fusion.smfnet.network.smfnet import SMFNet

    torch.manual_seed(0)
    network = SMFNet().eval().requires_grad_(False).to(options.device)
    ir, vi = (torch.rand(1, 1, height, width, device=options.device) for _ in range(2))
    if path == "fast":
        run = FastSMFNet(network, dtype=torch.bfloat16 if options.bf16 else torch.float32, compile=options.compile)
    else:
        run = torch.inference_mode()(network.forward)
    cuda = torch.device(options.device).type == "cuda"
    before = resident()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(options.repeats + 1):  # the first warms up
        start = time.perf_counter()
        out = run(ir, vi)
        if cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated() / 2**30 if cuda else resident() - before
    return statistics.median(times[1:] or times), peak, out.cpu()


def resident() -> float:
    """The process's highest resident memory so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def child(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    height, width = map(int, options.sizes.split("x"))
    seconds, peak, out = measure(options.path, height, width, options)
    torch.save({"seconds": seconds, "peak": peak, "out": out}, options.into)


def in_own_process(path: str, size: str, options: argparse.Namespace, into: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.smfnet", "--path", path, "--sizes", size, "--into", into,
               "--device", options.device, "--threads", str(options.threads), "--repeats", str(options.repeats)]
    command += ["--bf16"] * options.bf16 + ["--compile"] * options.compile
    subprocess.run(command, check=True, env={**os.environ, **({} if options.plain_malloc else ALLOCATOR)})
    return torch.load(into, weights_only=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", default="240x320,480x640", help="heights x widths, comma-separated")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bf16", action="store_true", help="fast path in bfloat16")
    parser.add_argument("--compile", action="store_true", help="fast path through torch.compile")
    parser.add_argument("--plain-malloc", action="store_true", help="glibc's defaults, not the suite's (see above)")
    parser.add_argument("--path", choices=PATHS, help=argparse.SUPPRESS)
    parser.add_argument("--into", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.path:
        child(options)
        return
    import tempfile

    table = Table(title=f"SMFNet, {options.device}, {options.threads} threads, torch {torch.__version__}, "
                        f"{'plain malloc' if options.plain_malloc else 'malloc as in the suite'}")
    for column in ("size", "path", "seconds", "peak GiB", "speed-up", "largest difference"):
        table.add_column(column, justify="right")
    with tempfile.NamedTemporaryFile(suffix=".pt") as into:
        for size in options.sizes.split(","):
            results = {path: in_own_process(path, size, options, into.name) for path in PATHS}
            slow = results["reference"]
            for path, result in results.items():
                difference = (result["out"] - slow["out"]).abs().max().item()
                table.add_row(size, path, f"{result['seconds']:.2f}", f"{result['peak']:.2f}",
                              f"{slow['seconds'] / result['seconds']:.2f}", f"{difference:.1e}")
    Console().print(table)


if __name__ == "__main__":
    main()

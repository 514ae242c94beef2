"""Does a worker's memory stay level as pictures go by?

    python -m benchmarks.memory --weights DIR [--pictures 2000] [--size 128] [--methods average,densefuse]

One worker fuses and scores so many pictures by every method, as a user's run does; its resident memory is read from
/proc every half second (Linux only). Printed: MiB per unit of work, in ten equal parts of the unit's time. It is level
where the last parts are no higher than the second: the first has what is loaded once.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
METRICS = "EN,MI,VIF,SSIM,Qabf"
PARTS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--methods", default="average,densefuse")
    options = parser.parse_args()
    from suite_scenes import write_pairs

    with tempfile.TemporaryDirectory(prefix="ivfbench-memory-") as folder:
        data = write_pairs(Path(folder) / "data", [f"{n:05}" for n in range(options.pictures)], (options.size,) * 2)
        started = time.perf_counter()
        seen = list(watch(Path(folder) / "out", [
            "--suite", "ivf", "--profile", "paper", "--data", data, "--datasets", "tno", "--weights", options.weights,
            "--methods", options.methods, "--metrics", METRICS, "--jobs", "1", "--out", Path(folder) / "out"]))
        print(f"{options.pictures} pictures of {options.size}x{options.size}, {time.perf_counter() - started:.0f} s")
        for unit in dict.fromkeys(name for name, _ in seen):
            values = [mib for name, mib in seen if name == unit]
            parts = [values[n * len(values) // PARTS:(n + 1) * len(values) // PARTS] for n in range(PARTS)]
            print(f"{unit:24} MiB {' '.join(f'{max(part):.0f}' for part in parts if part)}")


def watch(out: Path, words: list[object]) -> Iterator[tuple[str, float]]:
    """(unit of work, MiB of the largest worker) every half second until the run has ended."""
    process = subprocess.Popen([sys.executable, ROOT / "run_all.py", *map(str, words)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})
    while process.poll() is None:
        time.sleep(0.5)
        workers = [mib for mib in map(resident, children(process.pid)) if mib is not None]
        under_way = [path for stage in ("fuse", "score") for path in sorted(out.glob(f"{stage}/*/tno/*"))
                     if not (path / "result.json").exists()]
        if workers and under_way:
            yield f"{under_way[0].parts[-4]} {under_way[0].parts[-3]}", max(workers)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}")


def children(pid: int) -> Iterator[int]:
    """Every process below `pid`."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = [int(word) for word in task.read_text().split()]
        except OSError:  # ended meanwhile
            continue
        for child in found:
            yield child
            yield from children(child)


def resident(pid: int) -> float | None:
    """MiB; None where the process has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return None


if __name__ == "__main__":
    main()

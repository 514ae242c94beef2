"""What the suite itself costs: planning of 20,000 pairs and 60 methods, start and end of a run whose 10,000 units are
done, fuse + score against workers.

    python -m benchmarks.suite [--pairs 20000] [--methods 60] [--units 10000] [--jobs 1,2,4]

All but planning goes through the command line, as a user's run does; times are wall clock, start of Python included.
Resume and report of a run of a million rows: benchmarks/scale.py.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PAIRS, SIZE = 32, (480, 640)
METHODS = ("visible", "infrared", "average", "laplacian", "smfnet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--methods", type=int, default=60)
    parser.add_argument("--units", type=int, default=10_000)
    parser.add_argument("--jobs", default=",".join(map(str, sorted({1, len(os.sched_getaffinity(0))}))))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        planning(Path(folder) / "planning", arguments.pairs, arguments.methods)
        resume(Path(folder) / "resume", arguments.units)
        throughput(Path(folder), [int(n) for n in arguments.jobs.split(",")])


def planning(data: Path, pairs: int, methods: int) -> None:
    """Plan pairs of 64x64 with as many methods as wanted, twice: the second time every picture is known."""
    import cv2

    from fusion.method import find
    from suite.plan import make_plan
    from suite.profile import load_profile

    for role in ("ir", "vi"):
        folder = data / "tno" / role
        folder.mkdir(parents=True)
        for number in range(pairs):  # no two alike
            picture = np.random.default_rng((number, role == "ir")).integers(0, 256, (64, 64), np.uint8)
            cv2.imwrite(str(folder / f"{number:05d}.png"), picture)
    named = []
    for number in range(methods):
        method = find("average")()
        method.card = replace(method.card, name=f"m{number}", title=f"M{number}")
        named.append(method)
    profile, known = load_profile("paper", suites=("ivf",)).narrowed(("tno",)), {}
    for what in ("nothing known", "every picture known"):
        begun = time.perf_counter()
        plan = make_plan(profile, data=data, weights=data, named=named, known_files=known)
        keys = {unit.key for unit in plan.units}
        print(f"planning: {pairs} pairs, {methods} methods, {len(keys)} units, {what}: "
              f"{time.perf_counter() - begun:.1f} s, peak memory of the process "
              f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def resume(out: Path, units: int) -> None:
    """The sample's trainings with so many seeds that `units` units are done; nothing is trained."""
    command = ["--profile", "sample", "--suite", "detection,segmentation", "--seeds"]
    seeds, finished = finish(out, units)
    _, first = run(*command, seeds, "--out", out)  # writes the tables
    begun, ended = run(*command, seeds, "--out", out)
    print(f"resume: {finished} finished units, tables to write: {first:.1f} s; again: knows what is done after "
          f"{begun:.1f} s, ends after {ended:.1f} s")
    few = run(*command, 1, "--out", out)
    print(f"        with one seed instead of {seeds}: {few[0]:.1f} s")


def finish(out: Path, units: int) -> tuple[int, int]:
    """Give every unit of a plan a result as its stage would leave it. Returns (seeds, units)."""
    from fusion.sample import write_sample
    from results.rows import Row
    from suite.environment import environment
    from suite.plan import make_plan
    from suite.profile import load_profile
    from suite.runner import prepare_out
    from suite.unit import MADE_FROM, made_from, write_result

    write_sample(prepare_out(out) / "sample")
    def planned(seeds: int):
        profile = load_profile("sample", suites=("detection", "segmentation"), seeds=seeds)
        return make_plan(profile, data=out / "sample", weights=out, named=None, known_files={})

    one, two = (len(planned(number).units) for number in (1, 2))
    seeds = 1 + -(-(units - one) // (two - one))
    plan = planned(seeds)
    rng, made = np.random.default_rng(0), {**environment(), "threads": 1, "device": "cpu", "seconds": 1.0}
    for unit in plan.units:
        (out / unit.folder).mkdir(parents=True)
        write_result(out, unit, [Row(*address, float(rng.random())) for address in _rows(unit)],
                     {MADE_FROM: made_from(out, unit)}, made)
    return seeds, len(plan.units)


def _rows(unit) -> list[tuple]:
    if unit.stage == "detect":
        named = [("detection", name, "AP50") for name in unit.work.labels.classes]
        named += [("detection", "-", metric) for metric in ("mAP50", "mAP50-95", "precision", "recall")]
    elif unit.stage == "segment":
        named = [("segmentation", name, "IoU") for name in unit.work.labels.classes]
        named += [("segmentation", "-", metric) for metric in ("mIoU", "mAcc", "aAcc")]
    else:
        return []
    return [(suite, unit.method, unit.dataset, item, metric, "benchmark", unit.seed) for suite, item, metric in named]


def throughput(folder: Path, jobs: list[int]) -> None:
    """Fuse and score PAIRS pairs with METHODS."""
    sys.path.insert(0, str(ROOT / "tests"))
    from suite_scenes import write_pairs

    data = write_pairs(folder / "data", [f"{number:03}" for number in range(PAIRS)], SIZE)
    for number in jobs:
        out = folder / f"jobs{number}"
        command = ["--profile", "paper", "--suite", "ivf", "--data", data, "--datasets", "tno", "--methods",
                   ",".join(METHODS), "--out", out, "--jobs", number]
        begun, ended = run(*command)
        working = ended - begun
        print(f"fuse + score, {number} worker(s): {PAIRS * len(METHODS) / working:.1f} pictures/s "
              f"({working:.1f} s from plan to end, tables included)")


def run(*arguments) -> tuple[float, float]:
    """(seconds until the run has said what is done, seconds until it has ended)."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    start, begun = time.perf_counter(), float("nan")
    process = subprocess.Popen([sys.executable, ROOT / "run_all.py", *map(str, arguments)], stderr=subprocess.PIPE,
                               text=True, env=environment)
    for line in process.stderr:
        if "units of work" in line:
            begun = time.perf_counter() - start
    if process.wait():
        raise SystemExit(f"the run ended with {process.returncode}")
    return begun, time.perf_counter() - start


if __name__ == "__main__":
    main()

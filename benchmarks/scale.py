"""What a large run costs where nothing is left to compute: 20,000 pairs of 64x64, 60 methods, 1.2 million rows.

    python -m benchmarks.scale [--pairs 20000] [--methods 60] [--folder DIR]

The pictures are written, every unit is given a result as its stage would leave it (fused pictures are links to one file
for each method, one metric, values are drawn), and the command line is called as a user would: the run again, twice,
and `report`. Printed: seconds with the start of Python, peak memory of the process, size of what was made.
The goal: each below 10 s + .1 ms a row, the page below 20 MB, memory below 1 GB.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
METRIC = "EN"
PLUGIN = '''"""Methods of the benchmark: all of them the mean of both pictures."""

from dataclasses import replace

from fusion.method import find, register

for number in range({methods}):
    mean = find("average")
    register(type(f"M{{number}}", (mean,), {{"__module__": __name__, "card": replace(
        mean.card, name=f"m{{number}}", title=f"M{{number}}")}}))
'''


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--methods", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="keep everything here, and take what is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scale((arguments.folder or Path(folder)).absolute(), arguments.pairs, arguments.methods)


def scale(folder: Path, pairs: int, methods: int) -> None:
    """Make a finished run, then time what looks at it."""
    if not (folder / "out").exists():
        write_pictures(folder / "data", pairs)
        (folder / "plugins").mkdir()
        (folder / "plugins" / "many.py").write_text(PLUGIN.format(methods=methods))
        begun = time.perf_counter()
        units = finish(folder, methods)
        print(f"{units} units made up in {time.perf_counter() - begun:.0f} s (not part of the figures)")
    out, rows = folder / "out", pairs * methods
    again = ["--profile", "paper", "--suite", "ivf", "--metrics", METRIC, "--data", folder / "data", "--datasets",
             "tno", "--methods", ",".join(names(methods)), "--plugins", folder / "plugins", "--out", out]
    print(f"{pairs} pairs, {methods} methods, {rows} rows: at most {10 + rows / 10_000:.0f} s each")
    timed("first run: every picture is looked at, tables and page are written", again)
    timed("resume: the same again", again)
    timed("report", ["report", out, "--plugins", folder / "plugins"])
    for name in ("rows.csv", "run.json", "report.html"):
        print(f"{name}: {(out / name).stat().st_size / 1e6:.1f} MB")


def names(methods: int) -> list[str]:
    """m0, m1, ..."""
    return [f"m{number}" for number in range(methods)]


def write_pictures(data: Path, pairs: int) -> None:
    """`data`/tno/{ir,vi}: noise of 64x64, no two alike."""
    import cv2

    for role in ("ir", "vi"):
        folder = data / "tno" / role
        folder.mkdir(parents=True)
        for number in range(pairs):
            picture = np.random.default_rng((number, role == "ir")).integers(0, 256, (64, 64), np.uint8)
            cv2.imwrite(str(folder / f"{number:05d}.png"), picture)


def finish(folder: Path, methods: int) -> int:
    """Give every unit of the plan a result. Returns how many."""
    from core.files import sha256
    from core.plugins import load_folders
    from results.rows import Row
    from suite.environment import environment
    from suite.plan import make_plan
    from suite.profile import choose_profile
    from suite.runner import prepare_out
    from suite.unit import MADE_FROM, made_from, write_result

    load_folders([folder / "plugins"])
    out = prepare_out(folder / "out")
    profile = choose_profile("paper", with_data=True, suites=("ivf",), datasets=("tno",), metrics=(METRIC,),
                             variant=None)
    plan = make_plan(profile, data=folder / "data", weights=folder, named=names(methods), known_files={})
    rng, made = np.random.default_rng(0), {**environment(), "threads": 1, "device": "cpu", "seconds": 1.0}
    for unit in plan.units:
        (out / unit.folder / "images").mkdir(parents=True)
        pairs, rows, artefacts = unit.work.pairs.pairs, [], {}
        if unit.stage == "fuse":
            first = out / unit.folder / "images" / f"{pairs[0].id}.png"
            first.write_bytes(pairs[0].vi.read_bytes())
            for pair in pairs[1:]:
                os.link(first, first.with_name(f"{pair.id}.png"))
            artefacts = dict.fromkeys((f"images/{pair.id}.png" for pair in pairs), sha256(first))
        else:
            rows = [Row("ivf", unit.method, unit.dataset, pair.id, METRIC, unit.work.variant, 0, value)
                    for pair, value in zip(pairs, rng.random(len(pairs)) * 8, strict=True)]
        write_result(out, unit, rows, {MADE_FROM: made_from(out, unit)}, made, artefacts)
    return len(plan.units)


def timed(what: str, words: list[object]) -> None:
    """Call the command line and print what it took."""
    begun = time.perf_counter()
    child = os.fork()
    if not child:
        with open(os.devnull, "w") as nothing:  # noqa: PTH123 - descriptors are wanted
            os.dup2(nothing.fileno(), 1)
        os.execve(sys.executable, [sys.executable, str(ROOT / "run_all.py"), *map(str, words)],
                  {**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, used = os.wait4(child, 0)
    print(f"{what}: {time.perf_counter() - begun:.1f} s ({used.ru_utime + used.ru_stime:.1f} s of CPU), peak memory "
          f"{used.ru_maxrss // 1024} MiB", flush=True)
    if status:
        raise SystemExit(f"the run ended with {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()

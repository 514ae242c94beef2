"""Random faults against a small run, in a loop: do its rows come back, or is what happened named?

    python benchmarks/faults.py [--minutes 30] [--seed 0] [--figures]

Each round does one thing to a finished or half-finished OUT: a run is killed, runs out of room (no file may grow beyond
some bytes, as on a full disk), a random file under OUT is damaged, or a source picture is changed before or during a
run. Then the same command runs again, undisturbed, until it ends well; its rows must be those of a run that nothing
happened to. A run that refuses must name a file of OUT: that file is then removed by hand, and counted. Prints the
figures; exit code 1 where rows were wrong or a run stayed stuck. Runs are forked: a start costs no imports.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "tests")]

METHODS = ("visible", "average", "laplacian", "smfnet")
METRICS = ("EN", "MI", "VIF", "SSIM")
AGAIN = 3  # undisturbed runs that may refuse before it counts as stuck


class Bench:
    """data, out: of the run. true: its rows. log: what the last run said."""

    def __init__(self, folder: Path, figures: bool):
        from suite_scenes import write_pairs

        self.data, self.out, self.log = write_pairs(folder / "data", "abcd", (96, 128)), folder / "out", folder / "log"
        self.figures = figures
        if _once(self) != 0:  # in this process: what it has hashed and compiled, the forks need not
            raise SystemExit(f"the undisturbed run failed:\n{self.log.read_text()}")
        self.true = self.rows()

    def rows(self) -> bytes:
        return (self.out / "rows.csv").read_bytes()

    def start(self, limit: int | None = None) -> multiprocessing.Process:
        process = multiprocessing.get_context("fork").Process(target=_child, args=(self, limit))
        process.start()
        return process

    def run(self, limit: int | None = None) -> int | None:
        process = self.start(limit)
        process.join()
        return process.exitcode


def _child(bench: Bench, limit: int | None) -> None:
    """One run in this forked process; its exit code ours."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited))
    os._exit(_once(bench))


def _once(bench: Bench) -> int:
    """One run in this process; its messages in the log. 3: something that is no error of the project."""
    import suite.runner
    from core.errors import IvfbenchError
    from suite.profile import choose_profile

    if not bench.figures:
        suite.runner._report = lambda *_: []
    said, code = io.StringIO(), 2
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            profile = choose_profile("paper", with_data=True, suites=("ivf",), datasets=("tno",), metrics=METRICS,
                                     variant=None)
            request = suite.runner.Request(profile, bench.out, bench.data / "weights", bench.data, METHODS, jobs=0)
            code = suite.runner.run(request)
        except (IvfbenchError, OSError) as error:  # what the command line turns into one line
            print(f"error: {error}")
        except BaseException as error:
            code = 3
            print(f"TRACEBACK {error!r}")
    with contextlib.suppress(OSError):
        bench.log.write_text(said.getvalue())
    return code


# --- faults: each returns what was done


def some_work(bench: Bench, rng: random.Random) -> None:
    """Take some units away, so that a run has something to do."""
    units = sorted(path.parent for path in bench.out.glob("*/*/tno/*/result.json"))
    for folder in rng.sample(units, min(len(units), rng.randrange(1, 5))):
        if rng.random() < 0.5:
            shutil.rmtree(folder)
        else:
            (folder / "result.json").unlink()


def killed(bench: Bench, rng: random.Random) -> str:
    some_work(bench, rng)
    process = bench.start()
    time.sleep(rng.uniform(0.02, 2.5))
    os.kill(process.pid, rng.choice([signal.SIGKILL, signal.SIGTERM]))
    process.join()
    return "killed"


def full(bench: Bench, rng: random.Random) -> str:
    some_work(bench, rng)
    code = bench.run(rng.choice([0, 100, 1000, 5000, 20_000]))
    return f"no room: {code}"


def damaged(bench: Bench, rng: random.Random) -> str:
    if rng.random() < 0.5:
        some_work(bench, rng)
    path = rng.choice(sorted(path for path in bench.out.rglob("*") if path.is_file() and path.name != "lock"))
    content = path.read_bytes()
    how = rng.choice(["empty", "cut", "noise", "byte", "gone", "folder"])
    if how == "byte" and content:
        place = rng.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1:])
    elif how in ("gone", "folder"):
        path.unlink()
        if how == "folder":
            (path / "inside").mkdir(parents=True)
    else:
        path.write_bytes({"empty": b"", "cut": content[:rng.randrange(len(content) + 1)]}.get(how, rng.randbytes(40)))
    return f"{how} {path.relative_to(bench.out)}"


def _change(bench: Bench, rng: random.Random) -> Callable[[], None]:
    """Change a source picture; returns what puts it back."""
    from fusion import images

    path = rng.choice(sorted(bench.data.glob("tno/*/*.png")))
    good = path.read_bytes()
    images.write_png(path, 255 - images.read(path))
    return lambda: path.write_bytes(good) and None


def changed_before(bench: Bench, rng: random.Random) -> str:
    put_back = _change(bench, rng)
    bench.run()
    other = (bench.out / "rows.csv").is_file() and bench.rows() != bench.true
    put_back()
    return "changed input: other rows under other keys" if other else "WRONG: a changed input gave the old rows"


def changed_during(bench: Bench, rng: random.Random) -> str:
    shutil.rmtree(bench.out / "fuse", ignore_errors=True)
    shutil.rmtree(bench.out / "score", ignore_errors=True)
    process = bench.start()
    time.sleep(rng.uniform(0.05, 1.5))
    put_back = _change(bench, rng)
    process.join()
    put_back()
    return f"changed during: {process.exitcode}"


FAULTS = {"killed": killed, "no room": full, "damaged": damaged, "input changed": changed_before,
          "input changed during": changed_during}
WEIGHTS = (3, 2, 8, 1, 2)


def recovered(bench: Bench) -> str:
    """How the same command ended: "equal", "named and removed by hand", "stuck" or "WRONG rows"."""
    outcome = "equal"
    for _ in range(AGAIN):
        code = bench.run()
        if code == 0:
            return outcome if bench.rows() == bench.true else "WRONG rows"
        said = bench.log.read_text().replace("\n", "")
        if code == 3:
            return "traceback"
        named = [path for path in sorted(bench.out.rglob("*")) if str(path) in said]
        if code == 2 and named:  # the longest: a folder's name is part of its files'
            path = max(named, key=lambda path: len(str(path)))
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            outcome = "named and removed by hand"
        else:
            outcome = "at the second run"
    return "stuck"


def _load() -> None:
    """Import what a run imports, before the forks."""
    import suite.executors.inprocess
    import suite.runner  # noqa: F401
    from downstream.guard import prepare
    from fusion.method import methods
    from suite.suites import suites

    suites()
    methods()
    prepare(Path(tempfile.mkdtemp(prefix="ivfbench-faults-")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figures", action="store_true", help="draw tables and figures in every run")
    options = parser.parse_args()
    _load()
    rng, counts, ends = random.Random(options.seed), Counter[tuple[str, str]](), time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="ivfbench-faults-") as folder:
        bench = Bench(Path(folder), options.figures)
        while time.monotonic() < ends:
            name = rng.choices(list(FAULTS), WEIGHTS)[0]
            what = FAULTS[name](bench, rng)
            how = "WRONG" if "WRONG" in what else recovered(bench)
            counts[name, how] += 1
            if how != "equal":
                print(f"{name}: {what}: {how}\n{bench.log.read_text()[-1500:]}", flush=True)
            if how in ("stuck", "WRONG", "WRONG rows", "traceback"):
                shutil.rmtree(bench.out)
                bench.run()
    print(f"{sum(counts.values())} faults in {options.minutes:g} minutes, {len(bench.true.splitlines()) - 1} rows")
    for (name, how), number in sorted(counts.items()):
        print(f"{name:22} {how:28} {number}")
    bad = sum(number for (_, how), number in counts.items() if how in ("stuck", "WRONG", "WRONG rows", "traceback"))
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()

"""One run: lock OUT, plan, do the open units, collect the rows, write the reports."""

import importlib
import json
import os
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from core.files import write_json
from core.names import nearest
from downstream.detection.policy import summary
from suite.collect import collect
from suite.environment import environment
from suite.errors import UserError
from suite.plan import Plan, make_plan
from suite.profile import Profile
from suite.progress import Display
from suite.stages import Outcome
from suite.unit import Unit, damaged, read_result

EXECUTORS = ("local", "ray")


@dataclass(frozen=True)
class Request:
    """What the user asked for, parsed."""

    profile: Profile
    out: Path
    weights: Path
    data: Path | None = None
    methods: tuple[str, ...] | None = None
    device: str = "cpu"
    executor: str = "local"
    address: str | None = None  # of a Ray cluster
    jobs: int = 1
    force: bool = False
    command: str = ""


def run(request: Request) -> int:
    """Do it. Returns the exit code: 0, or 1 when a unit failed or was stopped."""
    started = datetime.now(UTC)
    execute_units = _executor(request.executor, request.address)
    out = prepare_out(request.out)
    with locked(out), Display() as display:
        data = request.data if request.data is not None else _sample(out, request.profile, display)
        facts = _read_facts(out)
        known = len(facts)
        display.say("planning")
        plan = make_plan(request.profile, data=data, weights=request.weights, method_names=request.methods, facts=facts)
        if len(facts) != known:
            write_json(_facts_file(out), facts)
        _say_label_problems(plan, out, display)
        outcomes = _do(plan, request, execute_units, out, display)
        rows = collect(out, plan, outcomes, {
            "profile": request.profile.name, "protocol": request.profile.protocol, "command": request.command,
            "started": started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds")})
        made = _report(out, display) if rows else []
        return display.summary(out, plan, outcomes, made, time.time() - started.timestamp())


def _say_label_problems(plan: Plan, out: Path, display: Display) -> None:
    """A line per data set on the screen, every case with file and line in OUT/label_problems/<data set>.txt."""
    for dataset, problems in plan.label_problems.items():
        path = out / "label_problems" / f"{dataset}.txt"
        path.unlink(missing_ok=True)
        if problems:
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(f"{problem}\n" for problem in problems), encoding="utf-8")
            display.say(f"labels of {dataset}: {summary(problems)}; listed in {path}")


def _report(out: Path, display: Display) -> list[Path]:
    from reports import is_current, write_all

    if is_current(out):
        display.say("tables and figures are current")
        return []
    display.say("writing tables and figures")
    return write_all(out)


def prepare_out(out: Path) -> Path:
    """Make OUT and check that it can be written; matplotlib keeps its cache there too, not in the user's home."""
    out = Path(out).absolute()
    os.environ.setdefault("MPLCONFIGDIR", str(out / ".cache" / "matplotlib"))
    try:
        (out / ".cache").mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); name another folder with --out") from error
    return out


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """One run per OUT. The lock is the operating system's: it goes with the process, so none is ever stale."""
    lock, owner = FileLock(out / ".cache" / "lock"), out / ".cache" / "owner.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        try:
            who = json.loads(owner.read_text())
            text = f"process {who['pid']} on {who['host']} since {who['since']}"
        except (OSError, ValueError, KeyError):
            text = "another process"
        raise UserError(f"{out}: in use by {text}; wait for it, or name another folder with --out") from None
    try:
        write_json(owner, {"pid": os.getpid(), "host": socket.gethostname(),
                           "since": datetime.now(UTC).isoformat(timespec="seconds")})
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _sample(out: Path, profile: Profile, display: Display) -> Path:
    if set(profile.suites) <= {"complexity"}:
        return out  # looks at no picture
    if not profile.sample:
        raise UserError(f"profile {profile.name} needs data: name its root with --data DIR "
                        "(or run the embedded sample with --profile sample)")
    from fusion.sample import write_sample

    display.say("rendering the sample")
    try:
        write_sample(out / "sample")
    except ValueError as error:
        raise UserError(str(error)) from error
    return out / "sample"


def _facts_file(out: Path) -> Path:
    return out / ".cache" / "facts.json"


def _read_facts(out: Path) -> dict[str, list]:
    try:
        return json.loads(_facts_file(out).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _do(plan: Plan, request: Request, execute_units: Callable, out: Path, display: Display) -> dict[str, Outcome]:
    if request.force:
        for unit in plan.units:
            shutil.rmtree(out / unit.folder, ignore_errors=True)
    finished = {unit.key for unit in plan.units if _is_done(out, unit, display)}
    open_units = [unit for unit in plan.units if unit.key not in finished]
    display.start(len(plan.units), len(finished), Counter(unit.stage for unit in open_units))
    outcomes: dict[str, Outcome] = {}
    if open_units:
        with _interruptible() as stop:
            for unit, outcome in execute_units(
                    open_units, finished, out=out, device=request.device, jobs=request.jobs, environment=environment(),
                    report=display.report, stop=stop):
                outcomes[unit.key] = outcome
                display.ended(unit, outcome)
    return outcomes


def _is_done(out: Path, unit: Unit, display: Display) -> bool:
    """A result whose pictures are intact. A damaged picture is removed, so that the unit makes just that one again."""
    result = read_result(out, unit)
    if result is None:
        return False
    bad = damaged(out, unit, result)
    for path in bad:
        display.say(f"{path}: changed or gone since it was made; made again")
        path.unlink(missing_ok=True)
    if bad:
        (out / unit.folder / "result.json").unlink()
    return not bad


def _executor(name: str, address: str | None) -> Callable:
    if name not in EXECUTORS:
        raise UserError(f"unknown executor {name!r}{nearest(name, EXECUTORS)}")
    run_units = importlib.import_module(f"suite.executors.{name}").run_units
    if address is None:
        return run_units
    if name != "ray":
        raise UserError(f"--address {address}: only --executor ray works on a cluster")
    return partial(run_units, address=address)


@contextmanager
def _interruptible() -> Iterator:
    """Yield a function that says whether SIGINT came once; the second SIGINT ends the run at once."""
    asked: list[int] = []

    def handle(number, frame):
        if asked:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient third one must not cut the good-bye short
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(asked)
    finally:
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, before)


def parse_names(text: str | None) -> Sequence[str] | None:
    """'a, b' -> ('a', 'b'); None stays None."""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UserError("an empty list of names; leave the option out for the profile's own")
    return names

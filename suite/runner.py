"""One run: lock OUT, plan, do the open units, collect the rows, write the reports."""

import importlib
import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from math import inf
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import IvfbenchError
from core.files import make_way, read_json, write_json, write_text
from core.inside import inside, refuse_links
from core.names import nearest
from core.plugins import loaded_files
from downstream.detection.data.policy import summary
from downstream.guard import own_matplotlib
from fusion.method import FLOAT32, Method
from results.records import ResultRecord
from suite import known_files, seal
from suite.collect import collect
from suite.demands import lengths, room_for, uncertain, with_memory
from suite.environment import environment
from suite.errors import UserError
from suite.executors import RunUnits
from suite.executors.local import threads
from suite.executors.queue import Demand
from suite.plan import make_plan
from suite.planning import Planning
from suite.profile import Profile
from suite.progress import Display
from suite.recorded import recorded
from suite.stages import Outcome
from suite.stages.fuse import Fusing
from suite.stages.score import Scoring, undefined
from suite.suites import find_suite
from suite.unit import MADE_FROM, Unit, damaged, hash_of_artefacts, stored_result

EXECUTORS = ("local", "ray")
_WRITTEN = (".cache", "tables", "figures", "label_problems", "labels", "sources", "audit")  # in OUT, beside the units


@dataclass(frozen=True)
class Request:
    """What the user asked for, parsed.

    methods: names, NAME=FOLDER or objects. jobs: worker processes; 0 works in this process.
    stop: says whether the user asked to end.
    """

    profile: Profile
    out: Path
    weights: Path
    data: Path | None = None
    methods: tuple[str | Method, ...] | None = None
    device: str = "cpu"
    executor: str = "local"
    address: str | None = None  # of a Ray cluster
    jobs: int = 1
    memory: float | None = None  # GiB for the workers together; None: what is free
    force: bool = False
    command: str = ""
    show: bool = True  # the tables at the end
    sign: Path | None = None  # ssh key that signs OUT/seal.json
    stop: Callable[[], bool] = bool


def run(request: Request) -> int:
    """Do it. Returns the exit code: 0, or 1 when a unit failed or was stopped.

    Raises IvfbenchError where nothing could be begun.
    """
    started = datetime.now(UTC)
    execute_units = _executor(request)
    out = prepare_out(request.out)
    with locked(out), Display() as display:
        data = request.data if request.data is not None else _sample(out, request.profile, display)
        shutil.rmtree(out / ".cache" / "ultralytics", ignore_errors=True)  # its settings; made anew, never taken over
        display.say("planning")
        memory = known_files.read(out)
        known = len(memory)
        plan = make_plan(request.profile, data=data, weights=request.weights, named=request.methods,
                         known_files=memory)
        if len(memory) != known:
            known_files.write(out, memory)
        _say_findings(plan, display)
        _say_label_problems(plan, out, display)
        outcomes = _do(plan, request, execute_units, out, memory, display)
        rows = collect(out, plan, outcomes, {
            "profile": request.profile.name, "paper": request.profile.paper, "protocol": request.profile.protocol,
            "precision": request.profile.precision,
            "command": request.command, "started": started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"), "plugins": tuple(map(str, loaded_files())),
            "roots": {"data": str(data.absolute()), "weights": str(request.weights.absolute()),
                      **{f"pictures of {name}": str(info.pictures.absolute())
                         for name, info in plan.methods.items() if info.pictures is not None}},
            "request": recorded(request.profile, request.methods, data, request.weights, out)})
        if any(outcome.status == "failed" for outcome in outcomes.values()):
            known_files.forget(out)  # what failed may have been planned with what was remembered wrongly
        stopped = any(outcome.status == "stopped" for outcome in outcomes.values())
        made = _report(out, display) if rows and not stopped else []
        seal.write(out, request.sign)
        return display.summary(out, plan, outcomes, made, time.time() - started.timestamp(),
                               show=request.show)


def _say_findings(plan: Planning, display: Display) -> None:
    """What a reader should know of precision, source pictures and brought ones; it stands below the tables, too."""
    rounded = [name for name, info in plan.methods.items() if info.precision != FLOAT32]
    if rounded:
        display.say(f"products in bfloat16, other numbers than float32's: {', '.join(rounded)}")
    for name, pairs in plan.datasets.items():
        for text in pairs.findings:
            display.say(f"pictures of {name}: {text}")
    for unit in plan.units:
        if isinstance(unit.work, Fusing) and unit.work.brought is not None and unit.work.brought.note:
            display.say(f"pictures of {unit.method} on {unit.dataset}: {unit.work.brought.note}")
    # before thousands are fused, not after; the same for every method
    scored = {(work.pairs.name, work.variant, work.metrics): work for unit in plan.units
              if isinstance(work := unit.work, Scoring)}
    for text in dict.fromkeys(text for work in scored.values() for text in undefined(work)):
        display.say(f"{text}: no mean over this set in the tables")


def _say_label_problems(plan: Planning, out: Path, display: Display) -> None:
    """What labels hold on the screen; what is wrong with them, too, every case in OUT/label_problems/<data set>.txt."""
    for found in plan.label_statistics.values():
        for dataset, statistics in found.items():
            display.say(f"labels of {dataset}: {statistics}")
    for dataset, problems in plan.label_problems.items():
        path = out / "label_problems" / f"{dataset}.txt"
        path.unlink(missing_ok=True)
        if problems:
            path.parent.mkdir(exist_ok=True)
            write_text(path, "".join(f"{problem}\n" for problem in problems))
            display.say(f"labels of {dataset}: {summary(problems)}; listed in {path}")


def _report(out: Path, display: Display) -> list[Path]:
    from reports import is_current, write_all

    if is_current(out):
        display.say("tables and figures are current")
        return []
    with display.bar("writing tables and figures") as progress:
        made: list[Path] = write_all(out, progress=progress)
    return made


def prepare_out(out: Path) -> Path:
    """Make OUT and check that it can be written, and that nothing in it leads elsewhere: it may be somebody else's.

    Raises UserError for a folder that cannot be written and for a symbolic link where something is written.
    """
    out = Path(out).absolute()
    if str(out) != str(out).encode("utf-8", "replace").decode():
        raise UserError(f"{str(out)!a}: not UTF-8; rename the folder, or name another one with --out")
    own_matplotlib()
    for folder in (out, *(out / name for name in _WRITTEN)):
        refuse_links(folder, UserError)
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
            who = read_json(owner)
            text = f"process {who['pid']} on {who['host']} since {who['since']}"
        except (OSError, IvfbenchError, KeyError, TypeError):
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
    if not any(find_suite(name).pictures for name in profile.suites):
        return out
    if not profile.sample:
        raise UserError(f"profile {profile.name} needs data: name its root with --data DIR "
                        "(or run the embedded sample with --profile sample)")
    from fusion.sample import write_sample

    try:
        with display.bar("rendering the sample") as progress:
            write_sample(out / "sample", progress=progress)
    except ValueError as error:
        raise UserError(str(error)) from error
    return out / "sample"


def _do(plan: Planning, request: Request, execute_units: RunUnits, out: Path, known: known_files.KnownFiles,
        display: Display) -> dict[str, Outcome]:
    for unit in plan.units:
        inside(out, f"{unit.folder}/images", UserError)
    if request.force:
        for unit in plan.units:
            shutil.rmtree(out / unit.folder, ignore_errors=True)
    finished = _finished(plan, out, display)
    open_units = [unit for unit in plan.units if unit.key not in finished]
    display.start(len(plan.units), len(finished), Counter(unit.stage for unit in open_units))
    outcomes: dict[str, Outcome] = {}
    if open_units:
        demands, room = _demands(open_units, request, out, known, display)
        for unit, outcome in execute_units(
                open_units, finished, out=out, device=request.device, jobs=request.jobs, environment=environment(),
                report=display.report, stop=request.stop, demands=demands, room=room):
            outcomes[unit.key] = outcome
            display.ended(unit, outcome)
    return outcomes


def _demands(units: Sequence[Unit], request: Request, out: Path, known: known_files.KnownFiles,
             display: Display) -> tuple[dict[str, Demand], float]:
    """What the open units ask for, and the bytes of memory for those that run together.

    Memory is looked at where they run: on this machine's CPU. A GPU's, and a cluster's, is not estimated.
    """
    demands = lengths(units)
    if request.device != "cpu" or request.executor == "ray":
        return demands, inf
    room = room_for(request.jobs, request.memory)
    before, doubtful = len(known), uncertain(units, request.jobs, room)
    if doubtful:
        with display.bar(f"memory of {len(doubtful)} fuse units: dry runs of those not known") as progress:
            demands = with_memory(demands, units, known, out=out, jobs=request.jobs, threads=threads(request.jobs or 1),
                                  room=room, progress=progress)
        if len(known) != before:
            known_files.write(out, known)
    return demands, room


def _finished(plan: Planning, out: Path, display: Display) -> set[str]:
    """Keys of the units whose results are whole. What an open unit is about to read is looked at down to the bytes."""
    finished, read_next = set[str](), set[str]()
    # of a plan's neighbours, one builds on the other; more results than these few would fill the memory
    stored = lru_cache(maxsize=2)(partial(stored_result, out))
    left = cache(partial(_left, stored))
    for unit in reversed(plan.units):  # a unit comes after what it needs
        if _is_done(out, unit, stored(unit), display, left, thoroughly=unit.key in read_next):
            finished.add(unit.key)
        else:
            read_next |= {up.key for up in unit.upstream}
    return finished


def _left(stored: Callable[[Unit], ResultRecord | None], unit: Unit) -> str | None:
    """Hash over what a unit left; None where it is open, so that what it will leave is not known yet."""
    result = stored(unit)
    return None if result is None else hash_of_artefacts(result)


def _is_done(out: Path, unit: Unit, result: ResultRecord | None, display: Display,
             left: Callable[[Unit], str | None], *, thoroughly: bool) -> bool:
    """A result whose files are intact and that was made from what the units it builds on have left.

    A damaged file is removed, so that the unit makes just that one again.
    """
    path = out / unit.folder / "result.json"
    if result is None:
        if path.exists():
            display.say(f"{path}: damaged or changed since it was written; the unit is done again")
        return False
    bad = damaged(out, unit, result, thoroughly=thoroughly)
    for file in bad:
        display.say(f"{file}: changed or gone since it was made; made again")
        make_way(file)
        file.unlink(missing_ok=True)
    then = result.details.get(MADE_FROM, {})
    stale = not bad and any(left(up) not in (None, then.get(up.key)) for up in unit.upstream)
    if stale:
        display.say(f"{path}: made from other files than are there now; the unit is done again")
    if bad or stale:
        path.unlink()
    return not bad and not stale


def _executor(request: Request) -> RunUnits:
    name = request.executor
    if name not in EXECUTORS:
        raise UserError(f"unknown executor {name!r}{nearest(name, EXECUTORS)}")
    if request.jobs == 0:
        name = "inprocess"
    elif any(not isinstance(method, str) for method in request.methods or ()):
        raise UserError(f"jobs={request.jobs}: a method object works in this process only; use jobs=0, or put the "
                        "method into a file of a plug-in folder")
    run_units: RunUnits = importlib.import_module(f"suite.executors.{name}").run_units
    if request.address is None:
        return run_units
    if name != "ray":
        raise UserError(f"--address {request.address}: only --executor ray works on a cluster")
    return partial(run_units, address=request.address)


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """'a, b' -> ('a', 'b'); None stays None."""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UserError("an empty list of names; leave the option out for the profile's own")
    return names


def parse_titles(texts: Sequence[str] | None) -> dict[str, str] | None:
    """["mynet=MyNet (Ours)"] -> {"mynet": "MyNet (Ours)"}; None stays None. Raises UserError for another form."""
    if not texts:
        return None
    found = {}
    for text in texts:
        name, equals, title = text.partition("=")
        if not equals or not title.strip():
            raise UserError(f"--title {text}: expected NAME=TITLE")
        found[name.strip()] = title.strip()
    return found

"""What a person sees: progress with rich, and the summary at the end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from suite.planning import Planning
from suite.stages import Outcome, find_stage
from suite.unit import Unit


class Display:
    """A bar over all units and one per unit at work; plain lines where the output is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bars = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                             TimeRemainingColumn(), TextColumn("{task.fields[text]}"), console=self.console,
                             disable=not self.console.is_terminal)
        self.tasks: dict[str, TaskID] = {}
        self.waiting: Mapping[str, int] = {}  # stage -> units that this run has to do
        self.estimated: set[str] = set()
        self.overall: TaskID | None = None

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def say(self, text: str) -> None:
        self.console.print(escape(text), highlight=False, soft_wrap=True)  # a log's lines stay whole

    @contextmanager
    def bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """A bar for a part of the run; yields what takes (done, total). A line where there is no terminal."""
        if not self.console.is_terminal:
            self.say(text)
        task = self.bars.add_task(escape(text), total=None, text="")
        try:
            yield lambda done, total: self.bars.update(task, completed=done, total=total)
        finally:
            self.bars.remove_task(task)

    def start(self, total: int, finished: int, waiting: Mapping[str, int]) -> None:
        self.waiting = waiting
        self.say(f"{total} units of work, {finished} done before")
        self.overall = self.bars.add_task("all units", total=total, completed=finished, text="")

    def report(self, unit: Unit, done: int, total: int, text: str) -> None:
        if unit.key not in self.tasks:
            self.tasks[unit.key] = self.bars.add_task(escape(str(unit)), total=None, text="")
        if done and find_stage(unit.stage).epochs and unit.key not in self.estimated:
            # what a long run will cost should be known early on, and in a log too
            self.estimated.add(unit.key)
            self.say(f"{unit}: epoch {done} of {total}, {text}; {self.waiting[unit.stage]} such trainings in this run")
        self.bars.update(self.tasks[unit.key], completed=done, total=total or None, text=escape(text))

    def ended(self, unit: Unit, outcome: Outcome) -> None:
        task = self.tasks.pop(unit.key, None)
        if task is not None:
            self.bars.remove_task(task)
        if self.overall is not None and outcome.status == "done":
            self.bars.advance(self.overall)
        reason = f": {outcome.reason}" if outcome.reason else ""
        self.say(f"{outcome.status} {unit} ({outcome.seconds:.1f} s){reason}")

    def summary(self, out: Path, plan: Planning, outcomes: Mapping[str, Outcome], made: Sequence[Path],
                seconds: float, *, show: bool = True) -> int:
        """Say what was made and where, what failed and why, and show the tables. Returns the exit code."""
        self.bars.stop()
        bad = [(unit, outcomes[unit.key]) for unit in plan.units
               if unit.key in outcomes and outcomes[unit.key].status != "done"]
        for word, text in _lines(out, plan, outcomes, bad, made, seconds):
            self.say(f"{word:<8} {text}")
        if any(outcome.status == "stopped" for _, outcome in bad):
            self.say("stopped: finished work is kept, the same command goes on from there; no tables or figures made")
            return 1
        if show and (out / "report.html").is_file():
            show_tables(out)
            print(f"open {out / 'report.html'}")
        return 1 if bad else 0


def _lines(out: Path, plan: Planning, outcomes: Mapping[str, Outcome], bad: Sequence[tuple[Unit, Outcome]],
           made: Sequence[Path], seconds: float) -> Iterator[tuple[str, str]]:
    """(word, text) of the summary; whole lines, so that a log can be searched and a path copied."""
    tried = sum(unit.key in outcomes for unit in plan.units)
    yield "units", (f"{len(plan.units)}: {tried - len(bad)} done now, {len(plan.units) - tried} not touched, "
                    f"{len(bad)} failed or stopped")
    yield "time", f"{seconds:.1f} s"
    for skip in plan.skipped:
        yield "skipped", f"{skip.method}: {skip.reason}"
    for unit, outcome in bad:
        yield outcome.status, f"{unit}: {outcome.reason}"
    for folder in dict.fromkeys(path.parent for path in made):
        yield "made", f"{sum(path.parent == folder for path in made)} files in {folder}"
    yield "rows", str(out / "rows.csv")


def show_tables(out: Path) -> None:
    """The run's tables on the standard output; without a terminal nothing is wrapped or split."""
    from reports.run import Run  # matplotlib comes with it

    console = Console()
    if not console.is_terminal:
        console = Console(width=1000)
    for shown in Run(out).tables.values():
        console.print(shown)

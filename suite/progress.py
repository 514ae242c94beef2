"""What a person sees: progress with rich, and the summary at the end."""

from collections.abc import Mapping, Sequence
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
from rich.table import Table

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
        if self.overall is not None:
            self.bars.advance(self.overall)
        reason = f": {outcome.reason}" if outcome.reason else ""
        self.say(f"{outcome.status} {unit} ({outcome.seconds:.1f} s){reason}")

    def summary(self, out: Path, plan: Planning, outcomes: Mapping[str, Outcome], made: Sequence[Path],
                seconds: float) -> int:
        """Say what was made and where, what failed and why. Returns the exit code."""
        bad = [(u, outcomes[u.key]) for u in plan.units if u.key in outcomes and outcomes[u.key].status != "done"]
        reached = [u for u in plan.units if u.key in outcomes]
        before = len(plan.units) - len(reached)
        table = Table(title=None, show_header=False, box=None, padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")  # a long path is broken, never cut
        table.add_row("units", f"{len(plan.units)}: {len(reached) - len(bad)} done now, {before} not touched, "
                               f"{len(bad)} failed or stopped")
        table.add_row("time", f"{seconds:.1f} s")
        for skip in plan.skipped:
            table.add_row("skipped", escape(f"{skip.method}: {skip.reason}"))
        for unit, outcome in bad:
            table.add_row(f"[red]{outcome.status}[/red]", escape(f"{unit}: {outcome.reason}"))
        for folder in dict.fromkeys(p.parent for p in made):
            table.add_row("made", escape(f"{folder}: {', '.join(sorted(p.name for p in made if p.parent == folder))}"))
        table.add_row("rows", escape(str(out / "rows.csv")))
        self.bars.stop()
        self.console.print(table)
        stopped = any(o.status == "stopped" for o in outcomes.values())
        return 1 if bad or stopped else 0

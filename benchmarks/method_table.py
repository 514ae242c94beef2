"""The figures of `benchmarks.methods` as a table in the terminal and in Markdown."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.authors_table import RANDOM
from benchmarks.method_forms import FORMS
from benchmarks.method_timing import WAIT, Conditions, Sample
from fusion.method import find

NOTHING = "–"
HEADER = ("method", "size", "GMAC", "authors s", "plain s", "ours s", "ours' first", "authors / ours", "plain / ours",
          "CPU s a, p, o", "GMAC/s a, p, o", "MiB a, p, o", "authors − plain", "ours − plain")
WIDTH = 210  # of a table that is not printed to a terminal


@dataclass(frozen=True)
class Measured:
    """One method at one size. found: form -> its samples, one a round; a single failed one where it could not run."""

    name: str
    size: tuple[int, int]
    macs: int
    found: dict[str, list[Sample]]

    def samples(self, which: str) -> list[Sample]:
        return [sample for sample in self.found[which] if not sample.failed]

    def seconds(self, which: str) -> float | None:
        """Median over the pictures of all rounds."""
        times = [second for sample in self.samples(which) for second in sample.seconds]
        return statistics.median(times) if times else None

    def cpu(self, which: str) -> float | None:
        """Median over the pictures of all rounds, seconds of all threads together."""
        times = [second for sample in self.samples(which) for second in sample.cpu]
        return statistics.median(times) if times else None

    def begin(self, which: str) -> float | None:
        """Median of the rounds' first pictures, seconds."""
        firsts = [sample.begin for sample in self.samples(which)]
        return statistics.median(firsts) if firsts else None

    def mib(self, which: str) -> float | None:
        return max((sample.mib for sample in self.samples(which)), default=None)

    def ratio(self, slow: str, fast: str) -> tuple[float, float, float] | None:
        """How many times as long a form takes as another: (median, lowest, highest) of the rounds, each of medians.

        What else the machine does changes from round to round: forms are compared within one.
        """
        rounds = [statistics.median(a.seconds) / statistics.median(b.seconds)
                  for a, b in zip(self.samples(slow), self.samples(fast))]
        return (statistics.median(rounds), min(rounds), max(rounds)) if rounds else None

    def difference(self, which: str) -> float | None:
        """Largest difference from `plain`: of the networks' outputs, or of the pictures where one cannot be seen."""
        if which == "authors" and self.name in RANDOM:
            return None
        if not self.samples(which) or not self.samples("plain"):
            return None
        a, b = self.samples(which)[0], self.samples("plain")[0]
        first, second = (a.raw, b.raw) if _alike(a.raw, b.raw) else (a.picture, b.picture)
        assert first is not None and second is not None
        return float((first - second).abs().max()) / max(1.0, float(second.abs().max()))

    def notes(self) -> list[str]:
        """Why a form has no figures, in words; a folder that was not asked for is no news."""
        said = [f"{which}: {samples[-1].failed}" for which, samples in self.found.items() if samples[-1].failed]
        if self.name in RANDOM and self.samples("authors"):
            said.append(f"authors: {RANDOM[self.name]}")
        return said

    def cells(self) -> tuple[str, ...]:
        times = {which: self.seconds(which) for which in FORMS}
        speeds = [self.macs / time / 1e9 if time else None for time in times.values()]
        return (find(self.name).card.title, "x".join(map(str, self.size)), _number(self.macs / 1e9),
                *(_number(time) for time in times.values()), _number(self.begin("ours")),
                *(_ratio(self.ratio(slow, "ours")) for slow in ("authors", "plain")),
                ", ".join(_number(self.cpu(which)) for which in FORMS),
                ", ".join(_number(speed) for speed in speeds),
                ", ".join(_number(self.mib(which), 0) for which in FORMS),
                *(_tiny(self.difference(which)) for which in ("authors", "ours")))


def _alike(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    return a is not None and b is not None and a.shape == b.shape


def _number(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, 0 for whole numbers."""
    if value is None:
        return NOTHING
    if digits == 0 or value >= 10 ** (digits - 1):
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def _ratio(value: tuple[float, float, float] | None) -> str:
    return NOTHING if value is None else f"{value[0]:.2f} ({value[1]:.2f}–{value[2]:.2f})"


def _tiny(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1e}" if value else "0"


def conditions_line(conditions: Conditions, rounds: int) -> str:
    """What a reader must know of the machine and the settings."""
    malloc = {(): "malloc as in the suite", FORMS: "malloc as glibc has it"}.get(
        conditions.glibc, f"malloc as in the suite, as glibc has it for {', '.join(conditions.glibc)}")
    waiting = {**WAIT, **os.environ}["OMP_WAIT_POLICY"].lower()
    return (f"{cpu()}, {conditions.threads} threads (OMP_WAIT_POLICY {waiting}), load {os.getloadavg()[0]:.1f} "
            f"at the start, torch {torch.__version__}, Python {platform.python_version()}, float32, random weights, "
            f"{rounds} rounds of up to {conditions.repeats} pictures, {malloc}, at most "
            f"{conditions.memory / 1024:.0f} GiB a process")


def cpu() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def notes(rows: Sequence[Measured]) -> list[str]:
    """One line a reason, with the methods that it holds for."""
    holds: dict[str, list[str]] = {}
    for row in rows:
        for note in row.notes():
            titles = holds.setdefault(note, [])
            title = find(row.name).card.title
            if title not in titles:
                titles.append(title)
    return [f"{note} ({', '.join(titles)})" for note, titles in holds.items()]


def printed(rows: Sequence[Measured], conditions: str) -> None:
    table = Table(title=conditions)
    for column in HEADER:
        table.add_column(column, justify="left" if column == "method" else "right")
    for row in rows:
        table.add_row(*row.cells())
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    console.print(table)
    for note in notes(rows):
        console.print(note)


def markdown(rows: Sequence[Measured], conditions: str) -> str:
    """The table, the conditions above it and the reasons below it."""
    lines = [conditions + ".", "", "| " + " | ".join(HEADER) + " |", "|---" + "|---:" * (len(HEADER) - 1) + "|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    lines += ["", *(f"* {note}" for note in notes(rows))]
    return "\n".join(lines).rstrip() + "\n"

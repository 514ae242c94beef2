"""A finished run from Python: its rows, its tables, and its agreement with the paper."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult

from reports.comparison import compare, to_frame
from reports.data import RunData, load
from reports.errors import ReportError
from reports.reasons import of_unit
from reports.render import html, terminal
from reports.table import Table
from reports.write import Options, build_tables


@dataclass(frozen=True)
class Shown:
    """A table that shows itself: in a terminal through rich, in a notebook as HTML; `frame` for computing."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from terminal.fitted(self.table, console, options)

    def _repr_html_(self) -> str:
        return html.render(self.table)

    def __repr__(self) -> str:
        console = Console(width=160)
        with console.capture() as capture:
            console.print(terminal.render(self.table))
        return capture.get()

    @property
    def frame(self) -> pd.DataFrame:
        """One line per row of the table, numbers unrounded; columns as headed, blocks and labels as index."""
        index = pd.MultiIndex.from_tuples([(line.block, line.label) for line in self.table.lines],
                                          names=["block", self.table.corner])
        headings = [f"{header.group} {header.text}".strip() for header in self.table.headers]
        return pd.DataFrame([[cell.value for cell in line.cells] for line in self.table.lines], index, headings)


class Run:
    """A run's OUT, read once.

    Attributes:
        out: the folder. rows: one line per number (results.rows.COLUMNS). record: what it consisted of.
    Raises ReportError when OUT holds no run.
    """

    def __init__(self, out: Path | str):
        self._data: RunData = load(Path(out).resolve())
        self.out, self.rows, self.record = self._data.out, self._data.rows, self._data.run

    @cached_property
    def tables(self) -> dict[str, Shown]:
        """Every table of the run by name ("table1")."""
        return {table.name: Shown(table) for table in build_tables(self._data, Options())}

    def table(self, which: int | str) -> Shown:
        """A table by its number in the paper or its name. Raises ReportError naming what is there."""
        name = f"table{which}" if isinstance(which, int) else which
        if name not in self.tables:
            raise ReportError(f"no {name} in this run; it has {', '.join(self.tables) or 'none'}")
        return self.tables[name]

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """Cell by cell: published, ours, difference, status. Empty where the paper has nothing of this run."""
        return to_frame(list(compare(self._data)))

    @property
    def failures(self) -> list[str]:
        """What did not run, and why."""
        return _reasons((f"{u.stage} {u.method} {u.dataset}", u.status, of_unit(self.record, u))
                        for u in self.record.units)

    @property
    def ok(self) -> bool:
        """Whether all of it ran."""
        return not self.failures

    def __repr__(self) -> str:
        return (f"Run({str(self.out)!r}: {len(self.rows)} rows, {', '.join(self.tables) or 'no table'}, "
                f"{len(self.failures)} not run)")


def _reasons(units: Iterable[tuple[str, str, str]]) -> list[str]:
    return [f"{what}: {status}: {reason}" for what, status, reason in units if status != "done"]

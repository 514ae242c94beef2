"""What paper.toml holds, as dataclasses: a paper, its tables, columns and rows. docs/papers.md explains the keys."""

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from core.errors import IvfbenchError
from core.files import read_text

FILE = "paper.toml"
# Columns of a table's CSV that address a row; all others hold printed values.
LABELS = ("dataset", "method", "trained_on_medical", "id", "configuration")
_KEY = re.compile(r"[A-Za-z0-9:._+/-]+")  # goes into LaTeX as it is
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


class PaperError(IvfbenchError):
    """A description that cannot be used; the message names the file, the key and the nearest known name."""


@dataclass(frozen=True)
class PaperMethod:
    """A method as the paper prints it.

    title: as printed, in the CSVs and in the tables. cite: BibTeX key. reference: its entry in a bibliography.
    pictures: folder of fused pictures, relative to the description. printed_only: nothing here computes it.
    colour: of its line and bars, "#rrggbb". dashed: its line.
    """

    name: str
    title: str
    cite: str = ""
    reference: str = ""
    pictures: str = ""
    ours: bool = False
    printed_only: bool = False
    colour: str = ""
    dashed: bool = False

    def __post_init__(self) -> None:
        if self.cite and not _KEY.fullmatch(self.cite):
            raise ValueError(f"cite = {self.cite!r}: a BibTeX key has letters, digits and : . _ + / - only")
        if self.colour and not _COLOUR.fullmatch(self.colour):
            raise ValueError(f"colour = {self.colour!r}: expected \"#rrggbb\"")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    item: the class it is of, "-" for a value over all of them. variant: the metric's definition, default the table's.
    condition: what the rows' variant must begin with for a comparison with the printed value (a picture size).
    heading, group: as printed; default the item or the metric, and none. factor: from the rows' unit to the printed.
    better: the direction where the metric's registration does not say it. published: the CSV's column, default the
    heading. published_digits: of the printed value, default `digits`.
    """

    metric: str
    item: str = "-"
    variant: str = ""
    condition: str = ""
    heading: str = ""
    group: str = ""
    digits: int | None = None
    factor: float = 1.0
    better: Literal["", "higher", "lower"] = ""
    published: str = ""
    published_digits: int | None = None

    @property
    def title(self) -> str:
        return self.heading or (self.item if self.item != "-" else self.metric)

    @property
    def source(self) -> str:
        """The CSV's column."""
        return self.published or self.title


@dataclass(frozen=True)
class RowGroup:
    """Rows that stand together, in the printed order.

    trained_on_medical: only what was (or was not) trained on medical pictures belongs here. mark: behind the label.
    note: what the mark means.
    """

    methods: tuple[str, ...]
    trained_on_medical: bool | None = None
    mark: str = ""
    note: str = ""


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper.

    number: as printed; 0 for one that no paper describes. suite: whose rows it shows. caption, said, notes may hold
    {datasets}, {variants} and {how} (what the trainings say of themselves). csv: printed values, beside paper.toml.
    datasets: name -> printed name ("" keeps the data set's own title); sets that no table of the suite names stand in
    its first one. columns: what is printed, in order; a text is a metric. variant, digits: of columns that say none.
    groups: the rows. rows: methods, or ablations, whose titles are "ID configuration". ours: the row that a figure
    highlights among ablations. left_out: metrics and classes that are measured and not printed; left_out_note says so
    with {left_out}. said: how the numbers were made, below the table. differs: what is known of why cells differ.
    settings: what the suite needs to know beside data sets, methods and metrics.

    Layout: corner: heading of the label column. blocks: whether a single data set is named too. beside: up to so many
    data sets stand side by side. transposed: methods as columns. width: of LaTeX's float. split: one table per data
    set. statistic: over the pictures. average_rank: a column of it. significance: marks what a paired Wilcoxon test
    with Holm's correction tells from ours. colour: best red, second blue; else bold and underlined only.
    """

    number: int
    suite: str
    caption: str = ""
    csv: str = ""
    datasets: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str | Column, ...] = ()
    variant: str = ""
    digits: int = 4
    groups: tuple[RowGroup, ...] = ()
    rows: Literal["methods", "ablations"] = "methods"
    ours: str = ""
    left_out: tuple[str, ...] = ()
    left_out_note: str = ""
    said: str = ""
    notes: tuple[str, ...] = ()
    differs: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    corner: str = "Method"
    blocks: bool = False
    beside: int = 0
    transposed: bool = False
    width: Literal["page", "column"] = "page"
    split: bool = False
    statistic: Literal["mean", "mean ± std", "median"] = "mean"
    average_rank: bool = False
    significance: bool = False
    colour: bool = True

    @property
    def name(self) -> str:
        """File stem."""
        return f"table{self.number}" if self.number else f"table_{self.suite}"

    @cached_property
    def described(self) -> tuple[Column, ...]:
        """The columns with the table's variant and digits filled in."""
        found = (Column(c) if isinstance(c, str) else c for c in self.columns)
        return tuple(replace(c, variant=c.variant or self.variant, digits=self.digits if c.digits is None else c.digits)
                     for c in found)

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for group in self.groups for name in group.methods))


def printed_digits(column: Column, table: PaperTable) -> int:
    """Digits of the published value."""
    chosen = column.published_digits if column.published_digits is not None else column.digits
    return table.digits if chosen is None else chosen


@dataclass(frozen=True)
class PaperClaim:
    """A lead that the paper states: `scale` times (ours minus the mean of the other methods) of a table's column."""

    text: str
    table: int
    column: str
    stated: float
    scale: float = 100.0


@dataclass(frozen=True)
class Reason:
    """What is known of why a method's cells differ; datasets: () means all of them."""

    method: str
    text: str
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Need:
    """What one suite must run for the paper's tables. metrics: (metric, variant), where a table declares a variant."""

    datasets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    metrics: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """The names that a description may use; None: not checked. metrics: variant -> the metrics that it defines."""

    metrics: Mapping[str, Iterable[str]] | None = None
    methods: Iterable[str] | None = None
    datasets: Iterable[str] | None = None
    suites: Iterable[str] | None = None


@dataclass(frozen=True)
class Paper:
    """A description. name: of its folder.

    protocol: the one whose rows the paper printed. numerals: of its tables. metric: by which figures choose what to
    show. cards_explain: the methods' cards say why rows differ from this paper's. cite: labels carry \\cite in LaTeX.
    sources: where the numbers were taken from, for whoever checks them.
    """

    title: str
    citation: str
    methods: tuple[PaperMethod, ...]
    tables: tuple[PaperTable, ...]
    protocol: str = "released"
    numerals: Literal["roman", "arabic"] = "arabic"
    metric: str = ""
    cards_explain: bool = False
    cite: bool = False
    sources: tuple[str, ...] = ()
    claims: tuple[PaperClaim, ...] = ()
    reasons: tuple[Reason, ...] = ()
    folder: Path = field(default=Path(), metadata={"read": False})

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def file(self) -> Path:
        return self.folder / FILE

    @cached_property
    def by_name(self) -> Mapping[str, PaperMethod]:
        return {method.name: method for method in self.methods}

    @property
    def brought(self) -> Mapping[str, Path]:
        """Method -> folder of the fused pictures that the description brings."""
        return {method.name: self.folder / method.pictures for method in self.methods if method.pictures}

    def table(self, number: int) -> PaperTable:
        """Raises PaperError for a number that the paper does not have."""
        for table in self.tables:
            if table.number == number:
                return table
        raise PaperError(f"{self.title} has no Table {number}; known: {', '.join(str(t.number) for t in self.tables)}")

    def published(self, number: int) -> pd.DataFrame:
        """The printed values of a table (text as text, numbers as float); empty for one without a CSV."""
        name = self.table(number).csv
        if not name:
            return pd.DataFrame()
        text = read_text(self.folder / name, PaperError)
        return pd.read_csv(io.StringIO(text), dtype=dict.fromkeys(("dataset", "method", "id"), str))

    def needs(self) -> Mapping[str, Need]:
        """Suite -> what its tables need, in the order of the tables. What is printed only is left out."""
        needs: dict[str, Need] = {}
        for table in self.tables:
            so_far = needs.get(table.suite, Need())
            methods = [m for m in table.methods if table.rows == "ablations" or not self.by_name[m].printed_only]
            measured = [(c.metric, c.variant) for c in table.described if c.variant]
            measured += [(name, table.variant) for name in table.left_out if table.variant]
            needs[table.suite] = Need(_joined(so_far.datasets, table.datasets), _joined(so_far.methods, methods),
                                      tuple(dict.fromkeys([*so_far.metrics, *measured])),
                                      {**so_far.settings, **table.settings})
        return needs


def _joined(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *second]))

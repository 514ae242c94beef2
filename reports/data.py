"""A run as the reports see it: rows.csv, run.json and the description of the paper whose tables are printed."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd

from core.names import nearest
from metrics import registry
from reports.areas import Area
from reports.errors import ReportError
from reports.reasons import Why, why
from results.paper import Paper, PaperTable, RowGroup
from results.papers import DEFAULT, Known, load_paper
from results.records import (
    DatasetRecord,
    Kind,
    MethodRecord,
    RecordError,
    ResultRecord,
    RunRecord,
    SuiteRecord,
    UnitRecord,
    read_result,
    read_run,
)
from results.rows import read_csv

T = TypeVar("T")

# Tables list the sources first, then textbook methods, then the paper's order, then whatever is new, then what is ours.
_RANK = {"source": 0, "classic": 1, "ours": 3, "ablation": 3}  # other kinds between; brought ones keep their place


@dataclass(frozen=True)
class RunData:
    """rows: COLUMNS of results.rows. run: run.json. Both as the suite wrote them. areas: wanted in the panels."""

    out: Path
    rows: pd.DataFrame
    run: RunRecord
    paper: Paper
    areas: tuple[Area, ...] = ()

    @cached_property
    def _kept(self) -> dict[Hashable, Any]:
        return {}

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` gives, computed once for this run: twenty thousand pictures by sixty methods take seconds."""
        if what not in self._kept:
            self._kept[what] = compute()
        return cast(T, self._kept[what])

    def method(self, name: str) -> MethodRecord:
        """What the run says of a method; a bare record for one that only the rows name."""
        return self.run.methods.get(name) or MethodRecord(title=name, network=name, kind="baseline")

    def dataset(self, name: str) -> DatasetRecord:
        """What the run says of a data set; a bare record for one that only the rows name."""
        return self.run.datasets.get(name) or DatasetRecord(title=name, task="ivf", manifest="?")

    def title(self, method: str) -> str:
        """As the paper prints it; a slim or otherwise different network under another title keeps that."""
        return self.network_title(method) if self.is_published(method) else self.method(method).title

    def network_title(self, method: str) -> str:
        """Of the published network, whose cost is counted, whoever trained the weights at hand."""
        printed = self.paper.by_name.get(method)
        return printed.title if printed else self.method(method).network

    def cite(self, method: str) -> str:
        """BibTeX key of the method's paper, where the description gives one and wants it printed."""
        printed = self.paper.by_name.get(method)
        return printed.cite if printed and self.paper.cite else ""

    def is_published(self, method: str) -> bool:
        """Whether the run had the published network itself."""
        return self.method(method).title == self.method(method).network

    def kind(self, method: str) -> str:
        return self.method(method).kind

    def is_ours(self, method: str) -> bool:
        """Whether it is the method that the run calls its own (`--ours`), else the paper's."""
        chosen = [name for name, record in self.run.methods.items() if record.kind == "ours"]
        printed = self.paper.by_name.get(method)
        return method in chosen if chosen else printed is not None and printed.ours

    def suite_record(self, suite: str) -> SuiteRecord:
        return self.run.suites.get(suite) or SuiteRecord(suite, "pictures")

    def suites(self, kind: Kind) -> list[str]:
        """Suites of a kind that have rows, but for those of ablations: the paper's order, then the run's."""
        order = dict.fromkeys([*(table.suite for table in self.paper.tables), *self.run.suites, *self._suites])
        return [name for name in order if name in self._suites and self.suite_record(name).kind == kind
                and not self.of_ablations(name)]

    def ablation_suites(self) -> list[str]:
        return [suite for suite in self._suites if self.of_ablations(suite)]

    def of_ablations(self, suite: str) -> bool:
        """Whether a suite's rows are ablations; elsewhere a training on an ablation's pictures is no row of a table."""
        return self.once(("of_ablations", suite), lambda: self._of_ablations(suite))

    def _of_ablations(self, suite: str) -> bool:
        described = [table.rows for table in self.paper.tables if table.suite == suite]
        methods = self.rows.loc[self.rows["suite"] == suite, "method"].unique()
        return "ablations" in described or (not described and len(methods) > 0
                                            and all(self.kind(m) == "ablation" for m in methods))

    @cached_property
    def tables(self) -> tuple[PaperTable, ...]:
        """What is printed: the paper's tables that have rows, then one for every suite that it does not describe."""
        described = [table for table in self.paper.tables if self.table_datasets(table)]
        others = [suite for suite in dict.fromkeys([*self.run.suites, *self._suites])
                  if suite in self._suites and all(table.suite != suite for table in self.paper.tables)]
        return (*described, *map(self._undescribed, others))

    def _undescribed(self, suite: str) -> PaperTable:
        record = self.suite_record(suite)
        on = "" if record.kind == "cost" else " on {datasets}"
        return PaperTable(0, suite, record.title + on, rows="ablations" if self.of_ablations(suite) else "methods",
                          corner="ID" if self.of_ablations(suite) else "Method", blocks=record.kind == "pictures",
                          beside=3 if record.kind == "pictures" and record.task == "ivf" else 0,
                          transposed=record.kind == "cost", left_out=())

    def table_of(self, suite: str) -> PaperTable:
        """The first table that shows a suite."""
        return next((table for table in self.paper.tables if table.suite == suite), None) or self._undescribed(suite)

    def table_datasets(self, table: PaperTable) -> list[str]:
        """Data sets of a table that have rows: the paper's in its order, in a suite's first table also all others."""
        there = self.datasets(table.suite)
        listed = {name for other in self.paper.tables if other.suite == table.suite for name in other.datasets}
        first = all(other.suite != table.suite or other is table for other in
                    self.paper.tables[:self.paper.tables.index(table)]) if table in self.paper.tables else True
        return [*(name for name in table.datasets if name in there),
                *(name for name in there if first and name not in listed)]

    def dataset_title(self, name: str) -> str:
        return next((table.datasets[name] for table in self.paper.tables if table.datasets.get(name)),
                    self.dataset(name).title)

    def dataset_note(self, name: str) -> str:
        return self.dataset(name).note

    def labelled_title(self, suite: str, name: str) -> str:
        """The data set as a trained suite's tables and figures name it: not without saying whose labels were used."""
        teacher = self.dataset(name).teacher_labels and any(
            unit.stage == "segment" and suite in unit.suites and unit.dataset == name for unit in self.run.units)
        return self.dataset_title(name) + (" (teacher labels, not ground truth)" if teacher else "")

    @property
    def is_sample(self) -> bool:
        """True when any data set was rendered, not photographed."""
        return any(record.rendered for record in self.run.datasets.values())

    def only(self, methods: Iterable[str]) -> "RunData":
        """This run with nothing but these methods (keys or titles, in any case) and the ablations.

        Raises ReportError for a name that the run does not have.
        """
        kept = {self._key(name) for name in methods} | {m for m in self.run.methods if self.kind(m) == "ablation"}
        records = {name: record for name, record in self.run.methods.items() if name in kept}
        units = tuple(unit for unit in self.run.units if unit.method in kept)
        return replace(self, rows=self.rows[self.rows["method"].isin(kept)],
                       run=replace(self.run, methods=records, units=units))

    def _key(self, name: str) -> str:
        for method in self.run.methods:
            if name.lower() in (method.lower(), self.title(method).lower()):
                return method
        raise ReportError(f"no method {name!r} in this run{nearest(name, self.ordered(self.run.methods))}")

    def suite(self, name: str) -> pd.DataFrame:
        return self._suites.get(name, self.rows.iloc[:0])

    @cached_property
    def _suites(self) -> dict[str, pd.DataFrame]:
        # a training on an ablation's pictures is no row of a table of methods, see `ablations_trained_on`
        ablations = [method for method in self.rows["method"].unique() if self.kind(method) == "ablation"]
        own = [suite for suite in self.rows["suite"].unique() if self.of_ablations(suite)]
        kept = self.rows
        if ablations:
            kept = kept[~kept["method"].isin(ablations) | kept["suite"].isin(own)]
        return {str(name): rows for name, rows in kept.groupby("suite", sort=False)}

    def ablations_trained_on(self, suite: str, metric: str) -> "pd.Series[float]":
        """What a training gives on the ablations' pictures, method -> mean over seeds."""
        rows = self.rows[(self.rows["suite"] == suite) & (self.rows["metric"] == metric) & (self.rows["item"] == "-")]
        return rows[rows["method"].map(self.kind) == "ablation"].groupby("method")["value"].mean()

    def methods(self, suite: str, table: PaperTable | None = None) -> list[str]:
        """Methods with rows in a suite and those meant to have some, in the order of its first or the given table."""
        meant = [unit.method for unit in self.run.units if suite in unit.suites]
        meant += [name for name, record in self.run.methods.items() if suite in record.suites]
        meant = [name for name in meant if (self.kind(name) == "ablation") == self.of_ablations(suite)]
        return self.ordered([*self.suite(suite)["method"].unique(), *meant], table or self.table_of(suite))

    def is_medical(self, method: str) -> bool:
        return self.method(method).trained_on_medical

    def ordered(self, methods: Iterable[str], table: PaperTable | None = None) -> list[str]:
        """Without repetition, in a table's order of rows; without a table in that of the paper's list of methods."""
        groups = table.groups if table is not None and table.groups else (RowGroup(tuple(self.paper.by_name)),)

        def place(method: str) -> tuple[object, ...]:
            group = self.row_group(groups, method)
            order = groups[group].methods
            known = order.index(method) if method in order else len(order)
            first = {"visible": 0, "infrared": 1}.get(method, 2)
            rank = 3 if self.is_ours(method) else _RANK.get(self.kind(method), 2)
            return min(rank, 2), group, rank, known, first, self.title(method).lower()

        return sorted(dict.fromkeys(methods), key=place)

    def row_group(self, groups: Sequence[RowGroup], method: str) -> int:
        """Which group a method's row stands in: that of its training, and among several the one that names it."""
        fit = [n for n, group in enumerate(groups) if group.trained_on_medical in (None, self.is_medical(method))]
        return next((n for n in fit if method in groups[n].methods), fit[0] if fit else 0)

    def datasets(self, suite: str) -> list[str]:
        """Data sets with rows in a suite, in the order of the run."""
        found = set(self.suite(suite)["dataset"].unique())
        return [name for name in self.run.datasets if name in found] + sorted(found - set(self.run.datasets))

    def variants(self, suite: str) -> list[str]:
        return list(self.suite(suite)["variant"].unique())

    def means(self, suite: str) -> pd.DataFrame:
        """Mean over items per seed, then mean, spread (standard deviation) and number over seeds.

        Index: dataset, method, metric, variant. Columns: mean, std (nan for one seed), seeds, items; median and spread
        over the items, mean over seeds. A nan item makes its mean nan: an undefined value is not left out in silence.
        """
        return self.once(("means", suite), lambda: self._means(suite)).copy()

    def _means(self, suite: str) -> pd.DataFrame:
        address = ["dataset", "method", "metric", "variant"]
        per_seed = self.suite(suite).groupby([*address, "seed"], sort=False)["value"].agg(
            mean=lambda values: values.mean(skipna=False), median=lambda values: values.median(skipna=False),
            spread="std", items="size").reset_index()
        return per_seed.groupby(address, sort=False).agg(
            mean=("mean", "mean"), std=("mean", "std"), seeds=("seed", "size"), items=("items", "first"),
            median=("median", "mean"), spread=("spread", "mean"))

    def by_item(self, suite: str, dataset: str) -> pd.DataFrame:
        """Mean over seeds per (method, metric, item): columns mean, std, seeds. For class-wise suites."""
        rows = self.suite(suite)
        grouped = rows[rows["dataset"] == dataset].groupby(["method", "metric", "item"], sort=False)["value"]
        return grouped.agg(mean=lambda values: values.mean(skipna=False), std="std", seeds="size")

    def why(self, suite: str, method: str, dataset: str) -> Why:
        """Why a method has no number on a data set, empty when nothing is known.

        A method that was skipped says so itself; else the unit of this suite that ended worst, with its own reason.
        """
        return why(self.run, suite, method, dataset)

    def result(self, unit: UnitRecord) -> ResultRecord | None:
        """The unit's own record; None where it is gone or damaged, or stayed with the run: tables need none."""
        try:
            return read_result(self.out / unit.folder / "result.json")
        except (FileNotFoundError, RecordError):
            return None

    def unit(self, stage: str, method: str, dataset: str, seed: int = 0) -> UnitRecord | None:
        for unit in self.run.units:
            if (unit.stage, unit.method, unit.dataset, unit.seed) == (stage, method, dataset, seed):
                return unit
        return None

    def artefact(self, suite: str, method: str, dataset: str, name: str) -> Path | None:
        """What a finished unit of the suite, of the first seed, left under this name; None where there is none."""
        for unit in self.run.units:
            if (unit.method, unit.dataset, unit.seed, unit.status) == (method, dataset, 0, "done") \
                    and suite in unit.suites and (self.out / unit.folder / name).exists():
                return self.out / unit.folder / name
        return None

    def fused_path(self, method: str, dataset: str, item: str) -> Path | None:
        """The fused picture, or None where there is none."""
        unit = self.unit("fuse", method, dataset)
        return _there(self.out / unit.folder / "images" / f"{item}.png") if unit else None

    def source_titles(self, dataset: str) -> tuple[str, str]:
        """What (infrared, visible) show; of a medical pair its modalities: "MRI-PET" -> MRI, PET."""
        modalities = self.dataset_title(dataset).split("-")
        medical = self.dataset(dataset).task == "mif"
        return (modalities[0], modalities[1]) if medical and len(modalities) == 2 else ("Infrared", "Visible")

    def source_paths(self, dataset: str, item: str) -> tuple[Path, Path] | None:
        """(infrared, visible) files, or None where they are gone."""
        for pair in self.dataset(dataset).pairs:
            if pair.id == item:
                paths = self.out / pair.ir, self.out / pair.vi
                return paths if all(p.is_file() for p in paths) else None
        return None

    def label_path(self, dataset: str, item: str) -> Path | None:
        """The file of true class ids, or None where the run names none or it is gone."""
        name = self.dataset(dataset).labels.get(item)
        return _there(self.out / name) if name else None


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def load(out: Path, paper: str | Path | None = None) -> RunData:
    """Read a run and the description of a paper: its name or folder, default the run's own.

    Raises ReportError naming the file that is missing or damaged, PaperError for a description that cannot be used.
    """
    out = Path(out)
    try:
        run = read_run(out)
        rows = read_csv(out / "rows.csv")
    except FileNotFoundError as error:
        raise ReportError(f"{error.filename}: no such file; name the OUT of a run") from error
    except ValueError as error:
        raise ReportError(f"{error}; run the same command again to rewrite it") from error
    known = Known(metrics={variant: registry.names(variant) for variant in registry.variants()})
    return RunData(out, rows, run, load_paper(paper or run.paper or DEFAULT, known))

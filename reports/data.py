"""A run as the reports see it: rows.csv and run.json, nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from core.names import nearest
from reports.areas import Area
from reports.errors import ReportError
from results.records import DatasetRecord, MethodRecord, RunRecord, UnitRecord, read_run
from results.rows import read_csv

# Tables list the sources first, then textbook methods, then the paper's order, then whatever is new, then SMFNet.
PAPER_ORDER = ("defusion", "densefuse", "didfuse", "reconet", "murf", "tardal", "u2fusion", "pmgi", "swinfusion",
               "cddfuse", "ship")
# Table IV has an order of its own: first what saw no medical pictures, with SMFNet last, then what was trained on them.
MEDICAL_ORDER = (("u2fusion", "tardal", "reconet", "defusion", "cddfuse", "ship"),
                 ("csmca", "nsst_papcnn", "matr", "gesenet", "msgfusion", "emfusion", "ifcnn", "cddfuse"))
ABLATION = "ablation"  # the suite whose rows are ablations
_RANK = {"source": 0, "classic": 1, "ours": 3, "ablation": 3}  # other kinds between; brought ones keep their place
_SEVERITY = {"failed": 0, "skipped": 1, "stopped": 2, "done": 3}


@dataclass(frozen=True)
class RunData:
    """rows: COLUMNS of results.rows. run: run.json. Both as the suite wrote them. areas: wanted in the panels."""

    out: Path
    rows: pd.DataFrame
    run: RunRecord
    areas: tuple[Area, ...] = ()

    def method(self, name: str) -> MethodRecord:
        """What the run says of a method; a bare record for one that only the rows name."""
        return self.run.methods.get(name) or MethodRecord(title=name, network=name, kind="baseline")

    def dataset(self, name: str) -> DatasetRecord:
        """What the run says of a data set; a bare record for one that only the rows name."""
        return self.run.datasets.get(name) or DatasetRecord(title=name, task="ivf", manifest="?")

    def title(self, method: str) -> str:
        return self.method(method).title

    def network_title(self, method: str) -> str:
        """Of the published network, which Table V counts, whoever trained the weights at hand."""
        return self.method(method).network

    def kind(self, method: str) -> str:
        return self.method(method).kind

    def dataset_title(self, name: str) -> str:
        return self.dataset(name).title

    def dataset_note(self, name: str) -> str:
        return self.dataset(name).note

    def labelled_title(self, suite: str, name: str) -> str:
        """The data set as a trained suite's tables and figures name it: not without saying whose labels were used."""
        teacher = suite == "segmentation" and self.dataset(name).teacher_labels
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
        # a training on an ablation's pictures is no row of Tables II and III, see `ablations_trained_on`
        elsewhere = (self.rows["suite"] != ABLATION) & self.rows["method"].map(self.kind).eq("ablation")
        return dict(tuple(self.rows[~elsewhere].groupby("suite", sort=False)))

    def ablations_trained_on(self, suite: str, metric: str) -> pd.Series:
        """Fig. 11: what detection or segmentation gives on the ablations' pictures, method -> mean over seeds."""
        rows = self.rows[(self.rows["suite"] == suite) & (self.rows["metric"] == metric) & (self.rows["item"] == "-")]
        return rows[rows["method"].map(self.kind) == "ablation"].groupby("method")["value"].mean()

    def methods(self, suite: str) -> list[str]:
        """Methods with rows in a suite and those that were meant to have some, in table order."""
        meant = [unit.method for unit in self.run.units if suite in unit.suites]
        meant += [name for name, record in self.run.methods.items() if suite in record.suites]
        meant = [name for name in meant if (self.kind(name) == "ablation") == (suite == ABLATION)]
        return self.ordered([*self.suite(suite)["method"].unique(), *meant], medical=suite == "mif")

    def is_medical(self, method: str) -> bool:
        return self.method(method).trained_on_medical

    def ordered(self, methods: Iterable[str], *, medical: bool = False) -> list[str]:
        """Without repetition, in table order; medical: in Table IV's."""
        def place(method: str) -> tuple[object, ...]:
            trained = medical and self.is_medical(method)
            order = MEDICAL_ORDER[trained] if medical else PAPER_ORDER
            known = order.index(method) if method in order else len(order)
            first = {"visible": 0, "infrared": 1}.get(method, 2)
            rank = _RANK.get(self.kind(method), 2)
            return min(rank, 2), trained, rank, known, first, self.title(method).lower()

        return sorted(dict.fromkeys(methods), key=place)

    def datasets(self, suite: str) -> list[str]:
        """Data sets with rows in a suite, in the order of the run."""
        found = set(self.suite(suite)["dataset"].unique())
        return [name for name in self.run.datasets if name in found] + sorted(found - set(self.run.datasets))

    def variants(self, suite: str) -> list[str]:
        return list(self.suite(suite)["variant"].unique())

    def means(self, suite: str) -> pd.DataFrame:
        """Mean over items per seed, then mean, spread (standard deviation) and number over seeds.

        Index: dataset, method, metric. Columns: mean, std (nan for one seed), seeds, items. A nan item makes its mean
        nan: an undefined value is not left out in silence.
        """
        per_seed = self.suite(suite).groupby(["dataset", "method", "metric", "seed"], sort=False)["value"].agg(
            mean=lambda values: values.mean(skipna=False), items="size").reset_index()
        grouped = per_seed.groupby(["dataset", "method", "metric"], sort=False)
        return grouped.agg(mean=("mean", "mean"), std=("mean", "std"), seeds=("seed", "size"), items=("items", "first"))

    def by_item(self, suite: str, dataset: str) -> pd.DataFrame:
        """Mean over seeds per (method, metric, item): columns mean, std, seeds. For class-wise suites."""
        rows = self.suite(suite)
        grouped = rows[rows["dataset"] == dataset].groupby(["method", "metric", "item"], sort=False)["value"]
        return grouped.agg(mean=lambda values: values.mean(skipna=False), std="std", seeds="size")

    def reason(self, suite: str, method: str, dataset: str) -> str:
        """Why a method has no number on a data set, or '' when nothing is known.

        A method that was skipped says so itself; else the unit of this suite that ended worst, with its own reason.
        """
        if self.method(method).reason:
            return self.method(method).reason
        bad = [unit for unit in self.run.units if unit.method == method and unit.status != "done"
               and suite in unit.suites and unit.dataset in (dataset, "-")]
        worst = min(bad, key=lambda unit: _SEVERITY[unit.status], default=None)
        return (worst.reason or worst.status) if worst is not None else ""

    def unit(self, stage: str, method: str, dataset: str, seed: int = 0) -> UnitRecord | None:
        for unit in self.run.units:
            if (unit.stage, unit.method, unit.dataset, unit.seed) == (stage, method, dataset, seed):
                return unit
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


def load(out: Path) -> RunData:
    """Read a run. Raises ReportError naming the file that is missing or damaged."""
    out = Path(out)
    try:
        run = read_run(out)
        rows = read_csv(out / "rows.csv")
    except FileNotFoundError as error:
        raise ReportError(f"{error.filename}: no such file; name the OUT of a run") from error
    except ValueError as error:
        raise ReportError(f"{error}; run the same command again to rewrite it") from error
    return RunData(out, rows, run)

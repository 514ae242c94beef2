"""A run as the reports see it: rows.csv and run.json, nothing else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from core.errors import IvfbenchError
from results.rows import read_csv
from results.run_file import read_run

# Tables list the sources first, then textbook methods, then the paper's order, then whatever is new, then SMFNet.
PAPER_ORDER = ("defusion", "densefuse", "didfuse", "reconet", "murf", "tardal", "u2fusion", "pmgi", "swinfusion",
               "cddfuse", "ship")
# Table IV has an order of its own: first what saw no medical pictures, with SMFNet last, then what was trained on them.
MEDICAL_ORDER = (("u2fusion", "tardal", "reconet", "defusion", "cddfuse", "ship"),
                 ("csmca", "nsst_papcnn", "matr", "gesenet", "msgfusion", "emfusion", "ifcnn", "cddfuse"))
ABLATION = re.compile(r"ae\d+")  # Table VI's rows
_RANK = {"source": 0, "classic": 1, "ours": 3}  # all other kinds between; brought pictures keep their method's place
# No stage to blame on a skipped method: it was never planned.
_STAGE_OF = {"ivf": ("fuse", "score"), "mif": ("fuse", "score"), "detection": ("fuse", "detect"),
             "segmentation": ("fuse", "segment"), "complexity": ("measure",), "ablation": ("fuse", "score")}


class ReportError(IvfbenchError):
    """A run that cannot be reported; the message names the file and the remedy."""


@dataclass(frozen=True)
class RunData:
    """rows: COLUMNS of results.rows. run: run.json. Both as the suite wrote them. areas: wanted in the panels."""

    out: Path
    rows: pd.DataFrame
    run: dict
    areas: tuple = ()

    def title(self, method: str) -> str:
        return self.run["methods"].get(method, {}).get("title", method)

    def network_title(self, method: str) -> str:
        """Of the published network, which Table V counts, whoever trained the weights at hand."""
        return self.run["methods"].get(method, {}).get("network", self.title(method))

    def kind(self, method: str) -> str:
        return self.run["methods"].get(method, {}).get("kind", "baseline")

    def dataset_title(self, name: str) -> str:
        return self.run["datasets"].get(name, {}).get("title", name)

    def dataset_note(self, name: str) -> str:
        return self.run["datasets"].get(name, {}).get("note", "")

    def labelled_title(self, suite: str, name: str) -> str:
        """The data set as a trained suite's tables and figures name it: not without saying whose labels were used."""
        teacher = suite == "segmentation" and self.run["datasets"].get(name, {}).get("teacher_labels", False)
        return self.dataset_title(name) + (" (teacher labels, not ground truth)" if teacher else "")

    @property
    def is_sample(self) -> bool:
        """True when any data set was rendered, not photographed."""
        return any(name.startswith("sample") for name in self.run["datasets"])

    def only(self, methods: Iterable[str]) -> "RunData":
        """This run with nothing but these methods (keys or titles, in any case) and SMFNet's ablations.

        Raises ReportError for a name that the run does not have.
        """
        kept = {self._key(name) for name in methods}
        rows = self.rows[[m in kept or bool(ABLATION.fullmatch(m)) for m in self.rows["method"]]]
        units = [u for u in self.run["units"] if u["method"] in kept or ABLATION.fullmatch(u["method"])]
        return replace(self, rows=rows, run={**self.run, "units": units})

    def _key(self, name: str) -> str:
        for method in self.run["methods"]:
            if name.lower() in (method.lower(), self.title(method).lower()):
                return method
        raise ReportError(f"no method {name!r} in this run; known: {', '.join(self.ordered(self.run['methods']))}")

    def suite(self, name: str) -> pd.DataFrame:
        return self._suites.get(name, self.rows.iloc[:0])

    @cached_property
    def _suites(self) -> dict[str, pd.DataFrame]:
        # a training on an ablation's pictures is no row of Tables II and III, see `ablations_trained_on`
        elsewhere = (self.rows["suite"] != "ablation") & self.rows["method"].str.fullmatch(ABLATION)
        return dict(tuple(self.rows[~elsewhere].groupby("suite", sort=False)))

    def ablations_trained_on(self, suite: str, metric: str) -> pd.Series:
        """Fig. 11: what detection or segmentation gives on the ablations' pictures, method -> mean over seeds."""
        rows = self.rows[(self.rows["suite"] == suite) & (self.rows["metric"] == metric) & (self.rows["item"] == "-")]
        return rows[rows["method"].str.fullmatch(ABLATION)].groupby("method")["value"].mean()

    def methods(self, suite: str) -> list[str]:
        """Methods with rows in a suite and those that were meant to have some, in table order."""
        stages = _STAGE_OF.get(suite, ())
        datasets = self.datasets(suite)
        meant = [u["method"] for u in self.run["units"]
                 if (self._belongs(u["method"], suite) if u["status"] == "skipped" else
                     u["stage"] in stages and u["dataset"] in datasets)]
        # the ablation suite shares data sets and stages with the others: its methods are told by their names
        meant = [m for m in meant if bool(ABLATION.fullmatch(m)) == (suite == "ablation")]
        return self.ordered([*self.suite(suite)["method"].unique(), *meant], medical=suite == "mif")

    def _belongs(self, method: str, suite: str) -> bool:
        """Whether a skipped method's place is in a suite's table: run.json does not say what it was skipped for."""
        if suite == "mif":
            return any(method in group for group in MEDICAL_ORDER)
        return not self.is_medical(method)

    def is_medical(self, method: str) -> bool:
        return bool(self.run["methods"].get(method, {}).get("trained_on_medical"))

    def ordered(self, methods: Iterable[str], *, medical: bool = False) -> list[str]:
        """Without repetition, in table order; medical: in Table IV's."""
        def place(method: str):
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
        return [name for name in self.run["datasets"] if name in found] + sorted(found - set(self.run["datasets"]))

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

    def reason(self, method: str, dataset: str) -> str:
        """Why a method has no number on a data set, or '' when nothing is known."""
        for unit in self.run["units"]:
            if unit["method"] == method and unit["status"] != "done" and unit["dataset"] in (dataset, "-"):
                return unit["reason"] or unit["status"]
        return ""

    def unit(self, stage: str, method: str, dataset: str, seed: int = 0) -> dict | None:
        for unit in self.run["units"]:
            if (unit["stage"], unit["method"], unit["dataset"], unit["seed"]) == (stage, method, dataset, seed):
                return unit
        return None

    def fused_path(self, method: str, dataset: str, item: str) -> Path | None:
        """The fused picture, or None where there is none."""
        unit = self.unit("fuse", method, dataset)
        path = self.out / unit["folder"] / "images" / f"{item}.png" if unit else None
        return path if path is not None and path.is_file() else None

    def source_titles(self, dataset: str) -> tuple[str, str]:
        """What (infrared, visible) show; of a medical pair its modalities: "MRI-PET" -> MRI, PET."""
        modalities = self.dataset_title(dataset).split("-")
        medical = self.run["datasets"].get(dataset, {}).get("task") == "mif"
        return (modalities[0], modalities[1]) if medical and len(modalities) == 2 else ("Infrared", "Visible")

    def source_paths(self, dataset: str, item: str) -> tuple[Path, Path] | None:
        """(infrared, visible) files, or None where they are gone."""
        for pair in self.run["datasets"].get(dataset, {}).get("pairs", ()):
            if pair["id"] == item:
                paths = self.out / pair["ir"], self.out / pair["vi"]
                return paths if all(p.is_file() for p in paths) else None
        return None

    def label_path(self, dataset: str, item: str) -> Path | None:
        """The file of true class ids, or None where the run names none or it is gone."""
        name = self.run["datasets"].get(dataset, {}).get("labels", {}).get(item)
        path = self.out / name if name else None
        return path if path is not None and path.is_file() else None


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

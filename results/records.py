"""The records of a run: what a run consisted of (run.json), what a unit left (result.json), where it was made.

Written by the suite, read by the reports and by `verify`; `core.records` is their one reader and writer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core import records
from core.errors import IvfbenchError
from core.files import read_json, write_json
from core.names import is_file_name, is_name

SCHEMA = 2
FLOAT32 = "float32"  # the precision of records that say nothing of it
Status = Literal["done", "failed", "stopped", "skipped"]
# What one row of a suite is about, and so how its table is made:
# "pictures": one value per picture and metric, averaged over a data set (Table I).
# "items": one value per class, and "-" for a value over all of them (Tables II, III).
# "cost": one value per method (Table V).
Kind = Literal["pictures", "items", "cost"]


class RecordError(IvfbenchError):
    """A record that cannot be used; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class SuiteRecord:
    """A suite as a table needs it. title: caption of a table that no paper describes. task: of its methods."""

    title: str
    kind: Kind
    task: str = "ivf"


@dataclass(frozen=True)
class WeightRecord:
    file: str
    sha256: str


@dataclass(frozen=True)
class MethodRecord:
    """A method of the run.

    kind: "source", "classic", "baseline", "ours", "ablation" or "brought". network: the published network's title,
    which Table V counts, whoever trained the weights at hand. code: hash of the source that computes it ("" for brought
    pictures). suites: those it was meant to take part in. reason: why it was skipped, or "". weights_public: False
    where its authors offer no download of weights that it needs. precision: of its network's products.
    """

    title: str
    network: str
    kind: str
    suites: tuple[str, ...] = ()
    protocol: str = ""
    note: str = ""
    parity: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)
    trained_on_medical: bool = False
    version: int = 1
    code: str = ""
    weights: tuple[WeightRecord, ...] = ()
    reason: str = ""
    weights_public: bool = True
    precision: str = FLOAT32


@dataclass(frozen=True)
class PairRecord:
    """ir, vi: relative to OUT where they lie inside, else absolute. hashes: sha256 of both files as they were read."""

    id: str
    ir: str
    vi: str
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetRecord:
    """A data set of the run.

    rendered: made by the benchmark, not photographed. labels: picture id -> label map of the test pictures of a
    segmentation set. teacher_labels: they are a network's, not ground truth.
    """

    title: str
    task: str
    manifest: str
    note: str = ""
    rendered: bool = False
    pairs: tuple[PairRecord, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    teacher_labels: bool = False


@dataclass(frozen=True)
class UnitRecord:
    """A unit of the plan and how it ended. suites: those that need it. notes: sentences a table must say."""

    stage: str
    method: str
    dataset: str
    seed: int
    key: str
    folder: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    suites: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if Path(self.folder).is_absolute() or ".." in Path(self.folder).parts:
            raise ValueError(f"folder {self.folder!r} leads out of the run")


@dataclass(frozen=True)
class RunRecord:
    """run.json.

    paper: the description whose tables are printed. plugins: files that were loaded from outside. roots: "data",
    "weights" and "pictures of <method>" -> the folder, absolute. request: what was asked for, complete: a plan can be
    made of it again (suite.recorded). precision: that networks were asked to fuse with.
    """

    schema: int
    profile: str
    paper: str
    protocol: str
    command: str
    started: str
    finished: str
    suites: Mapping[str, SuiteRecord]
    datasets: Mapping[str, DatasetRecord]
    methods: Mapping[str, MethodRecord]
    units: tuple[UnitRecord, ...]
    plugins: tuple[str, ...] = ()
    roots: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        """Names become parts of paths: of figures, tables and pictures."""
        for name in (*self.suites, *self.datasets, *self.methods):
            if not is_name(name):
                raise ValueError(f"{name!r} cannot name a suite, data set or method")
        for dataset in self.datasets.values():
            for pair in dataset.pairs:
                if not is_file_name(pair.id):
                    raise ValueError(f"{pair.id!r} cannot name a pair")


@dataclass(frozen=True)
class ResultRecord:
    """result.json of a finished unit.

    rows: rows of results.rows as lists. artefacts: file below the unit's folder -> [sha256, size, mtime_ns].
    provenance: where and how it was made. seal: hash of all the rest, see suite.unit.
    """

    schema: int
    stage: str
    method: str
    dataset: str
    seed: int
    key: str
    version: int
    settings: Mapping[str, Any]
    upstream: tuple[str, ...]
    rows: tuple[Any, ...]
    details: Mapping[str, Any]
    artefacts: Mapping[str, tuple[str, int, int]]
    provenance: Mapping[str, Any]
    seal: str = ""


def read_run(out: Path) -> RunRecord:
    """OUT/run.json, checked. Raises FileNotFoundError, or RecordError that names the file and what is wrong with it."""
    path = Path(out) / "run.json"
    content = read_json(path, RecordError)
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        raise RecordError(f"{path}: schema {found!r}, this version reads {SCHEMA}; make the run again")
    return records.read(RunRecord, content, str(path), RecordError)


def write_run(out: Path, run: RunRecord) -> None:
    write_json(Path(out) / "run.json", records.write(run))


def read_result(path: Path) -> ResultRecord:
    """One result.json, checked. Raises FileNotFoundError or RecordError."""
    return records.read(ResultRecord, read_json(path, RecordError), str(path), RecordError)

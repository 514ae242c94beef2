"""Planning: data sets and methods are opened once, units are added once, whoever needs them."""

from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import metrics
from baselines.precomputed import brought_card, open_precomputed
from core.names import is_name
from core.source import source_hash
from fusion.method import FLOAT32, Card, Method, find, load_method, weights_of
from fusion.pairs import PairSet, open_pairs
from suite.errors import UserError
from suite.objects import code_of
from suite.profile import Profile
from suite.stages import find_stage
from suite.stages.fuse import Fusing
from suite.stages.score import Scoring, keyed
from suite.unit import Unit, Work

# What scores the pictures of a run that names no metrics: the nine of the paper's text, of another variant all it has.
DEFAULT_METRICS = {"smfnet": metrics.TEXT_METRICS}


@dataclass(frozen=True)
class MethodInfo:
    """A method that is ready to run.

    pictures: a folder of fused pictures that the user brought. instance: an object handed over in Python.
    weights: (file name, sha256). trained: the training of this run that leaves the weights; `network`: its method.
    code: hash of the source that computes it, "" for pictures. precision: of its network's products, if it has one.
    """

    card: Card
    title: str
    protocol: str = "released"
    precision: str = FLOAT32
    batch_size: int = 1
    weights_path: Path | None = None
    pictures: Path | None = None
    instance: Method | None = None
    weights: tuple[tuple[str, str], ...] = ()
    trained: Unit | None = None
    network: str = ""
    note: str = ""
    code: str = ""

    @property
    def name(self) -> str:
        return self.card.name


@dataclass(frozen=True)
class Skip:
    """A method that the profile names but that cannot run, and why. suites: those it would have a part in."""

    method: str
    reason: str
    suites: tuple[str, ...]


@dataclass
class Planning:
    """A plan in the making, and the plan when it is made.

    Attributes:
        units: each after what it needs. needed_by: unit key -> suites. methods_of: method -> suites it takes part in.
        known_files: memory of checked files (fusion.pairs.open_pairs), extended.
        label_problems: data set -> what its label policy dealt with. label_statistics: suite -> data set -> what its
            boxes or masks hold.
        labels: data set -> (picture id -> label map of the test pictures, whether a network made them).
        boxes: data set -> picture id -> true boxes of the test pictures as (label, x0, y0, x1, y1), fractions 0..1.
    """

    profile: Profile
    data: Path
    weights: Path
    known_files: MutableMapping[str, list[Any]]
    units: list[Unit] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    methods: dict[str, MethodInfo] = field(default_factory=dict)
    datasets: dict[str, PairSet] = field(default_factory=dict)
    needed_by: dict[str, list[str]] = field(default_factory=dict)
    methods_of: dict[str, list[str]] = field(default_factory=dict)
    label_problems: dict[str, Sequence[Any]] = field(default_factory=dict)
    label_statistics: dict[str, dict[str, Any]] = field(default_factory=dict)
    labels: dict[str, tuple[dict[str, Path], bool]] = field(default_factory=dict)
    boxes: dict[str, dict[str, list[tuple[int, float, float, float, float]]]] = field(default_factory=dict)
    _by_key: dict[str, Unit] = field(default_factory=dict, repr=False)

    def add(self, unit: Unit, suite: str) -> Unit:
        """Add a unit once, whoever needs it."""
        if unit.key not in self._by_key:
            self._by_key[unit.key] = unit
            self.units.append(unit)
        for of, names in ((unit.key, self.needed_by), (unit.method, self.methods_of)):
            if suite not in names.setdefault(of, []):
                names[of].append(suite)
        return self._by_key[unit.key]

    def unit(self, stage: str, method: str, dataset: str, work: Work, *, code: str = "", seed: int = 0,
             upstream: Iterable[Unit] = ()) -> Unit:
        """A unit of a registered stage."""
        return Unit(stage, method, dataset, seed, find_stage(stage).version, code, work, tuple(upstream))

    def open(self, dataset: str) -> PairSet:
        """The pairs of a data set, opened once."""
        if dataset not in self.datasets:
            self.datasets[dataset] = open_pairs(dataset, self.data, known_files=self.known_files,
                                                first=self.profile.limit)
        return self.datasets[dataset]

    def taking_part(self, task: str) -> list[MethodInfo]:
        """The methods of a task."""
        return [info for info in self.methods.values() if task in info.card.task]

    def fuse(self, info: MethodInfo, pairs: PairSet, suite: str) -> Unit:
        """All pairs of a data set fused by one method, or the pictures that were brought."""
        upstream = () if info.trained is None else (info.trained,)
        if info.pictures is not None:
            # one folder for all data sets, or one per data set inside it
            inside = info.pictures / pairs.name
            brought = open_precomputed(info.name, inside if inside.is_dir() else info.pictures,
                                       [p.id for p in pairs.pairs], [(p.height, p.width) for p in pairs.pairs])
            work = Fusing(pairs, brought=brought)
        elif info.trained is not None:
            work = Fusing(pairs, network=info.network, precision=info.precision)
        else:
            work = Fusing(pairs, info.protocol, info.card.version, info.batch_size, info.weights_path,
                          tuple(digest for _, digest in info.weights), precision=info.precision,
                          instance=info.instance)
        return self.add(self.unit("fuse", info.name, pairs.name, work, code=info.code, upstream=upstream), suite)

    def score(self, fused: Unit, pairs: PairSet, suite: str, chosen: Sequence[tuple[str, str]]) -> None:
        """Score what `fused` wrote. chosen: (metric, variant); each variant is a unit of its own."""
        for variant in dict.fromkeys(variant for _, variant in chosen):
            names = [name for name, of in chosen if of == variant]
            work = Scoring(pairs, suite, variant, keyed(names, variant))
            self.add(self.unit("score", fused.method, fused.dataset, work, upstream=(fused,)), suite)


def choose_metrics(names: Sequence[str] | None, variant: str) -> list[tuple[str, str]]:
    """(metric, variant) of what a run scores: the named metrics, or the variant's own.

    "VIF:tang" names a variant of its own. A metric that `variant` does not define is taken from the one variant that
    has it: a metric of the user's own needs no toolbox.
    Raises MetricError for an unknown name or variant, UserError for a name that several others define.
    """
    if names is None:
        return [(name, variant) for name in DEFAULT_METRICS.get(variant, metrics.names(variant))]
    chosen = []
    own = set(metrics.names(variant))
    for name in names:
        if ":" in name:
            name, _, of = name.partition(":")
            chosen.append((metrics.get(name, of).name, of))
            continue
        elsewhere = [other for other in metrics.variants() if name in metrics.names(other)]
        if name in own or not elsewhere:
            metrics.get(name, variant)  # an unknown one ends here
            chosen.append((name, variant))
        elif len(elsewhere) == 1:
            chosen.append((name, elsewhere[0]))
        else:
            raise UserError(f"metric {name} is not defined by variant {variant}, but by {', '.join(elsewhere)}; choose "
                            "one with --variant")
    return chosen


def brought(name: str, folder: str) -> MethodInfo:
    """NAME=FOLDER: fused pictures that exist already. A known name keeps its title."""
    if not is_name(name):
        raise UserError(f"--methods {name}={folder}: a name has letters, digits, '_', '-', '.' or '+' only")
    card = brought_card(name, Path(folder))
    return MethodInfo(card, card.title, pictures=Path(folder), note="fused pictures as they were brought")


def registered(name: str, protocol: str, precision: str, weights: Path) -> MethodInfo:
    """A registered method with its weights. Raises MethodError."""
    cls = find(name)
    folder = weights_of(name, weights)
    method = load_method(name, weights=folder, protocol=protocol, precision=precision)
    return MethodInfo(
        card=method.card, title=method.title, protocol=method.protocol, precision=method.precision,
        batch_size=method.batch_size,
        weights_path=folder if method.card.weights else None,
        weights=tuple((path.name, digest) for path, digest in method.weight_hashes()), note=method.note,
        code=source_hash([cls.__module__]))


def handed_over(method: Method) -> MethodInfo:
    """A method object from Python."""
    return MethodInfo(method.card, method.title, method.protocol, batch_size=method.batch_size, instance=method,
                      note=method.note, code=code_of(method))

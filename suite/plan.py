"""The plan: which units of work a run consists of, in an order in which each comes after what it needs."""

import hashlib
import json
import re
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from baselines.precomputed import brought_card, open_precomputed
from core import records
from core.files import sha256
from fusion.method import Card, MethodError, find, load_method, methods
from fusion.pairs import PairSet, open_pairs
from metrics import registry
from suite.errors import UserError
from suite.profile import Profile
from suite.stages import stage
from suite.unit import Unit

# Rows a reader needs beside any fusion method: what the sources alone give.
SOURCES = ("visible", "infrared")
FOUR_CHANNEL = Card(name="four_channel", title="Early fusion (4 channels)", kind="source", task=(),
                    paper="MFNet (Ha et al., IROS 2017): both modalities as one input, nothing fused")


@dataclass(frozen=True)
class MethodInfo:
    """A method that is ready to run."""

    card: Card
    title: str
    protocol: str
    batch_size: int = 1
    weights_path: Path | None = None
    pictures: Path | None = None  # a folder of fused pictures that the user brought
    weights: tuple[tuple[str, str], ...] = ()  # (file name, sha256)
    trained: Unit | None = None  # the training of this run that leaves the weights (ablations)
    note: str = ""

    @property
    def name(self) -> str:
        return self.card.name


@dataclass(frozen=True)
class Skip:
    """Work that the profile names but that cannot be planned, and why."""

    method: str
    reason: str


@dataclass
class Plan:
    units: list[Unit] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    methods: dict[str, MethodInfo] = field(default_factory=dict)
    datasets: dict[str, PairSet] = field(default_factory=dict)
    label_problems: dict[str, Sequence] = field(default_factory=dict)  # data set -> what its label policy dealt with
    _by_key: dict[str, Unit] = field(default_factory=dict, repr=False)

    def add(self, unit: Unit) -> Unit:
        """Add a unit once, whoever needs it."""
        if unit.key not in self._by_key:
            self._by_key[unit.key] = unit
            self.units.append(unit)
        return self._by_key[unit.key]


def make_plan(profile: Profile, *, data: Path, weights: Path, method_names: Sequence[str] | None,
              facts: MutableMapping[str, list]) -> Plan:
    """Open data sets and methods and list the units.

    Args:
        method_names: named by the user, or None for the profile's. A named method without weights is an error, one
            that only the profile names is skipped with its reason.
        facts: memory of checked files, extended (fusion.pairs.open_pairs).
    Raises UserError, MethodError, PairsError, ImageError: nothing has been written then.
    """
    plan = Plan()
    _ready_methods(plan, profile, weights, method_names)
    if "ablation" in profile.suites:
        _ready_ablations(plan, profile, data, facts)
    for suite in profile.suites:
        _PLANNERS[suite](plan, profile, suite, data, facts)
    if not plan.units:
        why = "; ".join(f"{skip.method}: {skip.reason}" for skip in plan.skipped[:3]) or \
            "it names no data set for these suites, or no method that takes part in them"
        raise UserError(f"nothing to do for profile {profile.name}, suites {', '.join(profile.suites)}: {why}")
    return plan


def _ready_methods(plan: Plan, profile: Profile, weights: Path, named: Sequence[str] | None) -> None:
    names = list(named if named is not None else profile.methods)
    if "all" in names:
        names = [*names, *_methods_for(profile.suites)]
    if {"detection", "segmentation"} & set(profile.suites):
        names = [*SOURCES, *names]
    for name in dict.fromkeys(names):
        if name == "all":
            continue
        if "=" in name:
            info = _brought(*name.split("=", 1))
            plan.methods[info.name] = info
            continue
        try:
            plan.methods[name] = _method_info(name, profile.protocol, weights)
        except MethodError as error:
            if (named is not None and name in named) or name not in methods():
                raise
            plan.skipped.append(Skip(name, str(error)))


def _methods_for(suites: Sequence[str]) -> list[str]:
    """Every registered method that has a part in one of the suites."""
    tasks = {"mif" if suite == "mif" else "ivf" for suite in suites}
    return [name for name, card in methods().items() if tasks & set(card.task)]


def _brought(name: str, folder: str) -> MethodInfo:
    """NAME=FOLDER: fused pictures that exist already. A known name keeps its title."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name):
        raise UserError(f"--methods {name}={folder}: a name has letters, digits, '_', '-', '.' or '+' only")
    card = brought_card(name, Path(folder))
    return MethodInfo(card, card.title, "released", pictures=Path(folder), note=f"fused pictures from {folder}")


def _method_info(name: str, protocol: str, weights: Path) -> MethodInfo:
    card = find(name).card
    folder = weights / name
    method = load_method(name, weights=folder, protocol=protocol)
    return MethodInfo(
        card=card, title=getattr(method, "title", card.title), protocol=method.protocol, batch_size=method.batch_size,
        weights_path=folder if card.weights else None,
        weights=tuple((Path(f).name, sha256(f)) for f in method.weight_files), note=getattr(method, "note", ""))


def _plan_fusion(plan: Plan, profile: Profile, suite: str, data: Path, facts: MutableMapping[str, list]) -> None:
    settings = profile.settings.get(suite, {})
    for dataset in profile.datasets.get(suite, ()):
        pairs = _open(plan, dataset, data, facts)
        for info in plan.methods.values():
            if suite in info.card.task:
                fused = plan.add(fuse_unit(info, pairs))
                plan.add(score_unit(fused, suite, settings.get("variant", "smfnet"), registry.TEXT_METRICS, pairs))


def _open(plan: Plan, dataset: str, data: Path, facts: MutableMapping[str, list]) -> PairSet:
    if dataset not in plan.datasets:
        plan.datasets[dataset] = open_pairs(dataset, data, facts=facts)
    return plan.datasets[dataset]


def fuse_unit(info: MethodInfo, pairs: PairSet) -> Unit:
    """Fuse all pairs of a data set with one method, or take the pictures that were brought."""
    if info.pictures is not None:
        # one folder for all data sets, or one per data set inside it
        folder = info.pictures / pairs.name if (info.pictures / pairs.name).is_dir() else info.pictures
        brought = open_precomputed(info.name, folder, [p.id for p in pairs.pairs],
                                   [(p.height, p.width) for p in pairs.pairs])
        return Unit(stage="fuse", method=info.name, dataset=pairs.name, seed=0, version=stage("fuse").VERSION,
                    settings={"precomputed": brought.manifest, "manifest": pairs.manifest, "batch_size": 1},
                    inputs={"pairs": pairs, "precomputed": brought})
    if info.trained is not None:
        return Unit(stage="fuse", method=info.name, dataset=pairs.name, seed=0, version=stage("fuse").VERSION,
                    settings={"network": "smfnet", "manifest": pairs.manifest, "batch_size": 1},
                    upstream=(info.trained,), inputs={"pairs": pairs})
    return Unit(
        stage="fuse", method=info.name, dataset=pairs.name, seed=0, version=stage("fuse").VERSION,
        settings={"protocol": info.protocol, "method_version": info.card.version, "batch_size": info.batch_size,
                  "weights": [digest for _, digest in info.weights], "manifest": pairs.manifest},
        inputs={"pairs": pairs, "weights": info.weights_path})


def score_unit(fused: Unit, suite: str, variant: str, metrics: Sequence[str], pairs: PairSet) -> Unit:
    """Score what `fused` wrote (Table I prints eight of the text's nine metrics)."""
    if variant not in registry.variants():
        raise UserError(f"unknown metric variant {variant!r}; known: {', '.join(registry.variants())}")
    return Unit(
        stage="score", method=fused.method, dataset=fused.dataset, seed=0, version=stage("score").VERSION,
        settings={"suite": suite, "variant": variant, "metrics": list(metrics)}, upstream=(fused,),
        inputs={"pairs": pairs})


def _plan_detection(plan: Plan, profile: Profile, suite: str, data: Path, facts: MutableMapping[str, list]) -> None:
    from downstream.detection.dataset import open_detection
    from downstream.detection.policy import LabelError, LabelPolicy
    from downstream.detection.settings import DetectionSettings

    table = dict(profile.settings.get(suite, {}))
    policy = records.read(LabelPolicy, table.pop("labels", {}), f"{profile.name}.toml, [detection.labels]", LabelError)
    profile = replace(profile, settings={**profile.settings, suite: table})

    def open_reported(name: str, root: Path):
        labels = open_detection(name, root, policy=policy)
        plan.label_problems[name] = labels.problems
        return labels

    _plan_training(plan, profile, suite, data, facts, "detect", open_reported, DetectionSettings)


def _plan_segmentation(plan: Plan, profile: Profile, suite: str, data: Path, facts: MutableMapping[str, list]) -> None:
    from downstream.segmentation import SegmentationSettings, open_segmentation

    def open_checked(name: str, root: Path):
        labels = open_segmentation(name, root)
        labels.check(facts)  # before anything is fused for them
        return labels

    _plan_training(plan, profile, suite, data, facts, "segment", open_checked, SegmentationSettings)


def _plan_training(plan: Plan, profile: Profile, suite: str, data: Path, facts: MutableMapping[str, list],
                   stage_name: str, open_labels: Callable, settings_type: type) -> None:
    """One training per method and seed on what the method made of the data set's pairs; in a run of the suite ablation
    also per ablation (Fig. 11).

    With the split "folds" every seed is tested on another fold (detection).
    """
    table = dict(profile.settings.get(suite, {}))
    split_name = table.pop("split", None)
    four_channel = table.pop("four_channel_row", False) if suite == "segmentation" else False
    if not isinstance(split_name, str | None) or not isinstance(four_channel, bool):
        raise UserError(f"profile {profile.name}, [{suite}]: split is a text, four_channel_row true or false")
    settings = records.read(settings_type, table, f"{profile.name}.toml, [{suite}]", UserError)
    for dataset in profile.datasets.get(suite, ()):
        labels = open_labels(dataset, data)
        folds = split_name == "folds" and labels.folds
        splits = [labels.fold(seed) for seed in range(profile.seeds)] if folds else [labels.split(split_name)]
        sets = tuple(_open(plan, name, data, facts) for name in labels.pair_sets)
        for split in splits:
            _check_ids(split, sets)
        rows = [(info.name, tuple(plan.add(fuse_unit(info, pairs)) for pairs in sets), settings)
                for info in plan.methods.values() if "ivf" in info.card.task or info.trained is not None]
        if four_channel:
            plan.methods.setdefault(FOUR_CHANNEL.name, MethodInfo(FOUR_CHANNEL, FOUR_CHANNEL.title, "released"))
            rows.append((FOUR_CHANNEL.name, (), replace(settings, four_channel=True)))
        # one row's seeds share everything else: hashed once, not once per seed
        decided = [[_deciding(sets, labels, split, settings) for _, _, settings in rows] for split in splits]
        for seed in range(profile.seeds):
            split = splits[seed % len(splits)]
            for (name, upstream, chosen), deciding in zip(rows, decided[seed % len(splits)]):
                plan.add(Unit(
                    stage=stage_name, method=name, dataset=dataset, seed=seed, version=stage(stage_name).VERSION,
                    settings=deciding, upstream=upstream,
                    inputs={"pair_sets": sets, "labels": labels, "split": split, "settings": chosen}))


def _deciding(sets: Sequence[PairSet], labels, split, settings) -> dict:
    """Everything but the seed that decides a training's numbers."""
    return {"settings": asdict(settings), "split": [split.name, _hash([split.train, split.val, split.test])],
            "labels": labels.manifest, "manifest": "+".join(pairs.manifest for pairs in sets),
            "initial": _initial_weights(settings)}


def _check_ids(split, sets: Sequence[PairSet]) -> None:
    have = {pair.id for pairs in sets for pair in pairs.pairs}
    wanted = [key.removesuffix("_flip") for part in (split.train, split.val, split.test) for key in part]
    missing = [key for key in wanted if key not in have]
    if missing:
        raise UserError(f"{sets[0].name}: split {split.name} names {missing[0]} (and {len(missing) - 1} more), but "
                        f"{', '.join(pairs.layout for pairs in sets)} has no such pair; complete the data set or "
                        "choose another split")


def _plan_complexity(plan: Plan, profile: Profile, suite: str, data: Path, facts: MutableMapping[str, list]) -> None:
    """One measurement per method; a network is counted even where its weights are missing."""
    settings = {"height": 480, "width": 640, **profile.settings.get(suite, {})}
    for name, value in settings.items():
        if name not in ("height", "width") or not isinstance(value, int) or value < 32:
            raise UserError(f"profile {profile.name}: complexity {name} = {value!r}; expected height and width, at "
                            "least 32")
    skipped = [s.method for s in plan.skipped if hasattr(find(s.method), "complexity")]
    for name in [*plan.methods, *skipped]:
        info = plan.methods.get(name)
        if info is not None and (info.card.kind == "source" or info.pictures is not None or info.trained is not None):
            continue
        card = find(name).card
        plan.add(Unit(
            stage="measure", method=name, dataset="-", seed=0, version=stage("measure").VERSION,
            settings={**settings, "protocol": info.protocol if info else profile.protocol,
                      "method_version": card.version, "weights": [d for _, d in info.weights] if info else []},
            inputs={"weights": info.weights_path if info else None}))


def _ready_ablations(plan: Plan, profile: Profile, data: Path, facts: MutableMapping[str, list]) -> None:
    """SMFNet trained by the recipes ae1 ... ae8: methods whose weights this run makes."""
    from fusion.smfnet.recipe import load_recipe

    settings = profile.settings.get("ablation", {})
    training = _open(plan, settings["training"], data, facts)
    overrides = settings.get("overrides", {})
    for name in settings.get("recipes", [f"ae{number}" for number in range(1, 9)]):
        recipe = load_recipe(name, overrides)
        trained = plan.add(Unit(
            stage="train", method=name, dataset=training.name, seed=0, version=stage("train").VERSION,
            settings={"recipe": name, "resolved": json.loads(json.dumps(asdict(recipe))), "overrides": overrides,
                      "manifest": training.manifest}, inputs={"pairs": training}))
        card = Card(name=name, title=recipe.title, kind="ours", task=(), paper="Table VI")
        plan.methods[name] = MethodInfo(card, recipe.title, "released", trained=trained)


def _plan_ablation(plan: Plan, profile: Profile, suite: str, data: Path, facts: MutableMapping[str, list]) -> None:
    """Table VI: fuse and score with each ablation.

    SSIM is another variant there than in Table I (see docs on metrics): it is scored by a unit of its own.
    """
    for info in plan.methods.values():
        for dataset in profile.datasets.get(suite, ()) if info.trained is not None else ():
            pairs = _open(plan, dataset, data, facts)
            fused = plan.add(fuse_unit(info, pairs))
            plan.add(score_unit(fused, suite, "smfnet", ("EN", "SD", "VIF"), pairs))
            plan.add(score_unit(fused, suite, "smfnet-ablation", ("SSIM",), pairs))


def _hash(content) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _initial_weights(settings) -> str | None:
    """Hash of the file that a training starts from: its path says nothing about its content."""
    file = settings.initial_weights
    return sha256(Path(file)) if file else None


_PLANNERS = {"ivf": _plan_fusion, "mif": _plan_fusion, "detection": _plan_detection,
             "segmentation": _plan_segmentation, "complexity": _plan_complexity, "ablation": _plan_ablation}

"""What the two suites that train networks on fused pictures share: their units, pictures, progress and rows."""

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import IvfbenchError
from core.files import make_way, read_json, sha256, sha256_of
from core.source import source_hash
from downstream.detection.dataset import DetectionSet
from downstream.detection.settings import DetectionSettings
from downstream.segmentation.dataset import SegmentationSet
from downstream.segmentation.settings import SegmentationSettings
from downstream.splits import Split
from fusion.pairs import Pair, PairSet
from results.rows import Row
from suite.errors import UserError
from suite.inputs import unchanged
from suite.planning import Planning
from suite.stages import Context
from suite.stages.fuse import fusing, image_path
from suite.unit import Unit, artefact_hashes

Labels = DetectionSet | SegmentationSet


@dataclass(frozen=True)
class Training:
    """One training: labels, division and settings, and what of them decides the numbers.

    code: the module that trains. initial: the file that the weights start from.
    """

    pair_sets: tuple[PairSet, ...]
    labels: Any  # Labels; a stage knows which
    split: Split
    settings: Any
    decided: Mapping[str, Any]

    def decides(self) -> Mapping[str, Any]:
        return self.decided


def training(unit: Unit) -> Training:
    """What a training unit is about."""
    assert isinstance(unit.work, Training), unit
    return unit.work


def plan_trainings(planning: Planning, suite: str, stage: str, module: str, dataset: str, labels: Labels,
                   splits: Sequence[Split], settings: DetectionSettings | SegmentationSettings,
                   more: Mapping[str, Any]) -> None:
    """One training per method and seed on what the method made of the data set's pairs.

    Args:
        module: the module that trains; its source is part of the key.
        splits: of repetition 0, 1, ...; one for all where there is one.
        more: method without fused pictures -> its settings (early fusion).
    """
    sets = tuple(planning.open(name) for name in labels.pair_sets)
    for split in splits:
        _check_ids(split, sets)
    rows: list[tuple[str, tuple[Unit, ...], Any]] = [
        (info.name, tuple(planning.fuse(info, pairs, suite) for pairs in sets), settings)
        for info in planning.methods.values() if "ivf" in info.card.task or info.trained is not None]
    rows += [(name, (), chosen) for name, chosen in more.items()]
    code, weights = source_hash([module]), settings.initial_weights
    # one row's seeds share everything else: hashed once, not once per seed
    initial, manifest = sha256(Path(weights)) if weights else None, "+".join(pairs.manifest for pairs in sets)
    decided = [[{"settings": _deciding(chosen), "split": [split.name, sha256_of([split.train, split.val, split.test])],
                 "labels": labels.manifest, "manifest": manifest, "initial": initial}
                for _, _, chosen in rows] for split in splits]
    for seed in range(planning.profile.seeds):
        split = splits[seed % len(splits)]
        for (name, upstream, chosen), deciding in zip(rows, decided[seed % len(splits)], strict=True):
            planning.add(planning.unit(stage, name, dataset, Training(sets, labels, split, chosen, deciding), code=code,
                                       seed=seed, upstream=upstream), suite)


def _deciding(settings: DetectionSettings | SegmentationSettings) -> dict[str, Any]:
    """The settings but for where the initial weights lie: their hash stands beside."""
    weights = settings.initial_weights
    return {name: "given" if weights and value == weights else value for name, value in asdict(settings).items()}


def _check_ids(split: Split, sets: Sequence[PairSet]) -> None:
    have = {pair.id for pairs in sets for pair in pairs.pairs}
    wanted = [key.removesuffix("_flip") for part in (split.train, split.val, split.test) for key in part]
    missing = [key for key in wanted if key not in have]
    if missing:
        raise UserError(f"{sets[0].name}: split {split.name} names {missing[0]} (and {len(missing) - 1} more), but "
                        f"{', '.join(pairs.layout for pairs in sets)} has no such pair; complete the data set or "
                        "choose another split")


def source_pictures(unit: Unit) -> dict[str, Pair]:
    """id -> the pair itself: four-channel input, nothing fused."""
    return {pair.id: pair for pairs in training(unit).pair_sets for pair in pairs.pairs}


@contextmanager
def fused_pictures(unit: Unit, context: Context) -> Iterator[dict[str, Path]]:
    """id -> the fused units' own file, for as long as the training lasts, which starts from what is whole of its state.

    Raises UserError, before and after it, where a picture or the file of initial weights is not what was recorded.
    """
    path, recorded = dict[str, Path](), dict[Path, str]()
    for fused in unit.upstream:
        hashes = artefact_hashes(context.out, fused)
        for pair in fusing(fused).pairs.pairs:
            path[pair.id] = image_path(context.out, fused, pair.id)
            recorded[path[pair.id]] = hashes[f"images/{pair.id}.png"]
    work = training(unit)
    if work.decided["initial"]:
        recorded[Path(work.settings.initial_weights)] = work.decided["initial"]
    drop_damaged(context.out / unit.folder)
    with unchanged(recorded):
        yield path


def drop_damaged(folder: Path) -> None:
    """Remove what cannot be a state that a training saved: it goes on from what is left, or begins anew.

    torch checks no sums when it reads its own files, which are zip archives; here every member's sum is.
    """
    for path in (*folder.glob("*.pt"), *folder.glob("*.pth")):
        if not _is_whole_zip(path):
            make_way(path)
            path.unlink(missing_ok=True)
    cost = folder / "cost.json"
    try:
        read_json(cost)
    except FileNotFoundError:
        pass
    except (OSError, IvfbenchError):
        make_way(cost)
        cost.unlink(missing_ok=True)


def _is_whole_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return False


def artefacts_below(folder: Path, pattern: str) -> dict[str, str]:
    """Files that a training has just written below its folder -> sha256."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.glob(pattern))}


def progress_of(unit: Unit, context: Context) -> Callable[[int, int, float], None]:
    """Epochs as progress with the estimated cost; a stop is honoured after the epoch, whose state is saved by then."""
    def report(done: int, total: int, loss: float) -> None:
        cost = read_json(context.out / unit.folder / "cost.json")
        context.checkpoint(done, total, f"loss {loss:.3f}, about {cost['predicted_hours']:.2g} {cost['unit']} in all "
                                        f"({cost['seconds_per_epoch']:.1f} s an epoch)")

    return report


def cost_of(result: Any) -> dict[str, Any]:
    """The estimate made after the first epoch beside what the training took, over all calls of a resumed one."""
    return {**result.cost, "measured_hours": round(result.seconds / 3600, 6)}


def rows_of(unit: Unit, suite: str, variant: str, found: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of a training: item, metric and value with the unit's address."""
    return [Row(suite, unit.method, unit.dataset, row["item"], row["metric"], variant, unit.seed, float(row["value"]))
            for row in found]



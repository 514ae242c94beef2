"""Stage score: fusion metrics of the fused pictures, one row per picture and metric; resumed picture by picture.

A metric has a key of its own (its source): what another result of the same pictures holds under that key is taken over,
so that a changed or added metric scores only itself.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import metrics
from core.source import source_hash
from downstream.guard import torchvision_guard
from fusion import images
from fusion.pairs import Pair, PairSet
from results.rows import Row
from suite.journal import Journal
from suite.stages import Context, Stage, StageResult, register_stage
from suite.stages.fuse import image_path
from suite.threads import one_thread
from suite.unit import MADE_FROM, Unit, artefact_hashes, made_from, result_rows, sealed_result


@dataclass(frozen=True)
class Scoring:
    """metrics: (name, key) of one variant, in the order of the rows; the key is the hash of what computes it."""

    pairs: PairSet
    suite: str
    variant: str
    metrics: tuple[tuple[str, str], ...]

    def decides(self) -> Mapping[str, Any]:
        return {"suite": self.suite, "variant": self.variant, "metrics": [list(metric) for metric in self.metrics]}


def keyed(names: Sequence[str], variant: str) -> tuple[tuple[str, str], ...]:
    """Metrics of a variant with their keys. Raises MetricError for an unknown name or variant."""
    return tuple((name, source_hash(metrics.get(name, variant).modules)) for name in names)


def scoring(unit: Unit) -> Scoring:
    """What a score unit is about."""
    assert isinstance(unit.work, Scoring), unit
    return unit.work


def run(unit: Unit, context: Context) -> StageResult:
    work = scoring(unit)
    pairs, fused = work.pairs.pairs, unit.upstream[0]
    recorded = artefact_hashes(context.out, fused)
    journal = Journal(context.out / unit.folder, unit.key)
    done = _taken_over(unit, context.out)
    rows: list[Row] = []
    if work.variant in metrics.OPTIONAL:  # a library that imports torchvision
        torchvision_guard()
    with one_thread():
        for number, pair in enumerate(pairs, 1):
            digest = recorded[f"images/{pair.id}.png"]
            have = {**done.get(pair.id, {}), **_journalled(journal.done.get(pair.id), digest, work)}
            missing = [name for name, _ in work.metrics if name not in have]
            if missing:
                new = _score(pair, image_path(context.out, fused, pair.id), digest, missing, work.variant)
                have |= new
                values = {name: value if math.isfinite(value) else str(value) for name, value in new.items()}
                journal.add(pair.id, {"picture": digest, "values": values})
            rows += [Row(work.suite, unit.method, unit.dataset, pair.id, name, work.variant, unit.seed, have[name])
                     for name, _ in work.metrics]
            context.checkpoint(number, len(pairs))
    return StageResult(rows, {"notes": undefined(work)})


def _score(pair: Pair, path: Path, digest: str, names: Sequence[str], variant: str) -> dict[str, float]:
    """The metrics of one picture. The variant says what colour becomes; the infrared picture is grey by definition.

    digest: sha256 of the picture that is meant.
    """
    ir, vi = pair.read8()
    values = metrics.evaluate(images.read(path, sha256=digest), ir, vi, metrics=names, variant=variant,
                              undefined="nan")
    return {name: float(value) for name, value in values.items()}


def _journalled(line: Any, digest: str, work: Scoring) -> dict[str, float]:
    """metric -> value of a journal's line, where it is of this very picture; {} for anything else."""
    known = {name for name, _ in work.metrics}
    try:
        if line["picture"] != digest or not set(line["values"]) <= known:
            return {}
        return {name: float(value) for name, value in line["values"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def undefined(work: Scoring) -> list[str]:
    """A sentence per metric that is not defined for the smallest pictures of the set; its values are nan."""
    names, notes = [name for name, _ in work.metrics], []
    sizes = {(pair.height, pair.width) for pair in work.pairs.pairs}  # few, where pictures may be many thousands
    by_size = {size: metrics.undefined(names, work.variant, size) for size in sizes}
    small = {pair.id: by_size[pair.height, pair.width] for pair in work.pairs.pairs}
    for name in names:
        affected = [item for item, found in small.items() if name in found]
        if affected:
            notes.append(f"{name} is undefined for {len(affected)} of {len(small)} pictures of {work.pairs.name} "
                         f"({affected[0]}: {small[affected[0]][name]})")
    return notes


def _taken_over(unit: Unit, out: Path) -> dict[str, dict[str, float]]:
    """picture -> metric -> value of other results of the same fused pictures, where the metric's key is the same."""
    work, found = scoring(unit), dict[str, dict[str, float]]()
    pictures = made_from(out, unit)
    for path in sorted((out / "score" / unit.method / unit.dataset).glob("*/result.json")):
        result = sealed_result(path)
        if result is None or result.stage != "score" or result.details.get(MADE_FROM) != pictures or \
                result.settings.get("variant") != work.variant:
            continue
        same = {name for name, key in work.metrics if [name, key] in result.settings.get("metrics", [])}
        for row in result_rows(result):
            if row.metric in same:
                found.setdefault(row.item, {})[row.metric] = row.value
    return found


register_stage(Stage("score", run))

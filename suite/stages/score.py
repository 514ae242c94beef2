"""Stage score: fusion metrics of the fused pictures, one row per picture and metric; resumed picture by picture.

A metric has a key of its own (its source): what another result of the same pictures holds under that key is taken over,
so that a changed or added metric scores only itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import metrics
from core.source import source_hash
from fusion import images
from fusion.pairs import Pair, PairSet
from results.rows import Row, from_json, to_json
from suite.stages import Context, Stage, StageResult, register_stage
from suite.stages.fuse import image_path
from suite.unit import Unit, result_rows, sealed_result


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
    partial = context.out / unit.folder / "partial.jsonl"
    done = {item: dict(values) for item, values in _taken_over(unit, context.out).items()}
    for item, values in _read_partial(partial).items():
        done.setdefault(item, {}).update(values)
    rows: list[Row] = []
    with partial.open("a", encoding="utf-8") as record:
        for number, pair in enumerate(pairs, 1):
            have = done.get(pair.id, {})
            missing = [name for name, _ in work.metrics if name not in have]
            if missing:
                found = _score(pair, image_path(context.out, fused, pair.id), missing, work.variant)
                have = {**have, **{name: Row(work.suite, unit.method, unit.dataset, pair.id, name, work.variant,
                                             unit.seed, value) for name, value in found.items()}}
                record.write(json.dumps([to_json(have[name]) for name in missing]) + "\n")
                record.flush()
            rows += [have[name] for name, _ in work.metrics]
            context.checkpoint(number, len(pairs))
    return StageResult(rows, {"notes": _undefined(work)})


def _score(pair: Pair, path: Path, names: Sequence[str], variant: str) -> dict[str, float]:
    """The metrics of one picture. The variant says what colour becomes; the infrared picture is grey by definition."""
    ir, vi = pair.read8()
    values = metrics.evaluate(images.read(path), ir, vi, metrics=names, variant=variant, undefined="nan")
    return {name: float(value) for name, value in values.items()}


def _undefined(work: Scoring) -> list[str]:
    """A sentence per metric that is not defined for the smallest pictures of the set; its values are nan."""
    names, notes = [name for name, _ in work.metrics], []
    small = {pair.id: metrics.undefined(names, work.variant, (pair.height, pair.width)) for pair in work.pairs.pairs}
    for name in names:
        affected = [item for item, found in small.items() if name in found]
        if affected:
            notes.append(f"{name} is undefined for {len(affected)} of {len(small)} pictures of {work.pairs.name} "
                         f"({affected[0]}: {small[affected[0]][name]})")
    return notes


def _taken_over(unit: Unit, out: Path) -> dict[str, dict[str, Row]]:
    """picture -> metric -> row of other results of the same fused pictures, where the metric's key is the same."""
    work, found = scoring(unit), dict[str, dict[str, Row]]()
    for path in sorted((out / "score" / unit.method / unit.dataset).glob("*/result.json")):
        result = sealed_result(path)
        if result is None or result.upstream != tuple(up.key for up in unit.upstream) or \
                result.stage != "score" or result.settings.get("variant") != work.variant:
            continue
        same = {name for name, key in work.metrics if [name, key] in result.settings.get("metrics", [])}
        for row in result_rows(result):
            if row.metric in same:
                found.setdefault(row.item, {})[row.metric] = Row(work.suite, unit.method, unit.dataset, row.item,
                                                                 row.metric, row.variant, unit.seed, row.value)
    return found


def _read_partial(path: Path) -> dict[str, dict[str, Row]]:
    """Rows of the pictures scored before a kill; a line that was cut is scored again."""
    if not path.exists():
        return {}
    done: dict[str, dict[str, Row]] = {}
    whole = []
    for line in path.read_bytes().decode("utf-8", errors="replace").splitlines(keepends=True):
        try:
            rows = [from_json(values) for values in json.loads(line)] if line.endswith("\n") else []
        except (ValueError, TypeError):
            rows = []
        if not rows:  # cut or damaged: this picture and the following ones are scored again
            break
        done[rows[0].item] = {row.metric: row for row in rows}
        whole.append(line)
    path.write_text("".join(whole), encoding="utf-8")  # drop the cut line before appending
    return done


register_stage(Stage("score", run))

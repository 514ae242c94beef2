"""Pictures made again, float32 on the reference path and bf16 on the path that it was made on, and scored again."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import metrics
from core.errors import IvfbenchError
from fusion import images
from fusion.method import FLOAT32, Method, MethodError, load_method, weights_of
from fusion.pairs import Pair
from results.records import PairRecord, ResultRecord, RunRecord, UnitRecord
from results.rows import from_json
from suite.checks.findings import Findings
from suite.errors import UserError
from suite.planning import Planning
from suite.stages.fuse import WEIGHTS, Fusing
from suite.threads import one_thread

# The reference path of a metric may differ from the fast one in the last bits, a network by float32 noise: one level.
METRIC_TOLERANCE = 1e-9
LEVELS = 1
# In bfloat16 float32 noise may turn the rounding of a value inside the network. On one path with 1, 2 and 3 threads 26
# of 27 networks left equal pictures, one differed by a level; another CPU may sum in yet another order.
BFLOAT16_LEVELS = 2


class _NotHere(Exception):
    """What a picture was made of is not at hand: nothing is wrong, nothing can be said."""


@dataclass(frozen=True)
class Fused:
    """A fuse unit with everything that is needed to make its pictures again. scores: of its pictures."""

    unit: UnitRecord
    result: ResultRecord
    pairs: Sequence[PairRecord]
    scores: tuple[ResultRecord, ...]


class Again:
    """Makes and compares. plan: the run's plan made again, or None."""

    def __init__(self, out: Path, run: RunRecord, stored: Mapping[str, ResultRecord], plan: Planning | None,
                 weights: Path, device: str, findings: Findings):
        self.out, self.run, self.stored, self.plan = out, run, stored, plan
        self.weights, self.device, self.findings = weights, device, findings
        self._planned = {unit.key: unit for unit in plan.units} if plan else {}
        self._methods: dict[str, Method] = {}

    def units(self) -> list[Fused]:
        scores = defaultdict[str, list[ResultRecord]](list)
        for result in self.stored.values():
            if result.stage == "score":
                scores[result.upstream[0]].append(result)
        return [Fused(unit, self.stored[unit.key], self.run.datasets[unit.dataset].pairs, tuple(scores[unit.key]))
                for unit in self.run.units if unit.stage == "fuse" and unit.key in self.stored
                and unit.dataset in self.run.datasets]

    def check(self, of: Fused, entry: PairRecord) -> None:
        """One picture."""
        where = f"{of.result.method} {of.result.dataset} {entry.id}"
        path = self.out / of.unit.folder / "images" / f"{entry.id}.png"
        try:
            kept = images.read(path)
        except IvfbenchError as error:
            self.findings.wrong.append(f"{where}: {error}")
            return
        try:
            off = np.abs(_channels(self._fused(of, entry)) - _channels(kept)).max()
            self.findings.count("pictures fused again")
            if off > _allowed(of.result):
                self.findings.wrong.append(f"{where}: fused again it differs by {off} levels")
        except _NotHere as reason:
            self.findings.unknown.append(f"pictures of {of.result.method} on {of.result.dataset}: {reason}")
        except (IvfbenchError, ValueError) as error:
            self.findings.wrong.append(f"{where}: {error}")
        if of.scores:
            self._scores(of, entry, kept, where)

    def _scores(self, of: Fused, entry: PairRecord, kept: np.ndarray, where: str) -> None:
        try:
            pair = self._pair(of, entry)
            for score in of.scores:
                self.findings.wrong += _score_faults(score, entry.id, kept, pair, where, self.findings)
        except _NotHere as reason:
            self.findings.unknown.append(f"scores on {of.result.dataset}: {reason}")
        except IvfbenchError as error:
            self.findings.wrong.append(f"{where}: {error}")

    def _pair(self, of: Fused, entry: PairRecord) -> Pair:
        """As planned again, where it was: its files may lie elsewhere by now."""
        pairs = self.plan.datasets.get(of.result.dataset) if self.plan else None
        found = next((pair for pair in pairs.pairs if pair.id == entry.id), None) if pairs else None
        if found is not None:
            return found
        pair = Pair(entry.id, self.out / entry.ir, self.out / entry.vi, 0, 0)
        if not (pair.ir.is_file() and pair.vi.is_file()):
            raise _NotHere(f"{pair.vi} is not here; --data DIR names the sources")
        return pair

    def _fused(self, of: Fused, entry: PairRecord) -> np.ndarray:
        settings = of.result.settings
        if "object" in settings:
            raise _NotHere("an object of a Python program made them")
        if "precomputed" in settings:
            planned = self._planned.get(of.result.key)
            if planned is None or not isinstance(planned.work, Fusing) or planned.work.brought is None:
                raise _NotHere("the folder that they were brought from is not here")
            return planned.work.brought.read(entry.id)
        method = self._method(of.result)
        size = int(settings["batch_size"])
        place = [pair.id for pair in of.pairs].index(entry.id)
        batch = [self._pair(of, other) for other in of.pairs[place - place % size:place - place % size + size]]
        canvas = self._canvas(of) if size > 1 else (0, 0)
        fused = method.fuse_batch([pair.read() for pair in batch], canvas)[place % size]
        return method.written(fused, batch[place % size].vi)

    def _canvas(self, of: Fused) -> tuple[int, int]:
        sizes = [images.size(self._pair(of, entry).vi) for entry in of.pairs]
        return max(height for height, _ in sizes), max(width for _, width in sizes)

    def _method(self, result: ResultRecord) -> Method:
        """The method with the weights and precision that the unit had; loaded once."""
        if result.key not in self._methods:
            self._methods = {result.key: self._load(result)}  # one at a time: units come one after the other
        return self._methods[result.key]

    def _load(self, result: ResultRecord) -> Method:
        settings = result.settings
        precision = settings.get("precision", FLOAT32)
        if "network" in settings:  # trained by this run (Table VI)
            trained = next((unit for unit in self.run.units if unit.key == result.upstream[0]), None)
            if trained is None or not (self.out / trained.folder / WEIGHTS).is_file():
                raise UserError(f"{WEIGHTS} of the training that it was fused with is gone")
            method = load_method(settings["network"], weights=self.out / trained.folder / WEIGHTS, device=self.device,
                                 precision=precision)
        else:
            try:
                method = load_method(result.method, weights=weights_of(result.method, self.weights),
                                     device=self.device, protocol=settings["protocol"], precision=precision)
            except MethodError as error:
                raise _NotHere(f"not fused again ({error})") from error
            if [digest for _, digest in method.weight_hashes()] != list(settings["weights"]):
                raise UserError(f"{', '.join(map(str, method.weight_files))}: not the weights that the pictures were "
                                "made with; name those with --weights")
        if precision == FLOAT32:
            method.use_reference_path()
        elif method.path != result.provenance.get("network"):
            raise _NotHere(f"numbers of {precision} hang on how a network runs; then: "
                           f"{result.provenance.get('network')}; here: {method.path}")
        return method


def _allowed(result: ResultRecord) -> int:
    """Levels by which a picture that is fused again may differ from the unit's."""
    if "precomputed" in result.settings:
        return 0
    return LEVELS if result.settings.get("precision", FLOAT32) == FLOAT32 else BFLOAT16_LEVELS


def sample(units: Sequence[Fused], pictures: int, seed: int, *, everything: bool) -> Iterator[tuple[Fused, PairRecord]]:
    """Which pictures are made again: at least one of every unit, `pictures` in all where they are more; 0: none."""
    if not pictures and not everything:
        return
    rng = random.Random(seed)
    chosen = [set(range(len(of.pairs))) if everything or not of.pairs else {rng.randrange(len(of.pairs))}
              for of in units]
    left = [(number, place) for number, of in enumerate(units) for place in range(len(of.pairs))
            if place not in chosen[number]]
    for number, place in rng.sample(left, min(len(left), max(0, pictures - sum(map(len, chosen))))):
        chosen[number].add(place)
    for of, places in zip(units, chosen):
        yield from ((of, of.pairs[place]) for place in sorted(places))


def _score_faults(result: ResultRecord, item: str, fused: np.ndarray, pair: Pair, where: str,
                  findings: Findings) -> Iterator[str]:
    ir, vi = pair.read8()
    names = [name for name, *_ in result.settings["metrics"]]
    with one_thread():
        again: dict[str, Any] = metrics.evaluate_plainly(fused, ir, vi, metrics=names,
                                                         variant=result.settings["variant"], undefined="nan")
    for row in (from_json(values) for values in result.rows):
        if row.item == item:
            findings.count("values scored again on the reference path")
            if not np.isclose(again[row.metric], row.value, rtol=METRIC_TOLERANCE, atol=1e-12, equal_nan=True):
                yield f"{where}: {row.metric} is {row.value!r}, scored again {again[row.metric]!r}"


def _channels(image: np.ndarray) -> np.ndarray:
    """int [H,W,1] or [H,W,3]: a grey picture equals itself stored as RGB."""
    return (image if image.ndim == 3 else image[..., None]).astype(int)

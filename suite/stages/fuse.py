"""Stage fuse: one method over one data set; images/<id>.png, resumed picture by picture."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from baselines.precomputed import Precomputed
from core.files import make_way, sha256, write_bytes
from fusion import images
from fusion.device import Batches, memory_of
from fusion.method import FLOAT32, Method, load_method
from fusion.pairs import Pair, PairSet
from suite.inputs import load_planned, unchanged
from suite.journal import Journal
from suite.memory import give_back_if_much
from suite.stages import Context, Stage, StageResult, register_stage
from suite.unit import Unit, artefact_hashes

WEIGHTS = "weights.safetensors"  # what a training leaves in its folder


@dataclass(frozen=True)
class Fusing:
    """A registered method (protocol, weights), pictures that were brought, a method object, or a network that an
    upstream training leaves.

    weights: the folder of its files; digests: their sha256. batch_size: pictures whose outputs depend on one another.
    precision: of a registered method's or a trained network's products.
    """

    pairs: PairSet
    protocol: str = "released"
    version: int = 1
    batch_size: int = 1
    weights: Path | None = None
    digests: tuple[str, ...] = ()
    brought: Precomputed | None = None
    network: str = ""
    precision: str = FLOAT32
    instance: Method | None = field(default=None, compare=False)

    def decides(self) -> Mapping[str, Any]:
        how: dict[str, Any] = {"protocol": self.protocol, "method_version": self.version,
                               "weights": list(self.digests)}
        if self.brought is not None:
            how = {"precomputed": self.brought.manifest}
        elif self.network:
            how = {"network": self.network}
        elif self.instance is not None:
            how = {"object": self.instance.name}
        if self.precision != FLOAT32:  # said only then: what was fused before there was a choice keeps its key
            how["precision"] = self.precision
        return {**how, "manifest": self.pairs.manifest, "batch_size": self.batch_size}


def image_path(out: Path, unit: Unit, pair_id: str) -> Path:
    return out / unit.folder / "images" / f"{pair_id}.png"


def fusing(unit: Unit) -> Fusing:
    """What a fuse unit is about."""
    assert isinstance(unit.work, Fusing), unit
    return unit.work


def run(unit: Unit, context: Context) -> StageResult:
    """Write every fused picture that is not there as the journal says. A fuse unit has no rows."""
    work = fusing(unit)
    pairs = work.pairs.pairs
    made = _Pictures(unit, context.out)
    if work.brought is not None:
        provenance = _bring(work.brought, pairs, made, context)
    elif work.batch_size > 1:
        provenance = _fuse_dependent(unit, work, made, context)
    else:
        provenance = _fuse_independent(unit, work.pairs, made, context)
    context.checkpoint(len(pairs), len(pairs))
    return StageResult(artefacts={f"images/{pair.id}.png": made.hashes[pair.id] for pair in pairs},
                       provenance=provenance)


def _bring(brought: Precomputed, pairs: tuple[Pair, ...], made: "_Pictures", context: Context) -> dict[str, Any]:
    for done, pair in enumerate(pairs):
        if not made.holds(pair.id):
            context.checkpoint(done, len(pairs))
            made.write(pair.id, brought.read(pair.id))
    return {}


def _fuse_dependent(unit: Unit, work: Fusing, made: "_Pictures", context: Context) -> dict[str, Any]:
    """Pictures of one batch depend on one another: a batch is done whole or again."""
    pairs, method = work.pairs.pairs, None
    for start in range(0, len(pairs), work.batch_size):
        batch = pairs[start:start + work.batch_size]
        if all(made.holds(pair.id) for pair in batch):
            continue
        context.checkpoint(start, len(pairs))
        method = method or load(unit, context)
        give_back_if_much()
        sources = [pair.read() for pair in batch]
        _write(method, batch, sources, method.fuse_batch(sources, work.pairs.canvas), made)
    return _path(method)


def _fuse_independent(unit: Unit, pairs: PairSet, made: "_Pictures", context: Context) -> dict[str, Any]:
    """As many pairs of one size at once as the device takes (fusion.device)."""
    missing = [(at, pair) for at, pair in enumerate(pairs.pairs) if not made.holds(pair.id)]
    if not missing:
        return {}
    method = load(unit, context)
    batches = Batches(method, memory_of(context.device), pairs.canvas)
    opened = ((at, pair, pair.read()) for at, pair in missing)  # one after the other, as they are asked for
    for size, alike in groupby(opened, key=lambda one: one[2][0].shape):
        while batch := tuple(islice(alike, batches.count(*size))):
            places, some, sources = zip(*batch, strict=True)
            context.checkpoint(places[0], len(pairs.pairs))
            give_back_if_much()
            _write(method, some, sources, batches.fuse(sources), made)
    return _path(method) | ({"pictures_at_once": batches.most_at_once} if batches.most_at_once > 1 else {})


class _Pictures:
    """The fused pictures of a unit. A picture that the journal does not know by its hash is made again."""

    def __init__(self, unit: Unit, out: Path):
        self._unit, self._out = unit, out
        (out / unit.folder / "images").mkdir(exist_ok=True)
        self._journal = Journal(out / unit.folder, unit.key)

    @property
    def hashes(self) -> Mapping[str, str]:
        return self._journal.done

    def holds(self, pair_id: str) -> bool:
        path = image_path(self._out, self._unit, pair_id)
        return pair_id in self.hashes and path.is_file() and sha256(path) == self.hashes[pair_id]

    def write(self, pair_id: str, picture: np.ndarray) -> None:
        """The hash is recorded first: a picture under its name is a known one, whenever the run is killed."""
        path, content = image_path(self._out, self._unit, pair_id), images.encode_png(picture)
        self._journal.add(pair_id, hashlib.sha256(content).hexdigest())
        make_way(path)
        write_bytes(path, content)


def load(unit: Unit, context: Context) -> Method:
    """The method itself, or the network that an upstream training left behind.

    Raises ImageError or MethodError where weights are not those that the run was planned with.
    """
    work = fusing(unit)
    if work.instance is not None:
        return work.instance
    if work.network:
        trained = unit.upstream[0]
        weights = context.out / trained.folder / WEIGHTS
        with unchanged({weights: artefact_hashes(context.out, trained)[WEIGHTS]}):
            return load_method(work.network, weights=weights, device=context.device, precision=work.precision)
    return load_planned(unit.method, work.weights, work.digests, context.device, work.protocol, work.precision)


def _path(method: Method | None) -> dict[str, Any]:
    """How the network ran, for the record."""
    return {"network": method.path} if method and method.path else {}


def _write(method: Method, pairs: Sequence[Pair], sources: Sequence[tuple[np.ndarray, np.ndarray]],
           pictures: Sequence[np.ndarray], made: _Pictures) -> None:
    for pair, (ir, _), fused in zip(pairs, sources, pictures, strict=True):
        if fused.shape[:2] != ir.shape:
            raise images.ImageError(f"{method.name} returned {fused.shape} for {pair.id} of {ir.shape}")
        made.write(pair.id, method.written(fused, pair.vi))


register_stage(Stage("fuse", run))

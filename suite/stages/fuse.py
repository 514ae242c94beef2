"""Stage fuse: one method over one data set; images/<id>.png, resumed picture by picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from baselines.precomputed import Precomputed
from fusion import images
from fusion.method import Method, load_method
from fusion.pairs import Pair, PairSet
from suite.stages import Context, Stage, StageResult, register_stage
from suite.unit import Unit

WEIGHTS = "weights.safetensors"  # what a training leaves in its folder


@dataclass(frozen=True)
class Fusing:
    """A registered method (protocol, weights), pictures that were brought, a method object, or a network that an
    upstream training leaves.

    weights: the folder of its files; digests: their sha256. batch_size: pictures whose outputs depend on one another.
    """

    pairs: PairSet
    protocol: str = "released"
    version: int = 1
    batch_size: int = 1
    weights: Path | None = None
    digests: tuple[str, ...] = ()
    brought: Precomputed | None = None
    network: str = ""
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
        return {**how, "manifest": self.pairs.manifest, "batch_size": self.batch_size}


def image_path(out: Path, unit: Unit, pair_id: str) -> Path:
    return out / unit.folder / "images" / f"{pair_id}.png"


def fusing(unit: Unit) -> Fusing:
    """What a fuse unit is about."""
    assert isinstance(unit.work, Fusing), unit
    return unit.work


def run(unit: Unit, context: Context) -> StageResult:
    """Write every fused picture that is not there yet. A fuse unit has no rows."""
    work = fusing(unit)
    pairs = work.pairs.pairs
    path = {pair.id: image_path(context.out, unit, pair.id) for pair in pairs}
    (context.out / unit.folder / "images").mkdir(exist_ok=True)
    method: Method | None = None
    for start in range(0, len(pairs), work.batch_size):
        batch = pairs[start:start + work.batch_size]
        # pictures of one batch depend on one another: a batch is done whole or again
        if not all(path[pair.id].exists() for pair in batch):
            if work.brought is not None:
                for pair in batch:
                    images.write_png(path[pair.id], work.brought.read(pair.id))
            else:
                method = method or _load(unit, context)
                _fuse_batch(method, batch, work.pairs.canvas, path)
        context.checkpoint(start + len(batch), len(pairs))
    return StageResult()


def _load(unit: Unit, context: Context) -> Method:
    """The method itself, or the network that an upstream training left behind."""
    work = fusing(unit)
    if work.instance is not None:
        return work.instance
    if work.network:
        weights = context.out / unit.upstream[0].folder / WEIGHTS
        return load_method(work.network, weights=weights, device=context.device)
    return load_method(unit.method, weights=work.weights, device=context.device, protocol=work.protocol)


def _fuse_batch(method: Method, batch: tuple[Pair, ...], canvas: tuple[int, int], path: dict[str, Path]) -> None:
    sources = [pair.read() for pair in batch]
    for pair, (ir, _), fused in zip(batch, sources, method.fuse_batch(sources, canvas), strict=True):
        if fused.shape[:2] != ir.shape:
            raise images.ImageError(f"{method.name} returned {fused.shape} for {pair.id} of {ir.shape}")
        images.write_png(path[pair.id], method.written(fused, pair.vi))


register_stage(Stage("fuse", run))

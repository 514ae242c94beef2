"""Stage fuse: one method over one data set; images/<id>.png, resumed picture by picture."""

from pathlib import Path

from fusion import images
from fusion.method import Method, load_method
from fusion.pairs import Pair
from suite.stages import Context, Made
from suite.stages.train import WEIGHTS
from suite.unit import Unit

VERSION = 1


def image_path(out: Path, unit: Unit, pair_id: str) -> Path:
    return out / unit.folder / "images" / f"{pair_id}.png"


def run(unit: Unit, context: Context) -> Made:
    """Write every fused picture that is not there yet. A fuse unit has no rows."""
    pairs = unit.inputs["pairs"]
    path = {pair.id: image_path(context.out, unit, pair.id) for pair in pairs.pairs}
    (context.out / unit.folder / "images").mkdir(exist_ok=True)
    total = len(pairs.pairs)
    method: Method | None = None
    batch_size = unit.settings["batch_size"]
    for start in range(0, total, batch_size):
        batch = pairs.pairs[start:start + batch_size]
        # pictures of one batch depend on one another: a batch is done whole or again
        if not all(path[pair.id].exists() for pair in batch):
            if "precomputed" in unit.inputs:
                for pair in batch:
                    images.write_png(path[pair.id], unit.inputs["precomputed"].read(pair.id))
            else:
                method = method or _load(unit, context)
                _fuse_batch(method, batch, pairs.canvas, path)
        context.checkpoint(start + len(batch), total)
    return Made()


def _load(unit: Unit, context: Context) -> Method:
    """The method itself, or the network that an upstream training left behind."""
    if unit.upstream:
        weights = context.out / unit.upstream[0].folder / WEIGHTS
        return load_method(unit.settings["network"], weights=weights, device=context.device)
    return load_method(unit.method, weights=unit.inputs["weights"], device=context.device,
                       protocol=unit.settings["protocol"])


def _fuse_batch(method: Method, batch: tuple[Pair, ...], canvas: tuple[int, int], path: dict[str, Path]) -> None:
    sources = [pair.read() for pair in batch]
    for pair, (ir, _), fused in zip(batch, sources, method.fuse_batch(sources, canvas), strict=True):
        if fused.shape[:2] != ir.shape:
            raise images.ImageError(f"{method.name} returned {fused.shape} for {pair.id} of {ir.shape}")
        images.write_png(path[pair.id], method.written(fused, pair.vi))

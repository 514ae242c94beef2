"""What the two trained stages share: their pictures, their progress, their rows."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from results.rows import Row
from suite.stages import Context
from suite.stages.fuse import image_path
from suite.unit import Unit


def pictures(unit: Unit, context: Context) -> dict[str, Path | tuple[Path, Path]]:
    """id -> the fused units' own file; the two source files where nothing was fused (four-channel input)."""
    if not unit.upstream:
        return {pair.id: pair.ir if pair.packed else (pair.ir, pair.vi)
                for pairs in unit.inputs["pair_sets"] for pair in pairs.pairs}
    return {pair.id: image_path(context.out, fused, pair.id)
            for fused in unit.upstream for pair in fused.inputs["pairs"].pairs}


def progress_of(unit: Unit, context: Context) -> Callable[[int, int, float], None]:
    """Epochs as progress with the estimated cost; a stop is honoured after the epoch, whose state is saved by then."""
    def report(done: int, total: int, loss: float) -> None:
        cost = json.loads((context.out / unit.folder / "cost.json").read_text(encoding="utf-8"))
        context.checkpoint(done, total, f"loss {loss:.3f}, about {cost['predicted_hours']:.2g} {cost['unit']} in all "
                                        f"({cost['seconds_per_epoch']:.1f} s an epoch)")

    return report


def cost_of(result) -> dict:
    """The estimate made after the first epoch beside what the training took, over all calls of a resumed one."""
    return {**result.cost, "measured_hours": round(result.seconds / 3600, 6)}


def rows_of(unit: Unit, suite: str, variant: str, found: Iterable[Mapping]) -> list[Row]:
    """Rows of a training: item, metric and value with the unit's address."""
    return [Row(suite, unit.method, unit.dataset, row["item"], row["metric"], variant, unit.seed, float(row["value"]))
            for row in found]

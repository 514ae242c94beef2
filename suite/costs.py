"""What a unit costs, in multiply-accumulates, and how long it is with what waits for it: the longest begins first."""

from collections.abc import Mapping, Sequence
from functools import cache

from fusion.method import Method, find
from suite.listing import SIZE, counted
from suite.stages import find_stage
from suite.stages.fuse import Fusing
from suite.stages.score import Scoring
from suite.unit import Unit

# Scoring in the same coin: 20 ns a pixel and metric where a network makes 35e9 multiply-accumulates a second (one core,
# the nine metrics of the paper's text). The order needs no more than that.
SCORING = 700
TRAINING = 1e18  # longer than any fusing, and not known before its first epoch: trainings keep the plan's order


def cost(unit: Unit) -> float:
    """Multiply-accumulates of all pictures of a fuse unit, the like of a score unit; 0 where nothing is known.

    The method's own count for one picture (`Method.complexity`) is scaled by the set's pixels.
    """
    work = unit.work
    if isinstance(work, Fusing):
        pixels = sum(pair.height * pair.width for pair in work.pairs.pairs)
        if work.brought is not None:
            return 0.0
        if work.instance is not None:
            return pixels * _counted(type(work.instance))
        return pixels * _per_pixel(work.network or unit.method)
    if isinstance(work, Scoring):
        return float(SCORING * len(work.metrics) * sum(pair.height * pair.width for pair in work.pairs.pairs))
    return TRAINING if find_stage(unit.stage).epochs else 0.0


@cache
def _per_pixel(method: str) -> float:
    """Multiply-accumulates a pixel: from the package's table, which a test counts again, else counted now."""
    if method in counted():
        return counted()[method][1] / (SIZE[0] * SIZE[1])
    return _counted(find(method))


def _counted(method: type[Method]) -> float:
    try:
        found = method.complexity(*SIZE)
    except Exception:  # a plug-in's: what only decides the order must not end the run
        return 0.0
    return 0.0 if found is None else found.macs / (SIZE[0] * SIZE[1])


def chains(units: Sequence[Unit], costs: Mapping[str, float]) -> dict[str, float]:
    """Unit key -> its cost and that of the costliest chain of units that wait for it.

    Args:
        units: each after its upstream. costs: key -> cost, 0 where it is missing.
    """
    longest: dict[str, float] = {}  # key -> costliest chain that waits for it
    found: dict[str, float] = {}
    for unit in reversed(units):
        found[unit.key] = costs.get(unit.key, 0.0) + longest.get(unit.key, 0.0)
        for up in unit.upstream:
            longest[up.key] = max(longest.get(up.key, 0.0), found[unit.key])
    return found

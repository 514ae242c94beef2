"""Scoring: one fused image, or many that share their sources.

Metrics are computed side by side on as many threads as OMP_NUM_THREADS allows (default: the processors at hand, at most
four, the use of more being small). Each metric by itself is computed in one thread: values do not depend on the number.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from metrics.picture import Picture, checked, same_shape
from metrics.registry import Metric, MetricError, select


class Scorer:
    """Scores fused images against one pair of sources, computing everything that depends on the sources once.

    Args:
        ir, vi: the sources, uint8 or float [H,W] in 0..255, of one shape.
        metrics: names (default: all that the variant defines).
        variant: whose definitions.
    Raises MetricError (a ValueError) for unknown names or images that a metric cannot take.
    """

    def __init__(self, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
                 variant: str = "smfnet"):
        self.metrics = select(metrics, variant)
        ir, vi = checked(ir, "ir"), checked(vi, "vi")
        same_shape(ir, ir, vi)
        _check_size(self.metrics, ir)
        self._ir, self._vi = Picture(ir, kept=True), Picture(vi, kept=True)

    def score(self, fused: np.ndarray) -> dict[str, float]:
        """The metrics of one fused image ([H,W] like the sources), by name and in the order asked for."""
        fused = checked(fused, "fused")
        same_shape(fused, self._ir.image, self._vi.image)
        return _score(self.metrics, Picture(fused), self._ir, self._vi)


def evaluate(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
             variant: str = "smfnet") -> dict[str, float]:
    """Score one fused image; the same numbers as `Scorer`, which is the faster for several methods.

    Args:
        fused, ir, vi: uint8 or float [H,W] in 0..255, of one shape.
        metrics: names (default: all that the variant defines).
        variant: whose definitions.
    Returns name -> value; nan where the definition gives none.
    Raises MetricError (a ValueError) for unknown names or images that a metric cannot take.
    """
    chosen, images = _prepared(fused, ir, vi, metrics, variant)
    return _score(chosen, *(Picture(image) for image in images))


def evaluate_plainly(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
                     variant: str = "smfnet") -> dict[str, float]:
    """As `evaluate`, but by the plain definitions, which share nothing: the reference for the fast path."""
    chosen, images = _prepared(fused, ir, vi, metrics, variant)
    images = [image.astype(np.float64) for image in images]
    return {metric.name: float(metric.function(*images)) for metric in chosen}


def _prepared(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, metrics: Iterable[str] | None,
              variant: str) -> tuple[tuple[Metric, ...], list[np.ndarray]]:
    chosen = select(metrics, variant)
    images = [checked(fused, "fused"), checked(ir, "ir"), checked(vi, "vi")]
    same_shape(*images)
    _check_size(chosen, images[0])
    return chosen, images


def _score(metrics: Iterable[Metric], fused: Picture, ir: Picture, vi: Picture) -> dict[str, float]:
    def value(metric: Metric) -> float:
        if metric.fast is None:
            return float(metric.function(fused.pixels, ir.pixels, vi.pixels))
        return float(metric.fast(fused, ir, vi))

    names, threads = [metric.name for metric in metrics], _threads()
    if threads == 1 or len(names) == 1:
        return dict(zip(names, map(value, metrics)))
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip(names, pool.map(value, metrics)))


def _threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    at_hand = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, at_hand)


def _check_size(metrics: Iterable[Metric], image: np.ndarray) -> None:
    height, width = image.shape
    for metric in metrics:
        if min(height, width) < metric.smallest:
            raise MetricError(f"{metric.name} ({metric.variant}) needs at least {metric.smallest}x{metric.smallest} "
                              f"pixels; the images have {width}x{height}. Leave {metric.name} out (metrics=[...])")

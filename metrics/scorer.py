"""Scoring: one fused image, or many that share their sources.

Metrics are computed side by side on as many threads as OMP_NUM_THREADS allows (default: the processors at hand, at most
four, the use of more being small). Each metric by itself is computed in one thread: values do not depend on the number.
"""

import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np

from metrics.colour import View, view, views
from metrics.picture import Picture, checked, eight_bit, same_shape
from metrics.registry import Metric, MetricError, select, undefined
from metrics.toolboxes import toolbox

Undefined = Literal["raise", "nan"]


class Scorer:
    """Scores fused images against one pair of sources, computing everything that depends on the sources once.

    Args:
        ir, vi: the sources, uint8 or float in 0..255, [H,W] or [H,W,3] (RGB), of one height and width.
        metrics: names (default: all that the variant defines).
        variant: whose definitions, and whose rule for colour pictures.
        undefined: what is done about a metric that is not defined for pictures so small: an error, or nan.
    Raises MetricError (a ValueError) for unknown names or images that a metric cannot take.
    """

    def __init__(self, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
                 variant: str = "smfnet", undefined: Undefined = "raise"):
        self.metrics = select(metrics, variant)
        ir, vi = checked(ir, "ir"), checked(vi, "vi")
        same_shape(ir, ir, vi)
        self._left_out = _left_out(self.metrics, ir, undefined)
        self._ir, self._vi = _Views(ir, kept=True), _Views(vi, kept=True)

    def score(self, fused: np.ndarray) -> dict[str, float]:
        """The metrics of one fused image (grey or colour, as high and wide as the sources), by name, in order."""
        fused = checked(fused, "fused")
        same_shape(fused, self._ir.image, self._vi.image)
        return _score(self.metrics, self._left_out, _Views(fused), self._ir, self._vi)


def evaluate(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
             variant: str = "smfnet", undefined: Undefined = "raise") -> dict[str, float]:
    """Score one fused image; the same numbers as `Scorer`, which is the faster for several methods.

    Args:
        fused, ir, vi: uint8 or float in 0..255, [H,W] or [H,W,3] (RGB), of one height and width.
        metrics: names (default: all that the variant defines, in the toolbox's own order).
        variant: whose definitions, and whose rule for colour pictures (`metrics.toolboxes`).
        undefined: what is done about a metric that is not defined for pictures so small: an error, or nan.
    Returns name -> value; nan where the definition gives none.
    Raises MetricError (a ValueError) for unknown names or images that a metric cannot take.
    """
    chosen, images, left_out = _prepared(fused, ir, vi, metrics, variant, undefined)
    return _score(chosen, left_out, *(_Views(image) for image in images))


def evaluate_plainly(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
                     variant: str = "smfnet", undefined: Undefined = "raise") -> dict[str, float]:
    """As `evaluate`, but by the plain definitions, which share nothing: the reference for the fast path."""
    chosen, images, left_out = _prepared(fused, ir, vi, metrics, variant, undefined)
    return {metric.name: math.nan if metric.name in left_out else
            _mean([float(metric.function(*(view(image, which).astype(np.float64) for image in images)))
                   for which in views(toolbox(variant), metric.name, *images)]) for metric in chosen}


def evaluate_pair(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, metrics: Iterable[str] | None = None,
                  variant: str = "smfnet", undefined: Undefined = "raise") -> dict[str, float]:
    """Score what a method returns against what the files of a pair hold, by the rules of the benchmark's own runs.

    Args:
        fused: float in 0..1, [H,W] or [H,W,3] (RGB), clipped and rounded to 8 bits here; or uint8, as saved.
        ir, vi: uint8 [H,W] or [H,W,3] (RGB), as read from the files; or float in 0..1, which is rounded likewise.
        metrics, variant, undefined: as for `evaluate`. Colour becomes grey by the variant's rule.
    Returns name -> value. Raises MetricError as `evaluate` does, and for nan or infinite pixels.

    >>> fused = np.linspace(0, 1, 64).reshape(8, 8)
    >>> ir = vi = np.uint8(np.floor(255 * fused + 0.5))
    >>> evaluate_pair(fused, ir, vi, metrics=["EN", "MSE"])
    {'EN': 6.0, 'MSE': 0.0}
    """
    images = [eight_bit(image, role) for image, role in ((fused, "fused"), (ir, "ir"), (vi, "vi"))]
    return evaluate(*images, metrics=metrics, variant=variant, undefined=undefined)


class _Views:
    """One image and its one-channel pictures, each made once."""

    def __init__(self, image: np.ndarray, *, kept: bool = False):
        self.image, self._kept = image, kept
        self._pictures: dict[View | None, Picture] = {}

    def picture(self, which: View) -> Picture:
        key = None if self.image.ndim == 2 and which != "beside" else which
        if key not in self._pictures:
            self._pictures[key] = Picture(view(self.image, which), kept=self._kept)
        return self._pictures[key]


def _prepared(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, metrics: Iterable[str] | None, variant: str,
              rule: Undefined) -> tuple[tuple[Metric, ...], list[np.ndarray], dict[str, str]]:
    chosen = select(metrics, variant)
    images = [checked(fused, "fused"), checked(ir, "ir"), checked(vi, "vi")]
    same_shape(*images)
    return chosen, images, _left_out(chosen, images[0], rule)


def _score(metrics: Sequence[Metric], left_out: dict[str, str], fused: _Views, ir: _Views, vi: _Views,
           ) -> dict[str, float]:
    def value(metric: Metric) -> float:
        if metric.name in left_out:
            return math.nan
        chosen = views(toolbox(metric.variant), metric.name, fused.image, ir.image, vi.image)
        return _mean([_value(metric, *(of.picture(which) for of in (fused, ir, vi))) for which in chosen])

    threads = _threads()
    if threads == 1 or len(metrics) == 1:
        return {metric.name: value(metric) for metric in metrics}
    with ThreadPoolExecutor(threads) as pool:
        return dict(zip([metric.name for metric in metrics], pool.map(value, metrics)))


def _value(metric: Metric, fused: Picture, ir: Picture, vi: Picture) -> float:
    if metric.fast is None:
        return float(metric.function(fused.pixels, ir.pixels, vi.pixels))
    return float(metric.fast(fused, ir, vi))


def _mean(values: Sequence[float]) -> float:
    return values[0] if len(values) == 1 else sum(values) / len(values)


def _threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    at_hand = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, at_hand)


def _left_out(metrics: Sequence[Metric], image: np.ndarray, rule: Undefined) -> dict[str, str]:
    """The metrics that count as nan for so small an image; under "raise" an error instead."""
    if rule not in ("raise", "nan"):
        raise MetricError(f"undefined={rule!r}; expected 'raise' or 'nan'")
    if not metrics:
        return {}
    found = undefined([metric.name for metric in metrics], metrics[0].variant, image.shape)
    for name, reason in found.items():
        if rule == "raise":
            raise MetricError(f"{name} ({metrics[0].variant}) {reason}. Leave {name} out (metrics=[...]), or take nan "
                              "for it (undefined=\"nan\")")
    return found

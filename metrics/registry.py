"""The registry: a metric is (name, variant), and carries its direction, bounds and source.

One file in `metrics/definitions/` registers one metric under every variant that defines it; nothing else has to be
edited. The files are imported on first use, so `import metrics` stays cheap.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from core.errors import IvfbenchError
from core.names import nearest

# The toolboxes whose definitions are kept apart, at the commits that were read.
SMFNET = "Abraham-Einstein/SMFNet@5097711"
CDDFUSE = "Zhaozixiang1228/MMIF-CDDFuse@fd8da1f"
VIFB = "xingchenzhang/VIFB@22b2ea9"
TANG = "Linfeng-Tang/Evaluation-for-Image-Fusion@0e87153"

TABLE_METRICS = ("EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM")  # Table I, in its order
TEXT_METRICS = (*TABLE_METRICS, "SCD")  # the nine that the paper's text names
_ORDER = (*TEXT_METRICS, "MSE", "CC", "PSNR", "Nabf")  # any other metric comes after these, by name


class MetricError(IvfbenchError):
    """An unknown metric or variant, or an image that a metric cannot take; the message names the remedy."""


@dataclass(frozen=True)
class Metric:
    """One definition of one metric.

    Attributes:
        name: short name, as in the paper's tables ("VIF").
        variant: whose definition it is ("smfnet", "cddfuse", ...).
        higher_is_better: the direction.
        title: full name, for legends and pages.
        bounds: the smallest and largest value that the definition can give on 0..255 images.
        source: repository@commit and the function there.
        function: the definition written plainly, (fused, ir, vi) -> float on float64 [H,W] in 0..255.
        fast: the same number from Pictures, sharing work; None where the plain definition is fast enough.
        smallest: the smallest height and width that the definition can take.
    """

    name: str
    variant: str
    higher_is_better: bool
    title: str
    bounds: tuple[float, float]
    source: str
    function: Callable[..., float] = field(repr=False)
    fast: Callable[..., float] | None = field(default=None, repr=False)
    smallest: int = 1

    @property
    def arrow(self) -> str:
        return "↑" if self.higher_is_better else "↓"


@dataclass(frozen=True)
class Definition:
    """What sets one variant apart: where it is defined, its bounds and the parameters of the common functions."""

    source: str
    bounds: tuple[float, float]
    parameters: Mapping[str, object] = field(default_factory=dict)


_METRICS: dict[tuple[str, str], Metric] = {}
_discovered = False


def register(name: str, *, title: str, higher_is_better: bool, function: Callable[..., float],
             variants: Mapping[str, Definition], fast: Callable[..., float] | None = None, smallest: int = 1) -> None:
    """Register one metric under all its variants.

    Args:
        function: plain definition, called as function(fused, ir, vi, **parameters) with float64 [H,W] in 0..255.
        variants: variant -> Definition.
        fast: the same from `metrics.picture.Picture`s, called as fast(fused, ir, vi, **parameters).
        smallest: smallest height and width in pixels.
    Raises MetricError when another file holds the same (name, variant).
    """
    for variant, definition in variants.items():
        taken = _METRICS.get((name, variant))
        if taken is not None and taken.function.func.__module__ != function.__module__:
            raise MetricError(f"metric {name} ({variant}) is registered by {taken.function.func.__module__} "
                              f"and again by {function.__module__}")
        _METRICS[name, variant] = Metric(
            name, variant, higher_is_better, title, definition.bounds, definition.source,
            partial(function, **definition.parameters),
            partial(fast, **definition.parameters) if fast is not None else None, smallest)


def _all() -> dict[tuple[str, str], Metric]:
    global _discovered
    if not _discovered:
        package = importlib.import_module("metrics.definitions")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
        _discovered = True
    return _METRICS


def variants() -> tuple[str, ...]:
    """Every variant, the paper's own first."""
    known = {variant for _, variant in _all()}
    return tuple(sorted(known, key=lambda variant: (not variant.startswith("smfnet"), variant)))


def names(variant: str = "smfnet") -> tuple[str, ...]:
    """The metrics that a variant defines: Table I's order first. Raises MetricError for an unknown variant."""
    found = [name for name, of in _all() if of == variant]
    if not found:
        raise MetricError(f"unknown metric variant {variant!r}{nearest(variant, variants())}")
    return tuple(sorted(found, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)))


def get(name: str, variant: str = "smfnet") -> Metric:
    """One metric. Raises MetricError naming the nearest known name, or the variants that define this one."""
    metric = _all().get((name, variant))
    if metric is not None:
        return metric
    of_variant = names(variant)
    elsewhere = [other for other in variants() if (name, other) in _METRICS]
    if elsewhere:
        raise MetricError(f"metric {name} is not defined by variant {variant!r}, only by {', '.join(elsewhere)}")
    raise MetricError(f"unknown metric {name!r}{nearest(name, of_variant)}")


def select(metrics: Iterable[str] | None, variant: str) -> tuple[Metric, ...]:
    """The named metrics of a variant, in the given order; all of them for None."""
    if isinstance(metrics, str):
        raise MetricError(f"metrics={metrics!r}: give a list of names, e.g. [{metrics!r}]")
    return tuple(get(name, variant) for name in (names(variant) if metrics is None else metrics))

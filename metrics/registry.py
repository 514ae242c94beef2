"""The registry: a metric is (name, variant), and carries its direction, bounds and source.

One file in `metrics/definitions/` registers one metric under every variant that defines it; where its formula is slow,
a file of the same name in `metrics/fast/` declares a fast path for it. Nothing else has to be edited. The files are
imported on first use, so `import metrics` stays cheap. Code outside the package registers in the same way.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from core.errors import IvfbenchError
from core.names import nearest
from metrics.toolboxes import TOOLBOXES, toolbox

TABLE_METRICS = ("EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM")  # Table I, in its order
TEXT_METRICS = (*TABLE_METRICS, "SCD")  # the nine that the paper's text names

Function = Callable[..., float]
AnyFunction = TypeVar("AnyFunction", bound=Function)
_PACKAGES = ("metrics.definitions", "metrics.fast")
# Variants that need what an ordinary installation lacks: loaded when asked for by name, never listed or a default.
OPTIONAL = {"pyiqa": "metrics.learned"}


class MetricError(IvfbenchError):
    """An unknown metric or variant, or an image that a metric cannot take; the message names the remedy."""


@dataclass(frozen=True)
class Definition:
    """What sets one variant apart: where it is defined, its bounds and the parameters of the common functions.

    Toolboxes that agree share one Definition (see `agreed`).

    Attributes:
        source: repository@commit and the function there; or variant -> the same, where several agree.
        bounds: the smallest and largest value that the definition can give on 0..255 images.
        parameters: keyword arguments of the metric's functions.
    """

    source: str | Mapping[str, str]
    bounds: tuple[float, float]
    parameters: Mapping[str, object] = field(default_factory=dict)

    def source_of(self, variant: str) -> str:
        return self.source if isinstance(self.source, str) else self.source[variant]


def agreed(sources: Mapping[str, str], bounds: tuple[float, float],
           parameters: Mapping[str, object] | None = None) -> dict[str, Definition]:
    """One definition under the name of every toolbox that has it; sources: variant -> where it stands there.

    >>> both = agreed({"vifb": "x/vifb@1 entropy.m", "mefb": "x/mefb@2 entropy.m"}, (0, 8))
    >>> both["vifb"] is both["mefb"], both["mefb"].source_of("mefb")
    (True, 'x/mefb@2 entropy.m')
    """
    return dict.fromkeys(sources, Definition(sources, bounds, parameters or {}))


@dataclass(frozen=True)
class Metric:
    """One definition of one metric.

    Attributes:
        name: short name, as in the paper's tables ("VIF").
        variant: whose definition it is ("smfnet", "cddfuse", ...).
        higher_is_better: the direction.
        title: full name, for legends and pages.
        definition: what sets the variant apart; the same object where toolboxes agree.
        plain: the formula written plainly, plain(fused, ir, vi, **definition.parameters) on float64 [H,W] in 0..255.
        smallest: the smallest height and width that the definition can take.
        target: the value that is best, for the few metrics where neither more nor less is; `higher_is_better` then says
            which side of it fused images usually leave.
    """

    name: str
    variant: str
    higher_is_better: bool
    title: str
    definition: Definition
    plain: Function = field(repr=False)
    smallest: int = 1
    target: float | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and largest value that the definition can give on 0..255 images."""
        return self.definition.bounds

    @property
    def source(self) -> str:
        """Repository@commit and the function there."""
        return self.definition.source_of(self.variant)

    @property
    def function(self) -> Function:
        """The plain definition, (fused, ir, vi) -> float on float64 [H,W] in 0..255."""
        return partial(self.plain, **self.definition.parameters)

    @property
    def fast(self) -> Function | None:
        """The same number from Pictures, sharing work; None where the plain definition is fast enough."""
        found = _FAST.get(self.plain)
        return None if found is None else partial(found, **self.definition.parameters)

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the modules that compute it: the formula's, and the fast path's."""
        functions = (self.plain, _FAST.get(self.plain, self.plain))
        return tuple(dict.fromkeys(function.__module__ for function in functions))

    @property
    def arrow(self) -> str:
        if self.target is not None:
            return f"→{self.target:g}"
        return "↑" if self.higher_is_better else "↓"


_METRICS: dict[tuple[str, str], Metric] = {}
_FAST: dict[Function, Function] = {}  # plain definition -> fast path
_discovered = False


def register(name: str, *, title: str, higher_is_better: bool, function: Function,
             variants: Mapping[str, Definition], smallest: int = 1, target: float | None = None) -> None:
    """Register one metric under all its variants.

    Args:
        function: plain definition, called as function(fused, ir, vi, **parameters) with float64 [H,W] in 0..255.
        variants: variant -> Definition; one object for all that agree (`agreed`).
        smallest: smallest height and width in pixels.
        target: the best value, for a metric that is neither better the higher nor the lower.
    Raises MetricError when another function holds the same (name, variant).
    """
    for variant, definition in variants.items():
        taken = _METRICS.get((name, variant))
        if taken is not None and not _same(taken.plain, function):
            raise MetricError(f"metric {name} ({variant}) is registered by {_file(taken.plain)} and again by "
                              f"{_file(function)}; give the new one another name or variant")
        _METRICS[name, variant] = Metric(name, variant, higher_is_better, title, definition, function, smallest, target)


def fast_path_of(plain: Function) -> Callable[[AnyFunction], AnyFunction]:
    """Declares a function to be the fast path of a plain definition.

    It gives the same number, called as fast(fused, ir, vi, **parameters) with `metrics.picture.Picture`s.
    """
    def declare(fast: AnyFunction) -> AnyFunction:
        _FAST[plain] = fast
        return fast
    return declare


def _same(one: Function, other: Function) -> bool:
    """Whether two functions are the same one, loaded twice: a module reloaded, a notebook's cell run again."""
    return one.__qualname__ == other.__qualname__ and (
        _file(one) == _file(other) or one.__module__ == other.__module__ == "__main__")


def _file(function: Function) -> str:
    try:
        return inspect.getfile(function)
    except TypeError:  # not written in Python
        return function.__module__


def _all(variant: str | None = None) -> dict[tuple[str, str], Metric]:
    """Every metric, with those of an optional variant when it is the one asked for."""
    global _discovered
    if not _discovered:
        for name in _PACKAGES:
            package = importlib.import_module(name)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{name}.{module.name}")
        _discovered = True
    if variant in OPTIONAL:
        importlib.import_module(OPTIONAL[variant])
    return _METRICS


def variants() -> tuple[str, ...]:
    """Every variant: the toolboxes in their declared order, the paper's own first; then any other by name."""
    known = {variant for _, variant in _all() if variant not in OPTIONAL}
    return tuple(sorted(known, key=lambda variant: (_place(variant, tuple(TOOLBOXES)), variant)))


def names(variant: str = "smfnet") -> tuple[str, ...]:
    """The metrics of a variant in the toolbox's own order, any other after them by name.

    Raises MetricError for an unknown variant.
    """
    found = [name for name, of in _all(variant) if of == variant]
    if not found:
        raise MetricError(f"unknown metric variant {variant!r}{nearest(variant, variants())}")
    return tuple(sorted(found, key=lambda name: (_place(name, toolbox(variant).order), name)))


def _place(item: str, order: tuple[str, ...]) -> int:
    return order.index(item) if item in order else len(order)


def get(name: str, variant: str = "smfnet") -> Metric:
    """One metric. Raises MetricError naming the nearest known name, or the variants that define this one."""
    metric = _all(variant).get((name, variant))
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


def undefined(metrics: Iterable[str] | None, variant: str, shape: tuple[int, ...]) -> dict[str, str]:
    """Which of a variant's metrics (all of them for None) are not defined for pictures of a shape (H, W, ...), and why.

    >>> undefined(["EN", "VIF"], "smfnet", (32, 40))
    {'VIF': 'needs at least 41x41 pixels; the images have 40x32'}
    """
    height, width = shape[:2]
    return {metric.name: f"needs at least {metric.smallest}x{metric.smallest} pixels; the images have {width}x{height}"
            for metric in select(metrics, variant) if min(height, width) < metric.smallest}

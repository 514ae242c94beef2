"""Suites: one file each. A suite says how its settings are read, which units it needs and what its rows are about."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from core import records
from core.errors import IvfbenchError
from core.names import nearest
from results.records import Kind
from suite.errors import UserError

if TYPE_CHECKING:
    from suite.planning import Planning


@dataclass(frozen=True)
class Suite:
    """A kind of evaluation.

    Attributes:
        title: caption of its table where no paper describes one.
        kind: what a row is about, see results.records.Kind.
        settings: frozen dataclass that a profile's table of the suite's name is read into.
        training: dataclass of a training's settings, whose keys stand in the same table; they become the field
            `training` of `settings`.
        plan: adds the suite's units to a plan.
        ready: adds methods that the suite itself makes, before any suite is planned.
        task: "ivf" or "mif": of the methods and data sets it takes.
        sources: the source pictures are rows beside any method.
        datasets: what --datasets does: "open" takes any named set of the suite's task, "own" narrows the profile's,
            "kept" leaves the profile's as they are.
        pictures: looks at pictures at all.
    """

    name: str
    title: str
    kind: Kind
    settings: type[Any]
    plan: Callable[["Planning", Any], None]
    ready: Callable[["Planning", Any], None] | None = None
    training: type[Any] | None = None
    task: str = "ivf"
    sources: bool = False
    datasets: Literal["open", "own", "kept"] = "open"
    pictures: bool = True

    def read(self, table: Mapping[str, Any], where: str) -> Any:
        """The settings from a profile's table. Raises UserError, or the error of the training's own room."""
        if self.training is None or not isinstance(table, Mapping):
            return records.read(self.settings, table, where, UserError)
        own = {field.name for field in fields(self.settings)}
        known = own | {field.name for field in fields(self.training)}
        for key in table:
            if key not in known:
                raise UserError(f"{where}: unknown key {key!r}{nearest(key, sorted(known - {'training'}))}")
        training = records.read(self.training, {k: v for k, v in table.items() if k not in own}, where, UserError)
        return replace(records.read(self.settings, {k: v for k, v in table.items() if k in own}, where, UserError),
                       training=training)


_SUITES: dict[str, Suite] = {}
_ORDER = ("ivf", "mif", "detection", "segmentation", "complexity", "ablation")  # any other after these


def register_suite(suite: Suite) -> Suite:
    """Make a suite known. Raises IvfbenchError when another module holds its name."""
    taken = _SUITES.get(suite.name)
    if taken is not None and taken.plan.__module__ != suite.plan.__module__:
        raise IvfbenchError(f"suite {suite.name} is registered by {taken.plan.__module__} and again by "
                            f"{suite.plan.__module__}")
    _SUITES[suite.name] = suite
    return suite


def suites() -> dict[str, Suite]:
    """Every suite by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    place = {name: number for number, name in enumerate(_ORDER)}
    return {name: _SUITES[name] for name in sorted(_SUITES, key=lambda name: (place.get(name, len(place)), name))}


def find_suite(name: str) -> Suite:
    """The suite of that name. Raises UserError with the nearest names."""
    known = suites()
    if name not in known:
        raise UserError(f"unknown suite {name!r}{nearest(name, known)}")
    return known[name]

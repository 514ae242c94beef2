"""A tiny finished run in this process: three pairs, two methods, two metrics; reports on request."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from suite_scenes import write_pairs

from suite.profile import Profile, choose_profile
from suite.runner import Request, run

METHODS = ("visible", "average")
METRICS = ("EN", "MI")


def with_costs(profile: Profile) -> Profile:
    """The suite complexity beside the others, on small noise."""
    return replace(profile, suites=(*profile.suites, "complexity"),
                   tables={**profile.tables, "complexity": {"height": 64, "width": 64}})


def request(root: Path, out: Path, methods: tuple[Any, ...] = METHODS, **more: Any) -> Request:
    """The run; more: fields of the request."""
    profile = choose_profile("paper", with_data=True, suites=("ivf",), datasets=("tno",), metrics=METRICS, variant=None)
    return Request(**{"profile": profile, "out": out, "data": root, "weights": root / "weights", "methods": methods,
                      "jobs": 0, "command": "test", **more})


def without_reports(patch: pytest.MonkeyPatch) -> None:
    """Runs of this test draw nothing."""
    patch.setattr("suite.runner._report", lambda *_: [])


def make(root: Path, out: Path, methods: tuple[Any, ...] = METHODS, **more: Any) -> str:
    """Run to the end; the rows' text. Fails where a unit failed."""
    assert run(request(root, out, methods, **more)) == 0
    return (out / "rows.csv").read_text()


def with_plan_changed(patch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    """Call `change` between planning and the first unit."""
    import suite.runner

    plan = suite.runner.make_plan

    def planned(*arguments: Any, **named: Any) -> Any:
        made = plan(*arguments, **named)
        change()
        return made

    patch.setattr(suite.runner, "make_plan", planned)


__all__ = ["METHODS", "METRICS", "make", "request", "with_costs", "with_plan_changed", "without_reports", "write_pairs"]

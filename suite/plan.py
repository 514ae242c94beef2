"""The plan: which units of work a run consists of, in an order in which each comes after what it needs."""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.names import nearest
from fusion.method import Method, MethodError, find, methods
from suite.errors import UserError
from suite.from_paper import expanded
from suite.planning import MethodInfo, Planning, Skip, brought, handed_over, registered
from suite.profile import Profile
from suite.suites import Suite, find_suite

# Rows a reader needs beside any fusion method: what the sources alone give.
SOURCES = ("visible", "infrared")


def make_plan(profile: Profile, *, data: Path, weights: Path, named: Sequence[str | Method] | None,
              known_files: MutableMapping[str, list[Any]]) -> Planning:
    """Open data sets and methods and list the units.

    Args:
        named: by the user (names, NAME=FOLDER, or objects in Python), or None for the profile's. A named method without
            weights is an error, one that only the profile names is skipped with its reason.
        known_files: memory of checked files, extended (fusion.pairs.open_pairs).
    Raises UserError, MethodError, PairsError, ImageError: nothing has been written then.
    """
    planning = Planning(profile, data, weights, known_files)
    chosen = [(find_suite(name), profile.settings_of(name)) for name in dict.fromkeys(profile.suites)]
    _ready_methods(planning, [suite for suite, _ in chosen], named)
    _name_and_mark(planning)
    for suite, settings in chosen:
        if suite.ready is not None:
            suite.ready(planning, settings)
    for suite, settings in chosen:
        suite.plan(planning, settings)
    if not planning.units:
        why = "; ".join(f"{skip.method}: {skip.reason}" for skip in planning.skipped[:3]) or \
            "it names no data set for these suites, or no method that takes part in them"
        raise UserError(f"nothing to do for profile {profile.name}, suites {', '.join(profile.suites)}: {why}")
    return planning


def _ready_methods(planning: Planning, suites: Sequence[Suite], named: Sequence[str | Method] | None) -> None:
    tasks = {suite.task for suite in suites}
    wanted = expanded(named if named is not None else planning.profile.methods, planning.profile.paper, tasks)
    if any(suite.sources for suite in suites):
        wanted = [*SOURCES, *wanted]
    given: dict[str, str] = {}
    for name in dict.fromkeys(wanted):
        try:
            info = _info(name, planning)
        except MethodError as error:
            if (named is not None and name in named) or name not in methods():
                raise
            card = find(str(name)).card
            reason = str(error).removeprefix(f"{card.name}: ")
            planning.skipped.append(Skip(card.name, reason, tuple(s.name for s in suites if s.task in card.task)))
            continue
        how = name if isinstance(name, str) else "an object"
        if info.name in given and "=" in how and "=" in given[info.name]:
            raise UserError(f"--methods names {info.name} twice: {given[info.name]} and {how}; give one another name")
        given[info.name] = how
        planning.methods[info.name] = info


def _name_and_mark(planning: Planning) -> None:
    """Titles that the user gave, and whose method is "ours". Raises UserError for a method that does not run."""
    profile = planning.profile
    for name in [*profile.titles, *([profile.ours] if profile.ours else [])]:
        if name not in planning.methods:
            raise UserError(f"--title or --ours {name}: no method of this run{nearest(name, planning.methods)}")
    for name, info in planning.methods.items():
        title = profile.titles.get(name)
        card = info.card if title is None else replace(info.card, title=title)
        if profile.ours and (name == profile.ours or card.kind == "ours"):
            card = replace(card, kind="ours" if name == profile.ours else "baseline")
        planning.methods[name] = replace(info, card=card, title=title or info.title)


def _info(name: str | Method, planning: Planning) -> MethodInfo:
    if isinstance(name, Method):
        return handed_over(name)
    if "=" in name:
        return brought(*name.split("=", 1))
    return registered(name, planning.profile.protocol, planning.profile.precision, planning.weights)

"""What a paper's tables need: its profile, derived from its description."""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import metrics
from fusion.dataset_cards import datasets
from fusion.method import Method, methods
from results.paper import Need
from results.papers import DEFAULT, Known, Paper, load_paper
from suite.profile import Profile
from suite.suites import suites

# What runs when nobody names suites: the evaluations of methods. The others are asked for.
USUAL = ("ivf", "detection", "segmentation")
ALL, ALL_KNOWN = "all", "all-known"  # what stands for many methods


def find_paper(name: str | None) -> Paper:
    """A paper by name or folder, checked against everything that is known here; None: the default one.

    Raises PaperError naming the file, the key and the nearest known name.
    """
    variants = {variant: metrics.names(variant) for variant in metrics.variants()}
    return load_paper(name or DEFAULT, Known(metrics=variants, methods=tuple(methods()), datasets=tuple(datasets()),
                                             suites=tuple(suites())))


def profile_of(paper: Paper, name: str = "paper") -> Profile:
    """The run that fills the paper's tables: its data sets, methods, metrics and variants."""
    needs = paper.needs()
    usual = tuple(suite for suite in USUAL if suite in needs) or tuple(needs)
    return Profile(name, ("all",), usual, paper=paper_name(paper),
                   tables={suite: _table(suite, need) for suite, need in needs.items()})


def methods_of(paper: Paper, task: str) -> list[str]:
    """What "all" means: the sources and textbook methods, then the methods of the paper's tables of that task.

    A method whose pictures the description names is NAME=FOLDER.
    """
    cards = methods()
    named = [name for suite, need in paper.needs().items() if suite in suites() and suites()[suite].task == task
             for name in need.methods]
    found = [name for name, card in cards.items() if card.kind in ("source", "classic") and task in card.task]
    for name in dict.fromkeys(named):
        described = paper.by_name.get(name)  # None: an ablation, whose suite makes it
        if described is not None and described.pictures:
            found.append(f"{name}={(paper.folder / described.pictures).resolve()}")
        elif name in cards and task in cards[name].task:
            found.append(name)
    return found


def expanded(names: Iterable[str | Method], paper: str, tasks: set[str]) -> list[str | Method]:
    """The names, and behind them those that "all" (of the paper) and "all-known" stand for in suites of these tasks.

    paper: a name or a folder, "" for the default one.
    """
    names = list(names)
    found = [name for name in names if name not in (ALL, ALL_KNOWN)]
    if ALL in names:
        described = find_paper(paper or None)
        found += [name for task in sorted(tasks) for name in methods_of(described, task)]
    if ALL_KNOWN in names:
        found += [name for name, card in methods().items() if tasks & set(card.task)]
    return found


def paper_name(paper: Paper) -> str:
    """How a run records it: the name of one of the package's own, else its folder."""
    own = Path(load_paper(DEFAULT).folder).parent
    return paper.folder.name if paper.folder.parent == own else str(paper.folder)


def _table(suite: str, need: Need) -> dict[str, Any]:
    table: dict[str, Any] = dict(need.settings)
    known = {field.name for field in fields(suites()[suite].settings)}
    if "datasets" in known:
        table["datasets"] = list(need.datasets)
    if "metrics" in known and need.metrics:
        table["variant"] = variant = need.metrics[0][1]
        order = metrics.names(variant)
        own = sorted((name for name, of in need.metrics if of == variant), key=order.index)
        table["metrics"] = own + [f"{name}:{of}" for name, of in need.metrics if of != variant]
    return table

"""What is known here, as plain rows: methods, data sets, metrics, suites and papers."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import metrics
from baselines.weights import status
from fusion.dataset_cards import datasets
from fusion.images import ImageError
from fusion.method import PRECISIONS, Card, Method, find, methods
from fusion.pairs import PairsError, open_pairs
from metrics.registry import get
from results.papers import load_paper, papers
from suite.suites import suites

SIZE = (480, 640)  # height and width at which multiply-accumulates are listed, Table V's
COMPLEXITY = Path(__file__).with_name("complexity.csv")

Row = dict[str, Any]  # column -> text, number or None


@dataclass(frozen=True)
class Roots:
    """Where the user's weights and data lie; data may be unknown."""

    weights: Path
    data: Path | None = None


@dataclass(frozen=True)
class Listing:
    """One kind of things. rows: makes them. long: columns that only CSV and JSON show."""

    rows: Callable[[Roots], Iterator[Row]]
    note: str = ""
    long: tuple[str, ...] = ()


def _methods(roots: Roots) -> Iterator[Row]:
    for name, card in methods().items():
        cost = counted().get(name) or count(name)
        yield {"name": name, "title": card.title, "task": " ".join(card.task), "year": card.year or None,
               "venue": card.venue, "params": cost and cost[0], "MACs (G)": cost and round(cost[1] / 1e9, 2),
               "weights": state_of_weights(card, roots.weights), "trained on": card.trained_on,
               "licence": card.licence.partition(" (")[0], "paper": card.paper, "repository": card.repository,
               "protocols": " ".join(card.recipe),
               "precisions": " ".join(PRECISIONS if rounds(find(name)) else PRECISIONS[:1])}


def rounds(method: type[Method]) -> bool:
    """Whether a method has a network whose products `--precision` rounds."""
    return method.use_precision is not Method.use_precision


@cache
def counted() -> dict[str, tuple[int, int]]:
    """Method -> (parameters, multiply-accumulates at SIZE) of the package's networks; a test counts them again.

    Counting takes a second for each large network, which is too long for a list.
    """
    with COMPLEXITY.open(encoding="utf-8", newline="") as file:
        return {row["name"]: (int(row["params"]), int(row["macs"])) for row in csv.DictReader(file)}


def count(name: str) -> tuple[int, int] | None:
    """(Parameters, multiply-accumulates at SIZE) of a method's network, counted now; None where there is none."""
    found = find(name).complexity(*SIZE)
    return None if found is None else (found.parameters, found.macs)


def state_of_weights(card: Card, root: Path) -> str:
    """Where the weights of the `released` protocol are.

    "here", "fetchable" (`run_all.py fetch`), "by hand" (published where nothing can be pinned, or not at all),
    "other file" (a wrong hash), "none needed", or "bring pictures" for methods that are not run.
    """
    if card.kind == "precomputed":
        return "bring pictures"
    needed = [item for item in card.weights if not item.optional] or list(card.weights)
    if not needed:
        return "none needed"
    names = {item.file for item in needed}
    states = {found.state for found in status([card], root) if found.file in names}
    if states == {"ready"}:
        return "here"
    if "wrong-hash" in states:
        return "other file"
    return "fetchable" if all(item.repository for item in needed) else "by hand"


def _datasets(roots: Roots) -> Iterator[Row]:
    for name, card in datasets().items():
        row: Row = {"name": name, "title": card.title, "task": card.task, "paper's pairs": card.paper_pairs or None,
                    "boxes": len(card.detection.classes) if card.detection else None,
                    "masks": len(card.segmentation.classes) if card.segmentation else None}
        if roots.data is not None:
            row["pairs here"], row["manifest"] = _found(name, roots.data)
        yield {**row, "published": card.published}


def _found(name: str, data: Path) -> tuple[int | None, str]:
    """(number of pairs below the data root, start of their manifest), nothing where they are not there."""
    try:
        pairs = open_pairs(name, data)
    except (PairsError, ImageError):  # `check` says what is wrong
        return None, ""
    return len(pairs.pairs), pairs.manifest[:12]


def _metrics(_: Roots) -> Iterator[Row]:
    variants = {variant: metrics.names(variant) for variant in metrics.variants()}
    for name in dict.fromkeys(name for names in variants.values() for name in names):
        having = [variant for variant, names in variants.items() if name in names]
        first = get(name, having[0])
        better = "higher" if first.higher_is_better else "lower"
        yield {"name": name, "title": first.title, "better": better if first.target is None else f"{first.target:g}",
               "variants": " ".join(having)}


def _suites(_: Roots) -> Iterator[Row]:
    for name, suite in suites().items():
        yield {"name": name, "title": suite.title, "task": suite.task, "looks at": suite.kind}


def _papers(_: Roots) -> Iterator[Row]:
    for name in papers():
        paper = load_paper(name)
        yield {"name": name, "title": paper.title, "tables": " ".join(str(t.number) for t in paper.tables),
               "suites": " ".join(dict.fromkeys(table.suite for table in paper.tables)),
               "data sets": " ".join(dict.fromkeys(d for table in paper.tables for d in table.datasets)),
               "methods": len(paper.methods), "citation": paper.citation}


KINDS: dict[str, Listing] = {
    "methods": Listing(_methods, f"MACs of one {SIZE[1]}x{SIZE[0]} pair. fetchable: `run_all.py fetch`. "
                                 "--methods all means the paper's, all-known all of these.",
                       long=("paper", "repository", "protocols", "precisions")),
    "datasets": Listing(_datasets, "boxes, masks: number of classes. What is wrong with a set that is not here: "
                                   "`run_all.py check --data DIR`."),
    "metrics": Listing(_metrics, "A number is compared within one variant (--variant) only."),
    "suites": Listing(_suites),
    "papers": Listing(_papers, long=("citation",)),
}

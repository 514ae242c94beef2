"""`run_all.py fetch`: data sets and released weights from their pinned commits."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from suite.errors import UserError

KINDS = ("data", "weights")
DATA = Path("data")


def fetch(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[data|weights] [NAMES]...",
        help="data: data sets, weights: methods; names without a kind are methods; default: everything")] = None,
    data: Annotated[Path, typer.Option(help="where to put data sets")] = DATA,
    weights: Annotated[Path | None, typer.Option(
        envvar="IVFBENCH_WEIGHTS", help="where to put weights; default: the per-user cache")] = None,
    mirror: Annotated[str | None, typer.Option(
        help="clone from here instead of GitHub: a folder or URL of <owner>/<name>, or a pattern with {owner}, {name}"
    )] = None,
) -> None:
    """Clone data sets and released weights, verified.

    From their pinned commits; each is put into place whole.
    """
    given = tuple(names or ())
    kind, chosen = (given[0], given[1:]) if given and given[0] in KINDS else ("weights" if given else "", given)
    lines: list[tuple[str, str]] = []
    if kind != "weights":
        lines += _data(chosen, data, mirror)
    if kind != "data":
        lines += _weights(chosen, weights, mirror)
    for state, text in lines:
        typer.echo(f"{state:8} {text}".rstrip())
    if any(state == "failed" for state, _ in lines):
        raise typer.Exit(1)


def _data(names: Iterable[str], root: Path, mirror: str | None) -> list[tuple[str, str]]:
    """(state, what and how) per data set; those that cannot be had are named only where they are asked for."""
    from fusion.dataset_cards import datasets, find_dataset
    from suite.data.fetch import fetch as bring

    known = [card for card in datasets().values() if card.fetch or card.release]
    cards = [find_dataset(name) for name in names] or known
    outcomes = bring(cards, root, mirrors=mirror, say=typer.echo)
    return [(outcome.state, f"{outcome.dataset} {outcome.message}") for outcome in outcomes]


def _weights(names: Iterable[str], root: Path | None, mirror: str | None) -> list[tuple[str, str]]:
    """(state, what and how) per file of weights."""
    from baselines.weights import default_root
    from baselines.weights import fetch as bring
    from fusion.dataset_cards import datasets
    from fusion.method import find, methods

    for name in names:
        if name not in methods() and name in datasets():
            raise UserError(f"{name} is a data set, not a method: `python run_all.py fetch data {name}`")
    cards = [find(name).card for name in names] or list(methods().values())
    outcomes = bring(cards, root or default_root(), mirrors=mirror, progress=typer.echo)
    return [(outcome.state, f"{outcome.method} {outcome.file} {outcome.message}") for outcome in outcomes]

"""`run_all.py compare`."""

from pathlib import Path
from typing import Annotated

import typer


def compare(one: Annotated[Path, typer.Argument(help="a run's OUT, or a bundle of one")],
            other: Annotated[Path, typer.Argument(help="the other's")]) -> None:
    """Say what differs between two runs.

    Their inputs first, then their rows. Exit code 0: equal; 1: different.
    """
    from suite.archive import opened
    from suite.compare import compare as look
    from suite.compare import load_run, report

    with opened(one) as (first, _), opened(other) as (second, _):
        result = look(load_run(first), load_run(second))
    for line in report(result):
        typer.echo(line)
    if not result.equal:
        raise typer.Exit(1)

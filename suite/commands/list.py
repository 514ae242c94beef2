"""`run_all.py list`."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class What(StrEnum):
    """What can be listed."""

    methods = "methods"
    datasets = "datasets"
    metrics = "metrics"
    suites = "suites"
    papers = "papers"


class Format(StrEnum):
    """How it is written."""

    text = "text"
    csv = "csv"
    json = "json"


def list_known(
    what: Annotated[What, typer.Argument(help="of what")],
    form: Annotated[Format, typer.Option(
        "--format", help="text: a table in a terminal, aligned columns elsewhere; csv and json have all columns"
    )] = Format.text,
    data: Annotated[Path | None, typer.Option(help="root of the real data sets: say which are here")] = None,
    weights: Annotated[Path | None, typer.Option(
        envvar="IVFBENCH_WEIGHTS", help="root of released weights; default: the per-user cache")] = None,
    plugins: Annotated[list[Path] | None, typer.Option(
        envvar="IVFBENCH_PLUGINS", help="folder of files of your own; repeatable")] = None,
) -> None:
    """List methods, data sets, metrics, suites or papers.

    Methods with year, venue, size, licence and weights.
    """
    from baselines.weights import chosen_root
    from suite.listing import KINDS, Roots
    from suite.plugins import load

    load(plugins or ())
    listing = KINDS[what.value]
    rows = list(listing.rows(Roots(chosen_root(weights), data)))
    if form is Format.json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    elif form is Format.csv:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _text([name for name in rows[0] if name not in listing.long], rows, listing.note)


def _text(columns: list[str], rows: list[dict[str, Any]], note: str) -> None:
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    right = [any(isinstance(row[name], int | float) for row in rows) for name in columns]
    if sys.stdout.isatty():
        _terminal(columns, cells, right)
    else:
        lines = [columns, *cells]
        widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
        for line in lines:
            aligned = [text.rjust(n) if r else text.ljust(n) for text, n, r in zip(line, widths, right, strict=True)]
            typer.echo("  ".join(aligned).rstrip())
    if note:
        typer.echo(note)


def _terminal(columns: list[str], cells: list[list[str]], right: list[bool]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 1))
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if right[number] else "left", no_wrap=number == 0, overflow="fold")
    for line in cells:
        table.add_row(*map(escape, line))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)  # four digits stand together: years

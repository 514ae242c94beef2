"""`run_all.py audit`."""

from pathlib import Path
from typing import Annotated

import typer


def audit(claimed: Annotated[Path, typer.Argument(help="the table as printed: CSV, LaTeX tabular or Markdown")],
          images: Annotated[list[str], typer.Option(help="NAME=FOLDER of a row's fused pictures; repeatable")],
          data: Annotated[Path, typer.Option(help="root of the data sets")],
          datasets: Annotated[str, typer.Option(help="comma-separated data sets of the table")],
          out: Annotated[Path | None, typer.Option(help="where audit.md and audit.csv go; default: nowhere")] = None,
          ) -> None:
    """Say which definitions give a table's numbers.

    Exit code 0: one per column gives every cell; 1 otherwise.
    """
    from suite.audit.audit import audit as look
    from suite.errors import UserError
    from suite.runner import parse_names

    folders = {}
    for text in images:
        name, equals, folder = text.partition("=")
        if not equals or not name or not folder:
            raise UserError(f"--images {text}: expected NAME=FOLDER")
        folders[name.strip()] = Path(folder)
    if not look(claimed, folders, data, parse_names(datasets) or (), out, typer.echo):
        raise typer.Exit(1)

"""`run_all.py audit`."""

from pathlib import Path
from typing import Annotated

import typer


def audit(claimed: Annotated[Path, typer.Argument(help="the table as printed: CSV, LaTeX tabular or Markdown")],
          images: Annotated[list[str], typer.Option(help="NAME=FOLDER of a row's fused pictures; repeatable")],
          data: Annotated[Path, typer.Option(help="root of the data sets")],
          datasets: Annotated[str, typer.Option(help="comma-separated data sets of the table")],
          out: Annotated[Path | None, typer.Option(
              help="where audit.md and audit.csv go; the page of a run in it shows them; default: nowhere")] = None,
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
    whole = look(claimed, folders, data, parse_names(datasets) or (), out, typer.echo)
    if out is not None:
        typer.echo(f"{out}/audit.md, {out}/audit.csv; {_page(out)}")
    if not whole:
        raise typer.Exit(1)


def _page(out: Path) -> str:
    """How the audit comes onto a page."""
    if (out / "run.json").is_file():
        return f"`run_all.py report {out}` shows the audit on {out}/report.html"
    return f"a page comes with a run: --out {out} of a run, or `run_all.py report {out}` after it, shows the audit, too"

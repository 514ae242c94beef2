"""`run_all.py bundle`."""

from pathlib import Path
from typing import Annotated

import typer

from suite.bundle import LICENCE


def bundle(out: Annotated[Path, typer.Argument(help="a run's OUT")] = Path("out"),
           to: Annotated[Path | None, typer.Option(help="the zip to write; default: OUT.zip beside OUT")] = None,
           pictures: Annotated[bool, typer.Option(
               "--pictures", help="with the fused pictures (never with those of the data sets)")] = False,
           paper: Annotated[str | None, typer.Option(help="whose description; default: the run's")] = None,
           licence: Annotated[str, typer.Option(help="URL of the licence you give the bundle")] = LICENCE) -> None:
    """Write one zip to hand over.

    It holds rows, records, tables, paper and manifests, with an RO-Crate description.
    """
    from reports.data import load
    from suite.bundle import bundle as write

    out = out.resolve()
    target = to or out.with_name(f"{out.name}.zip")
    typer.echo(write(out, target, load(out, paper).paper, pictures=pictures, licence=licence))

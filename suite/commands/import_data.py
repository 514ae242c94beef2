"""`run_all.py import-data`."""

from pathlib import Path
from typing import Annotated

import typer


def import_data(
    name: Annotated[str, typer.Argument(help="data set: m3fd, mfnet, fmb, llvip")],
    archive: Annotated[Path, typer.Argument(help="the zip that you downloaded, or the folder that it unpacks to")],
    data: Annotated[Path, typer.Option(help="where to put data sets")] = Path("data"),
) -> None:
    """Take a downloaded data set, checked.

    Against its official numbers; it is put below --data with a manifest beside it.
    """
    from fusion.dataset_cards import find_dataset
    from suite.data.importing import import_data as put

    typer.echo(put(find_dataset(name), archive, data))

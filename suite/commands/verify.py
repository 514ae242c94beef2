"""`run_all.py verify`."""

from pathlib import Path
from typing import Annotated

import typer


def verify(out: Annotated[Path, typer.Argument(help="a run's OUT, or a bundle")] = Path("out"),
           data: Annotated[Path | None, typer.Option(help="root of the data sets; default: where they were")] = None,
           weights: Annotated[Path | None, typer.Option(
               envvar="IVFBENCH_WEIGHTS", help="root of released weights; default: where they were")] = None,
           pictures: Annotated[int, typer.Option(
               min=0, help="how many pictures to fuse and score again, at least one of every unit; 0: none")] = 8,
           everything: Annotated[bool, typer.Option("--all", help="make all pictures and figures again")] = False,
           signed_by: Annotated[Path | None, typer.Option(
               help="a public ssh key, or an allowed-signers file: seal.json must be signed by one of it")] = None,
           plugins: Annotated[list[Path] | None, typer.Option(
               envvar="IVFBENCH_PLUGINS", help="folder of files of your own that the run used; repeatable")] = None,
           seed: Annotated[int, typer.Option(help="which pictures")] = 0,
           device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N")] = "cpu") -> None:
    """Check OUT or a bundle.

    Records, seal, plan, sources and reports; pictures of every unit are fused and scored again.
    """
    from suite.commands.device import check_device
    from suite.plugins import load
    from suite.verify import Look
    from suite.verify import verify as look

    load(plugins or ())
    findings = look(out, Look(data, weights, pictures, everything, seed, check_device(device), signed_by), typer.echo)
    for means, number in findings.checked.items():
        typer.echo(f"checked {means} ({number})")
    for kind, texts in (("not run", findings.not_run), ("not known", findings.unknown), ("WRONG", findings.wrong)):
        for text in texts:
            typer.echo(f"{kind} {text}")
    typer.echo(f"{len(findings.wrong)} things are wrong" if findings.wrong else "all of it holds")
    if findings.wrong:
        raise typer.Exit(1)

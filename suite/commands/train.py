"""`run_all.py train`."""

from pathlib import Path
from typing import Annotated

import typer

from suite.commands.device import check_device


def train(
    method: Annotated[str, typer.Argument(help="smfnet")],
    data: Annotated[Path | None, typer.Option(
        help="folder that holds the recipe's training pairs; left out with --recipe sample: rendered scenes")] = None,
    recipe: Annotated[str, typer.Option(
        help="released, paper, sample, msrs, medical, ae1 ... ae8, or a TOML file")] = "released",
    out: Annotated[Path, typer.Option(help="the training's folder: checkpoint, losses, weights")] = Path("training"),
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N; under torchrun each process takes its own")] = "cpu",
    fresh: Annotated[bool, typer.Option(help="start anew instead of going on from the checkpoint")] = False,
    override: Annotated[list[str] | None, typer.Option("--set", help="section.setting=value over the recipe")] = None,
) -> None:
    """Train SMFNet by a recipe.

    The same command goes on from its checkpoint.
    """
    import metrics
    from fusion.smfnet.training.trainer import train as start
    from suite.errors import UserError

    if method != "smfnet":
        raise UserError(f"{method}: only smfnet has training recipes; the baselines use their authors' weights")
    path = start(recipe, data=data if data is not None else _rendered(recipe, out), out=out,
                 device=check_device(device), resume=not fresh,
                 overrides=dict(_assignment(text) for text in override or ()),
                 score=lambda fused, ir, vi: metrics.evaluate(fused, ir, vi, metrics=metrics.TABLE_METRICS))
    typer.echo(f"{path}\nuse it: put it at <weights>/smfnet/{path.name}")


def _rendered(recipe: str, out: Path) -> Path:
    """The sample's training pairs, rendered below `out`. Raises UserError for a recipe that wants real ones."""
    from suite.errors import UserError

    if recipe != "sample":
        raise UserError(f"--recipe {recipe}: name the folder of its training pairs with --data; only the recipe sample "
                        "renders its own")
    from fusion.sample import write_sample

    typer.echo("rendering the sample")
    write_sample(out / "sample")
    return out / "sample" / "sample_train"


def _assignment(text: str) -> tuple[str, object]:
    """'training.epochs=3' -> ("training.epochs", 3): the value as TOML, else as text."""
    import tomllib

    from suite.errors import UserError

    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text}: expected section.setting=value")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value

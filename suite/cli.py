"""The command line. Every command is a thin call into the rooms; errors a user can mend end in one line and code 2."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from suite.commands.audit import audit
from suite.commands.bundle import bundle
from suite.commands.compare import compare

INTERRUPTED = 130

app = typer.Typer(add_completion=False, no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"]},
                  help="ivfbench: fuse, score, detect, segment, report. Without a command: run the suites.")

Data = Annotated[Path | None, typer.Option(help="root of the real data sets (see `check`); left out: the sample")]
Weights = Annotated[Path | None, typer.Option(
    envvar="IVFBENCH_WEIGHTS", help="root of released weights, <method>/<file>; default: the per-user cache")]
Paper = Annotated[str | None, typer.Option(
    help="whose tables: the name of a paper (smfnet, cddfuse, ...) or a folder with paper.toml")]
Plugins = Annotated[list[Path] | None, typer.Option(
    envvar="IVFBENCH_PLUGINS", help="folder of method, metric, suite, data-set or paper files of your own; repeatable")]
Out = Annotated[Path, typer.Option(help="where everything is written")]


@app.callback(invoke_without_command=True)
def run_suites(
    context: typer.Context,
    suite: Annotated[str | None, typer.Option(
        help="comma-separated: ivf, mif, detection, segmentation, complexity, ablation, or all; beside ablation, "
             "detection and segmentation are trained on the ablations too (Fig. 11)")] = None,
    profile: Annotated[str | None, typer.Option(
        help="sample, paper or a TOML file; default: paper with --data, else sample")] = None,
    paper: Paper = None,
    data: Data = None,
    weights: Weights = None,
    methods: Annotated[str | None, typer.Option(help="comma-separated names, or NAME=FOLDER of fused pictures")] = None,
    datasets: Annotated[str | None, typer.Option(help="comma-separated data sets; default: the profile's")] = None,
    metrics: Annotated[str | None, typer.Option(
        help="comma-separated metrics of the suites ivf and mif; default: what the paper prints")] = None,
    variant: Annotated[str | None, typer.Option(
        help="whose metric definitions: smfnet, vifb, mefb, liu, tang, huili, zoo, cddfuse, ...")] = None,
    title: Annotated[list[str] | None, typer.Option(help="NAME=TITLE: how a method is printed; repeatable")] = None,
    ours: Annotated[str | None, typer.Option(help="the method that tables and figures highlight as ours")] = None,
    plugins: Plugins = None,
    seeds: Annotated[int | None, typer.Option(help="training repetitions")] = None,
    protocol: Annotated[str | None, typer.Option(help="released, paper or official")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N")] = "cpu",
    executor: Annotated[str, typer.Option(help="local or ray")] = "local",
    address: Annotated[str | None, typer.Option(
        help="an existing Ray cluster, host:port or auto; default: RAY_ADDRESS, else one is started here")] = None,
    jobs: Annotated[int | None, typer.Option(
        help="worker processes; 0: none, work in this process; default: one per core, or per GPU")] = None,
    out: Out = Path("out"),
    force: Annotated[bool, typer.Option(help="do units again that have a result")] = False,
) -> None:
    """Run the suites and write tables, figures and the page."""
    if context.invoked_subcommand is not None:
        return
    from baselines.weights import chosen_root
    from suite.names import parse_methods
    from suite.plugins import load
    from suite.profile import choose_profile
    from suite.runner import Request, parse_names, parse_titles, run
    from suite.suites import suites

    load(plugins or ())

    named = tuple(suites()) if suite is not None and suite.strip() == "all" else parse_names(suite)
    chosen = choose_profile(
        profile, with_data=data is not None, suites=named, datasets=parse_names(datasets), metrics=parse_names(metrics),
        variant=variant, paper=paper, protocol=protocol, seeds=seeds, ours=ours,
        titles=parse_titles(title))
    with interruptible() as stop:
        code = run(Request(
            profile=chosen, out=out, data=data, weights=chosen_root(weights), methods=parse_methods(methods),
            device=check_device(device), executor=executor, address=address, jobs=check_jobs(jobs, device), force=force,
            command=" ".join(sys.argv[1:]), stop=stop))
    raise typer.Exit(code)


@app.command()
def check(data: Data = None, weights: Weights = None) -> None:
    """Say what data, weights and packages are ready, and what is missing with where to get it."""
    from baselines.weights import chosen_root
    from suite.check import check as look

    if not look(data, chosen_root(weights)):
        raise typer.Exit(1)


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(help="methods; default: all")] = None,
    weights: Annotated[Path | None, typer.Option(
        envvar="IVFBENCH_WEIGHTS", help="where to put them; default: the per-user cache")] = None,
    mirror: Annotated[str | None, typer.Option(
        help="clone from here instead of GitHub: a folder or URL of <owner>/<name>, or a pattern with {owner}, {name}"
    )] = None,
) -> None:
    """Clone released weights from their pinned commits, verify them and put them into place."""
    from baselines.weights import default_root
    from baselines.weights import fetch as bring
    from fusion.method import find, methods

    cards = [find(name).card for name in names] if names else list(methods().values())
    outcomes = bring(cards, weights or default_root(), mirrors=mirror, progress=typer.echo)
    for outcome in outcomes:
        typer.echo(f"{outcome.state:8} {outcome.method} {outcome.file} {outcome.message}".rstrip())
    if any(outcome.state == "failed" for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def train(
    method: Annotated[str, typer.Argument(help="smfnet")],
    data: Annotated[Path, typer.Option(help="folder that holds the recipe's training pairs")],
    recipe: Annotated[str, typer.Option(
        help="released, paper, sample, medical, ae1 ... ae8, or a TOML file")] = "released",
    out: Annotated[Path, typer.Option(help="the training's folder: checkpoint, losses, weights")] = Path("training"),
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N; under torchrun each process takes its own")] = "cpu",
    fresh: Annotated[bool, typer.Option(help="start anew instead of going on from the checkpoint")] = False,
    override: Annotated[list[str] | None, typer.Option("--set", help="section.setting=value over the recipe")] = None,
) -> None:
    """Train SMFNet by a recipe; the same command goes on from its checkpoint."""
    import metrics
    from fusion.smfnet.training.recipe import RecipeError
    from fusion.smfnet.training.trainer import train as start
    from suite.errors import UserError

    if method != "smfnet":
        raise UserError(f"{method}: only smfnet has training recipes; the baselines use their authors' weights")
    try:
        path = start(recipe, data=data, out=out, device=check_device(device), resume=not fresh,
                     overrides=dict(_assignment(text) for text in override or ()),
                     score=lambda fused, ir, vi: metrics.evaluate(fused, ir, vi, metrics=metrics.TABLE_METRICS))
    except RecipeError as error:
        raise UserError(str(error)) from error
    typer.echo(f"{path}\nuse it: put it at <weights>/smfnet/{path.name}")


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


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="a run's OUT")] = Path("out"),
    digits: Annotated[int | None, typer.Option(min=0, max=15, help="after the point; default: as the paper")] = None,
    methods: Annotated[str | None, typer.Option(help="comma-separated: print these only")] = None,
    paper: Paper = None,
    plugins: Plugins = None,
    single_column: Annotated[bool, typer.Option(help="LaTeX tables as wide as one column")] = False,
    landscape: Annotated[bool, typer.Option(
        help="LaTeX: a table that is too wide for the page lies on its side instead of being split")] = False,
    colour: Annotated[bool, typer.Option(help="best red and second blue in LaTeX")] = True,
    notes: Annotated[bool, typer.Option(help="what must be known of a table, below it")] = True,
    drop_empty: Annotated[bool, typer.Option(
        "--drop-empty/--keep-empty", help="leave out rows without a number")] = True,
    area: Annotated[list[str] | None, typer.Option(
        help="DATASET:PICTURE:X,Y,SIDE: magnify this in the data set's panel; may be repeated")] = None,
    pictures: Annotated[int, typer.Option(min=0, help="how many pictures of each data set the page embeds")] = 6,
) -> None:
    """Rebuild tables, figures and the page from OUT/rows.csv."""
    from suite.errors import UserError
    from suite.runner import parse_names, prepare_out

    if not (out / "rows.csv").is_file():
        raise UserError(f"{out}/rows.csv: no such file; name the OUT of a run")
    from suite.plugins import load

    prepare_out(out)
    load(plugins or ())
    from reports import Options, write_all  # matplotlib comes with it
    from reports.areas import parse_all

    options = Options(digits=digits, methods=parse_names(methods), colour=colour, single_column=single_column,
                      landscape=landscape, notes=notes, drop_empty=drop_empty,
                      areas=parse_all(area or []), pictures=pictures, paper=paper)
    for path in write_all(out.resolve(), options):
        typer.echo(path)


@app.command("new-paper")
def new_paper(folder: Annotated[Path, typer.Argument(help="the folder to make")], out: Out = Path("out")) -> None:
    """Write a commented description of a paper's tables from what is in a run, ready to edit."""
    from suite.runner import prepare_out

    prepare_out(out)
    from reports import new_paper as write

    typer.echo(write(out.resolve(), folder))


@app.command()
def trace(table: Annotated[str, typer.Argument(help="table1 ... table6")], dataset: str, method: str, metric: str,
          out: Out = Path("out"), paper: Paper = None, plugins: Plugins = None) -> None:
    """Explain a printed cell: its rows, the pairs and weights by hash."""
    from reports.trace import trace as explain
    from suite.plugins import load

    load(plugins or ())
    typer.echo(explain(out.resolve(), table, dataset, method, metric, paper))


@app.command()
def verify(out: Annotated[Path, typer.Argument(help="a run's OUT, or a bundle")] = Path("out"), weights: Weights = None,
           pictures: Annotated[int, typer.Option(help="how many pictures to fuse again")] = 8,
           seed: Annotated[int, typer.Option(help="which pictures")] = 0,
           device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N")] = "cpu") -> None:
    """Check OUT or a bundle: schema, completeness, hashes; fuse and score a random sample of OUT's pictures again."""
    from baselines.weights import chosen_root
    from suite.verify import verify as look

    findings = look(out, chosen_root(weights), pictures=pictures, seed=seed,
                    device=check_device(device), say=typer.echo)
    typer.echo("checked: " + ", ".join(f"{number} {what}" for what, number in findings.checked.items()))
    for text in findings.wrong:
        typer.echo(f"WRONG {text}")
    typer.echo(f"{len(findings.wrong)} things are wrong" if findings.wrong else "all of it holds")
    if findings.wrong:
        raise typer.Exit(1)


for _command in (audit, bundle, compare):
    app.command()(_command)


def check_device(device: str) -> str:
    """The device, or an error that says what is there."""
    import torch

    from suite.errors import UserError

    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UserError(f"--device {device}: {str(error).splitlines()[0]}") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"--device {device}: this torch sees no CUDA device; use --device cpu")
    return device


def check_jobs(jobs: int | None, device: str) -> int:
    """Workers: as asked, else one per GPU or one per core."""
    from suite.errors import UserError

    if jobs is None:
        import torch

        return max(1, torch.cuda.device_count()) if device == "cuda" else len(os.sched_getaffinity(0))
    if jobs < 0:
        raise UserError(f"--jobs {jobs}: at least 0")
    return jobs


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGINT came once; the second SIGINT ends the run at once."""
    asked: list[int] = []

    def handle(number: int, frame: object) -> None:
        if asked:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient third one must not cut the good-bye short
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(asked)
    finally:
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, before)


def main() -> None:
    """Entry point of run_all.py and of the installed command."""
    from core.errors import IvfbenchError

    try:
        app()
    except IvfbenchError as error:
        text = " ".join(str(error).split())
        print(f"error: {text}", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        print(f"error: {error.filename or 'OUT'}: {error.strerror}; what is finished is kept, mend it and run the same "
              "command again", file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer's code for a KeyboardInterrupt
            print("interrupted; finished pictures are kept, the same command goes on from there", file=sys.stderr)
        raise

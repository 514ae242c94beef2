"""The command line. Every command is a thin call into the rooms; errors a user can mend end in one line and code 2."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.trust import OPTION, allow_foreign_code
from suite.commands.audit import audit
from suite.commands.bundle import bundle
from suite.commands.compare import compare
from suite.commands.device import check_device
from suite.commands.fetch import fetch
from suite.commands.import_data import import_data
from suite.commands.list import list_known
from suite.commands.train import train
from suite.commands.verify import verify

INTERRUPTED = 130
OPEN_FILES = 256  # that a process with its libraries, workers' pipes and pictures needs

app = typer.Typer(no_args_is_help=False, rich_markup_mode=None, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
                  help="ivfbench: fuse, score, detect, segment, report. Without a command: run the suites.")

Data = Annotated[Path | None, typer.Option(help="root of the real data sets (see `check`); left out: the sample")]
Weights = Annotated[Path | None, typer.Option(
    envvar="IVFBENCH_WEIGHTS", help="root of released weights, <method>/<file>; default: the per-user cache")]
Paper = Annotated[str | None, typer.Option(
    help="whose tables: the name of a paper (smfnet, cddfuse, ...) or a folder with paper.toml")]
Plugins = Annotated[list[Path] | None, typer.Option(
    envvar="IVFBENCH_PLUGINS", help="folder of method, metric, suite, data-set or paper files of your own; repeatable")]
Sign = Annotated[Path | None, typer.Option(help="sign OUT/seal.json with this ssh key; `verify --signed-by` checks")]


def out_folder(text: str) -> Path:
    """--out. Raises UserError for an empty name, which would be the folder where one happens to stand."""
    from suite.errors import UserError

    if not str(text).strip():
        raise UserError("--out: an empty name; name a folder, or . for this one")
    return Path(text)


Out = Annotated[Path, typer.Option(help="where everything is written", parser=out_folder, metavar="PATH")]


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
    precision: Annotated[str | None, typer.Option(
        help="of networks that fuse: float32, or bf16, which is faster and gives other numbers")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N")] = "cpu",
    executor: Annotated[str, typer.Option(help="local or ray")] = "local",
    address: Annotated[str | None, typer.Option(
        help="an existing Ray cluster, host:port or auto; default: RAY_ADDRESS, else one is started here")] = None,
    jobs: Annotated[int | None, typer.Option(
        help="worker processes; 0: none, work in this process; default: one per core, or per GPU")] = None,
    memory: Annotated[float | None, typer.Option(
        min=0, help="GiB that the workers may take together, for fusing on the CPU; default: what is free")] = None,
    out: Out = Path("out"),
    force: Annotated[bool, typer.Option(help="do units again that have a result")] = False,
    limit: Annotated[int | None, typer.Option(
        help="only so many pairs of each data set, for a quick look; tables say so")] = None,
    version: Annotated[bool, typer.Option("--version", help="say the version and end")] = False,
    sign: Sign = None,
    foreign_code: Annotated[bool, typer.Option(OPTION, help="run a classic_repository that is not the pinned one and "
                                               "install what it requires: its code has your rights")] = False,
) -> None:
    """Run the suites and write tables, figures and the page."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"ivfbench {installed('ivfbench')}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    if foreign_code:
        allow_foreign_code()
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
        variant=variant, paper=paper, protocol=protocol, precision=precision, seeds=seeds, ours=ours,
        limit=limit, titles=parse_titles(title))
    with interruptible() as stop:
        code = run(Request(
            profile=chosen, out=out, data=data, weights=chosen_root(weights), methods=parse_methods(methods),
            device=check_device(device), executor=executor, address=address, jobs=check_jobs(jobs, device),
            memory=memory, force=force, command=" ".join(sys.argv[1:]), sign=sign, stop=stop))
    raise typer.Exit(code)


@app.command()
def check(data: Data = None, weights: Weights = None) -> None:
    """Say what is ready, what is missing and where to get it."""
    from baselines.weights import chosen_root
    from suite.check import check as look

    if not look(data, chosen_root(weights)):
        raise typer.Exit(1)


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
    sign: Sign = None,
) -> None:
    """Rebuild tables, figures and the page from OUT/rows.csv."""
    from suite.errors import UserError
    from suite.runner import parse_names, prepare_out

    if not (out / "rows.csv").is_file():
        raise UserError(f"{out}/rows.csv: no such file; name the OUT of a run")
    from suite import seal
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
    seal.write(out.resolve(), sign)


@app.command("new-paper")
def new_paper(folder: Annotated[Path, typer.Argument(help="the folder to make")], out: Out = Path("out")) -> None:
    """Describe a paper's tables from a run, ready to edit."""
    from suite.runner import prepare_out

    prepare_out(out)
    from reports import new_paper as write

    typer.echo(write(out.resolve(), folder))


@app.command()
def trace(table: Annotated[str, typer.Argument(help="table1 ... table6")], dataset: str, method: str, metric: str,
          out: Annotated[Path, typer.Argument(help="a run's OUT")] = Path("out"),
          paper: Paper = None, plugins: Plugins = None) -> None:
    """Explain a printed cell by its rows, pictures and weights.

    Beside it: the published value, every picture's value and sha256, the units that made it.
    """
    from reports.trace import trace as explain
    from suite.plugins import load

    load(plugins or ())
    typer.echo(explain(out.resolve(), table, dataset, method, metric, paper))


for _command in (audit, bundle, compare, fetch, import_data, train, verify):
    app.command()(_command)
app.command("list")(list_known)


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
    from suite.errors import one_line

    try:
        check_process()
        app()
    except Exception as error:
        text = one_line(error)
        if text is None:
            raise
        print(f"error: {text}", file=sys.stderr)
        raise SystemExit(2) from None
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer's code for a KeyboardInterrupt
            print("interrupted; finished pictures are kept, the same command goes on from there", file=sys.stderr)
        raise


def check_process() -> None:
    """UserError for a command that is not UTF-8, or where too few files may be opened (a soft limit is raised)."""
    import resource

    from suite.errors import UserError

    for word in sys.argv[1:]:
        if not word.isascii() and word != word.encode("utf-8", "replace").decode():
            raise UserError(f"{word!a}: not UTF-8; rename the file or folder, or reach it through a link")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        raise UserError(f"this process may open {hard} files; at least {OPEN_FILES} are needed: raise `ulimit -n`")
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))

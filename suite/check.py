"""`run_all.py check`: what is ready, what is missing and where to get it."""

from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fusion.images import ImageError
from fusion.method import MethodError, load_method, methods, weights_of
from fusion.pairs import PairsError, datasets, open_pairs

EXTRAS = ("fusion", "downstream", "reports", "all")
READY, MISSING = "[green]ready[/green]", "[yellow]missing[/yellow]"


def check(data: Path | None, weights: Path) -> bool:
    """Print the state of packages, device, data sets and weights. Returns False when a needed package is not right."""
    console = Console()
    packages = _packages()
    console.print(_table("packages", packages))
    console.print(_table("device", [_device()]))
    if data is None:
        console.print("data: no --data named; the embedded sample needs none")
    else:
        console.print(_table(f"data in {data}", [_dataset(name, data) for name in datasets()
                                                 if not name.startswith("sample")]))
    console.print(_table(f"weights in {weights}", [_method(name, weights) for name in methods()]))
    return all(state == READY for _, state, _ in packages)


def _table(title: str, lines: list[tuple[str, str, str]]) -> Table:
    table = Table(title=escape(title), title_justify="left", show_header=False, box=None, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, state, text in lines:
        table.add_row(escape(name), state, escape(text))
    return table


def _packages() -> list[tuple[str, str, str]]:
    """The ranges that the distribution's extra `all` asks for against what is installed."""
    try:
        wanted = [Requirement(text) for text in requires("ivfbench") or []]
    except PackageNotFoundError:
        return [("ivfbench", MISSING, "not installed: pip install -e '.[all]' in the checkout")]
    lines: dict[str, tuple[str, str, str]] = {}
    for needed in wanted:
        extra = next((name for name in EXTRAS if needed.marker and needed.marker.evaluate({"extra": name})), "")
        if needed.name == "ivfbench" or (needed.marker and not extra):
            continue
        remedy = f"pip install -c constraints.txt -e '.[{extra or 'all'}]' in the checkout"
        try:
            installed = version(needed.name)
        except PackageNotFoundError:
            lines[needed.name] = needed.name, MISSING, remedy
            continue
        right = needed.specifier.contains(installed.split("+")[0], prereleases=True)
        lines[needed.name] = (needed.name, READY if right else "[red]other[/red]",
                              installed if right else f"{installed} installed, {needed.specifier} needed: {remedy}")
    return list(lines.values())


def _device() -> tuple[str, str, str]:
    import torch

    if torch.cuda.is_available():
        return "cuda", READY, ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return "cpu", READY, f"{torch.get_num_threads()} threads; torch {torch.__version__} sees no CUDA device"


def _dataset(name: str, data: Path) -> tuple[str, str, str]:
    try:
        pairs = open_pairs(name, data)
    except (PairsError, ImageError) as error:
        return name, MISSING, str(error)
    note = f"; {pairs.note}" if pairs.note else ""
    return name, READY, f"{len(pairs.pairs)} pairs in {pairs.layout}, manifest {pairs.manifest[:12]}{note}"


def _method(name: str, weights: Path) -> tuple[str, str, str]:
    try:
        method = load_method(name, weights=weights_of(name, weights))
    except MethodError as error:
        return name, MISSING, str(error)
    files = ", ".join(Path(f).name for f in method.weight_files)
    note = method.note
    return name, READY, "; ".join(text for text in (files or "needs no weights", note) if text)

"""`run_all.py check`: what is ready, what is missing and where to get it."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fusion.images import ImageError
from fusion.method import MethodError, load_method, methods
from fusion.pairs import PairsError, datasets, open_pairs

READY, MISSING = "[green]ready[/green]", "[yellow]missing[/yellow]"


def check(data: Path | None, weights: Path) -> bool:
    """Print the state of packages, device, data sets and weights. Returns False when a pinned package is not right."""
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
    """The distribution's own exact pins against what is installed."""
    try:
        pins = [r for r in requires("ivfbench") or [] if "extra ==" not in r]
    except PackageNotFoundError:
        return [("ivfbench", MISSING, "not installed: pip install -e . in the checkout")]
    lines = []
    for name, pin in (found.groups() for pin in pins if (found := re.match(r"([\w.-]+)==([\w.+-]+)", pin))):
        try:
            installed = version(name)
        except PackageNotFoundError:
            lines.append((name, MISSING, f"pip install {name}=={pin}"))
            continue
        # a CUDA or CPU build carries a local version (2.13.0+cpu) and is the same release
        same = installed.split("+")[0] == pin
        lines.append((name, READY if same else "[red]other[/red]",
                      installed if same else f"{installed} installed, {pin} pinned: pip install {name}=={pin}"))
    return lines


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
        method = load_method(name, weights=weights / name)
    except MethodError as error:
        return name, MISSING, str(error)
    files = ", ".join(Path(f).name for f in method.weight_files)
    note = method.note
    return name, READY, "; ".join(text for text in (files or "needs no weights", note) if text)

"""`run_all.py check`: what is ready, what one command fetches, what must be got by hand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fusion.images import ImageError
from fusion.method import MethodError, find, load_method, methods, weights_of
from fusion.pairs import PairsError, datasets, open_pairs
from suite.from_paper import expanded
from suite.profile import Profile, load_profile
from suite.suites import find_suite

EXTRAS = ("fusion", "downstream", "reports", "all")
State = Literal["ready", "fetch", "hand"]
GROUPS: dict[State, str] = {"ready": "ready", "fetch": "can be fetched", "hand": "by hand"}


@dataclass(frozen=True)
class Item:
    """Something that a run uses. needed: by the profile that runs when none is named."""

    kind: str
    name: str
    state: State
    text: str
    needed: bool = False


def check(data: Path | None, weights: Path) -> bool:
    """Print the state of packages, device, data sets and weights, in groups by what has to be done.

    Returns whether all is there that the default profile needs: the paper's where `data` is named, else the sample's.
    """
    profile = load_profile("paper" if data is not None else "sample")
    wanted = set(expanded(profile.methods, profile.paper, {find_suite(name).task for name in profile.suites}))
    items = [*_packages(), _device(), *_data(data, _datasets_of(profile)),
             *(_method(name, weights, name in wanted) for name in methods())]
    console = Console()
    for state, title in GROUPS.items():
        if chosen := [item for item in items if item.state == state]:
            console.print(_table(title, chosen) if console.is_terminal else _lines(title, chosen), soft_wrap=True,
                          highlight=False, markup=False)
    if names := [item.name for item in items if item.state == "fetch" and item.kind == "weights"]:
        console.print(f"fetch them: python run_all.py fetch {' '.join(names)}", soft_wrap=True)
    lacking = [f"{item.kind} {item.name}" for item in items if item.needed and item.state != "ready"]
    console.print(f"profile {profile.name} lacks {', '.join(lacking)}" if lacking
                  else f"profile {profile.name} has all that it needs", soft_wrap=True)
    return not lacking


def _datasets_of(profile: Profile) -> set[str]:
    found: set[str] = set()
    for suite in profile.suites:
        found |= set(getattr(profile.settings_of(suite), "datasets", ()))
    return found


def _table(title: str, items: Iterable[Item]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 1))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in items:
        table.add_row("needed" if item.needed else "", item.kind, escape(item.name), escape(item.text))
    return table


def _lines(title: str, items: Iterable[Item]) -> str:
    """The same without a terminal: addresses and paths stay whole."""
    return "\n".join([title, *(f"  {'needed' if item.needed else '':<7} {item.kind:<8} {item.name:<20} {item.text}"
                               for item in items)])


def _packages() -> Iterator[Item]:
    """The ranges that the distribution's extra `all` asks for against what is installed."""
    try:
        wanted = [Requirement(text) for text in requires("ivfbench") or []]
    except PackageNotFoundError:
        yield Item("package", "ivfbench", "hand", "not installed: pip install -e '.[all]' in the checkout", True)
        return
    for needed in {requirement.name: requirement for requirement in wanted}.values():
        extra = next((name for name in EXTRAS if needed.marker and needed.marker.evaluate({"extra": name})), "")
        if needed.name == "ivfbench" or (needed.marker and not extra):
            continue
        remedy = f"pip install -c constraints.txt -e '.[{extra or 'all'}]' in the checkout"
        try:
            installed = version(needed.name)
        except PackageNotFoundError:
            yield Item("package", needed.name, "hand", remedy, True)
            continue
        right = needed.specifier.contains(installed.split("+")[0], prereleases=True)
        yield Item("package", needed.name, "ready" if right else "hand", installed if right else
                   f"{installed} installed, {needed.specifier} needed: {remedy}", True)


def _device() -> Item:
    import torch

    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return Item("device", "cuda", "ready", names)
    return Item("device", "cpu", "ready", f"{torch.get_num_threads()} threads; torch {torch.__version__} sees no CUDA "
                                          "device")


def _data(root: Path | None, wanted: set[str]) -> Iterator[Item]:
    """The data sets below the root; without one nothing is needed: the sample is rendered."""
    if root is None:
        yield Item("data", "sample", "ready", "rendered by the run; real data: --data DIR", True)
        return
    for name in datasets():
        if name.startswith("sample"):
            continue
        try:
            pairs = open_pairs(name, root)
        except (PairsError, ImageError) as error:
            yield Item("data", name, "hand", str(error), name in wanted)
            continue
        note = f"; {pairs.note}" if pairs.note else ""
        yield Item("data", name, "ready", f"{len(pairs.pairs)} pairs in {pairs.layout}, manifest "
                                          f"{pairs.manifest[:12]}{note}", name in wanted)


def _method(name: str, weights: Path, needed: bool) -> Item:
    try:
        method = load_method(name, weights=weights_of(name, weights))
    except MethodError as error:
        pinned = [item for item in find(name).card.weights if not item.optional]
        folder = weights_of(name, weights)
        there = folder is not None and any((folder / item.file).exists() for item in pinned)  # and not the right one
        if pinned and all(item.repository for item in pinned) and not there:
            files = ", ".join(item.file for item in pinned)
            return Item("weights", name, "fetch", f"{files} of {pinned[0].repository}", needed)
        return Item("weights", name, "hand", str(error).removeprefix(f"{name}: "), needed)
    files = ", ".join(path.name for path in method.weight_files)
    return Item("weights" if files else "method", name, "ready",
                "; ".join(text for text in (files or "needs no weights", method.note) if text), needed)

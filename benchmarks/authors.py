"""The authors' own networks, from folders that whoever measures has fetched; none of their code is kept here.

`--authors DIR` names a folder with one checkout a repository, called `owner+name` or `name` (the repository and commit
stand in the method's card). Packages that a network computes with and that are not installed (einops, kornia==0.5.0)
may lie in DIR/site: `pip install --no-deps --target DIR/site einops kornia==0.5.0`. What is only imported, or an
identity at inference, is replaced by a stand-in, so that nothing else is needed.

How each method's network is put together stands in `benchmarks.authors_table`.

    python -m benchmarks.authors [DIR]

lists the repositories and commits, and which of them are in DIR.
"""

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import IvfbenchError
from fusion.method import find

SITE = "site"
Call = Callable[[Tensor, Tensor], Tensor]
# tables that the authors compute when they build their layers; ours has them not, or computes them at the picture
COMPUTED = ("attn_mask", "relative_position_index", "relative_positions", "num_batches_tracked")


class AuthorsError(IvfbenchError):
    """The authors' network cannot be had; the message says why."""


@dataclass(frozen=True)
class Checkout:
    """A fetched repository."""

    folder: Path

    def load(self, module: str, inside: str = "") -> ModuleType:
        """Import one of its modules as its scripts do, which run in the folder `inside`."""
        root = str(self.folder / inside)
        if root not in sys.path:
            sys.path.insert(0, root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SyntaxWarning of `is` with a literal and the like: their own affair
            return importlib.import_module(module)

    def package(self, name: str) -> None:
        """Make a package importable without running its __init__, which imports training code."""
        module = ModuleType(name)
        module.__path__ = [str(self.folder.joinpath(*name.split(".")))]
        sys.modules[name] = module


class AuthorsNetwork(nn.Module):
    """The authors' modules, called in the order and with the shapes of our `architecture`.

    parts: their modules under the names of our state dict. call: what their script does with them.
    """

    def __init__(self, parts: nn.Module, call: Call):
        super().__init__()
        self.parts, self.call = parts, call

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.call(first, second)

    def load(self, state: dict[str, Tensor]) -> None:
        """Our tensors, every one of them, into their modules; AuthorsError where names or shapes differ."""
        own = self.parts.state_dict()
        state = {name: value for name, value in state.items() if name in own or not name.endswith(COMPUTED)}
        try:
            missing, unexpected = self.parts.load_state_dict(state, strict=False)
        except RuntimeError as error:
            raise AuthorsError(" ".join(str(error).split())[:300]) from error
        missing = [name for name in missing if not name.endswith(COMPUTED)]
        if missing or unexpected:
            raise AuthorsError(f"our weights do not fit: {len(missing)} missing ({', '.join(missing[:3])}), "
                               f"{len(unexpected)} unknown ({', '.join(unexpected[:3])})")


def repository(name: str) -> str:
    """owner/name of a method's repository, from its card."""
    return find(name).card.repository.partition("@")[0]


def checkout(root: Path, name: str) -> Checkout:
    """The folder of a method's repository below `root`; AuthorsError names the folder that is missing."""
    owner, _, short = repository(name).partition("/")
    for folder in (root / f"{owner}+{short}", root / short):
        if folder.is_dir():
            return Checkout(folder)
    raise AuthorsError(f"no folder {owner}+{short}")


def why_not(root: Path | None, name: str, height: int, width: int) -> str:
    """Why a method has no form `authors` for pictures of that size; "" where it should."""
    from benchmarks.authors_table import NETWORKS, NONE, SQUARE

    if name in NONE:
        return NONE[name]
    if name not in NETWORKS:
        return "not in benchmarks/authors_table.py"
    if name in SQUARE and height != width:
        return "takes square pictures only"
    if root is None:
        return "no --authors"
    try:
        checkout(root, name)
    except AuthorsError as error:
        return str(error)
    return ""


def authors_network(root: Path, name: str, state: dict[str, Tensor]) -> AuthorsNetwork:
    """The authors' network of a method with the weights `state`, on the CPU, in the mode that it is run in.

    Changes this process: their folders are put on the path, and `.cuda()` stays on the CPU, since some networks ask
    for it while they are built. Call it in a process of its own. Raises AuthorsError.
    """
    from benchmarks.authors_table import NETWORKS, RANDOM

    code = checkout(root, name)
    if (root / SITE).is_dir():
        sys.path.append(str(root / SITE))
    _stay_on_cpu()
    try:
        network = AuthorsNetwork(*NETWORKS[name](code))
    except ModuleNotFoundError as error:
        raise AuthorsError(f"needs {error.name}, neither installed nor in {SITE}") from error
    network.load(state)
    return network.train(name in RANDOM)


def stand_in(name: str, **contents: Any) -> None:
    """A module of these contents, and its parents, where the real one is not installed."""
    if name in sys.modules or _installed(name.partition(".")[0]):
        return
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        full = ".".join(parts[:depth])
        if full not in sys.modules:
            sys.modules[full] = ModuleType(full)
            sys.modules[full].__path__ = []
        if depth > 1:
            setattr(sys.modules[".".join(parts[:depth - 1])], parts[depth - 1], sys.modules[full])
    for key, value in contents.items():
        setattr(sys.modules[name], key, value)


def _installed(name: str) -> bool:
    """Whether a package can be imported; one that is itself a stand-in cannot."""
    if name in sys.modules:
        return bool(getattr(sys.modules[name], "__file__", None))
    try:
        importlib.import_module(name)
    except Exception:  # torchvision raises a RuntimeError beside a torch of another build
        for left in [module for module in sys.modules if module.partition(".")[0] == name]:
            del sys.modules[left]
        return False
    return True


def _stay_on_cpu() -> None:
    torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[method-assign]
    nn.Module.cuda = lambda self, *_, **__: self  # type: ignore[method-assign,assign]


def main() -> None:
    from benchmarks.authors_table import NETWORKS, NONE

    root = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for name in sorted({*NETWORKS, *NONE}):
        state = NONE.get(name) or (why_not(root, name, 1, 1) or "ready" if root else "")
        print(f"{name:13} {find(name).card.repository:48} {state}".rstrip())


if __name__ == "__main__":
    main()

"""Plug-ins: folders outside the project whose files add methods, metrics, suites, data sets and papers.

A Python file is imported as `ivfbench_plugins.<name>` and registers what it holds; files of a folder import each other
as `from ivfbench_plugins import other`. Other files (data sets' TOML, papers' folders) are for the readers that rooms
declare with `reader`. A broken file is remembered with its one line; it stops only what needs it.
"""

import importlib
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from core.errors import IvfbenchError
from core.source import PLUGINS

GROUP = "ivfbench.plugins"  # of entry points: a module or package that registers what it holds
broken: dict[Path, str] = {}
_folders: list[Path] = []
_files: list[Path] = []
_readers: list[Callable[[Path], Iterable[Path]]] = []


def reader(read: Callable[[Path], Iterable[Path]]) -> Callable[[Path], Iterable[Path]]:
    """Declare a function that takes a plug-in folder, adds what it knows how to read, and returns the files it took."""
    _readers.append(read)
    return read


def load_folders(folders: Iterable[Path]) -> None:
    """Load every folder once, in order. Raises IvfbenchError for one that does not exist; broken files do not raise."""
    for folder in map(Path, folders):
        folder = folder.resolve()
        if not folder.is_dir():
            raise IvfbenchError(f"--plugins {folder}: no such folder; name one that holds your method, metric, "
                                "data-set or paper files")
        if folder not in _folders:
            _folders.append(folder)
            _load(folder)


def load_entry_points() -> None:
    """Import what installed packages offer under the entry-point group; a package's folder is read like --plugins."""
    for point in entry_points(group=GROUP):
        try:
            module = point.load()
        except Exception as error:
            broken[Path(point.value)] = f"entry point {point.name}: {_line(error)}"
            continue
        if isinstance(module, ModuleType) and hasattr(module, "__path__"):
            _read_rest(Path(next(iter(module.__path__))))


def folders() -> tuple[Path, ...]:
    """The folders loaded so far: what a worker process loads too."""
    return tuple(_folders)


def loaded_files() -> tuple[Path, ...]:
    """The files that were taken."""
    return tuple(_files)


def _load(folder: Path) -> None:
    package = sys.modules.get(PLUGINS)
    if package is None:
        package = sys.modules[PLUGINS] = ModuleType(PLUGINS, "Files of --plugins.")
        package.__path__ = []
    package.__path__ = [*package.__path__, str(folder)]
    importlib.invalidate_caches()
    for path in sorted(folder.glob("*.py")):
        name = f"{PLUGINS}.{path.stem}"
        if name in sys.modules:
            broken[path] = f"{path}: {sys.modules[name].__file__} has the same name; rename one of them"
        elif not path.name.startswith(("_", ".")):
            _import(path, name)
    _read_rest(folder)


def _read_rest(folder: Path) -> None:
    for read in _readers:
        _files.extend(read(folder))


def _import(path: Path, name: str) -> None:
    try:
        importlib.import_module(name)
        _files.append(path)
    except Exception as error:
        broken[path] = f"{path}: {_line(error)}"


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, IvfbenchError) else f"{type(error).__name__}: {text}"

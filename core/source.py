"""The hash of the source that computes something: part of every key, so that changed code is never taken for done."""

import ast
import hashlib
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

ROOMS = frozenset({"core", "fusion", "baselines", "downstream", "metrics", "results", "reports", "suite"})
ROOT = Path(__file__).resolve().parent.parent
PLUGINS = "ivfbench_plugins"  # the package under which files of --plugins are imported
# What a method or metric is registered with decides no number: its modules' source counts, not that of its readers.
_WITHOUT_EFFECT = frozenset({"core.errors", "core.names"})


def source_hash(modules: Iterable[str]) -> str:
    """Hex sha256 over modules of this project or of plug-ins and all such modules that they import, directly or not.

    Comments, docstrings and layout do not count.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(frozenset(modules)) - _WITHOUT_EFFECT):
        path = _path(name)
        if path is not None:
            digest.update(f"{name}\0{_normalised(path, path.stat().st_mtime_ns)[0]}\n".encode())
    return digest.hexdigest()


def _closure(modules: frozenset[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        path = _path(name)
        if path is not None:
            waiting += [other for other in _normalised(path, path.stat().st_mtime_ns)[1] if _path(other) is not None]
    return found


def _path(name: str) -> Path | None:
    """The file of a module of this project or a plug-in; None for others and for names that are no module."""
    room = name.partition(".")[0]
    if room == PLUGINS:
        file = getattr(sys.modules.get(name), "__file__", None)
        return Path(file) if file else None
    if room not in ROOMS:
        return None
    place = ROOT.joinpath(*name.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


@lru_cache(maxsize=4096)
def _normalised(path: Path, mtime_ns: int) -> tuple[str, tuple[str, ...]]:
    """(source without comments and docstrings, names that may be imported modules) of a file at one point in time."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    imported = tuple(name for node in ast.walk(tree) for name in _imported(node))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and \
                    isinstance(first.value.value, str):
                node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree), imported


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []

"""OUT/.cache/known_files.json: what earlier runs found out about files, so that they need not be looked at again."""

from pathlib import Path
from typing import Any

from core.errors import IvfbenchError
from core.files import make_way, read_json, sha256_of, write_json

KnownFiles = dict[str, list[Any]]


def _at(out: Path) -> Path:
    return out / ".cache" / "known_files.json"


def read(out: Path) -> KnownFiles:
    """The memory; a damaged one is forgotten: what it would save is a second look."""
    try:
        found = read_json(_at(out))
        known: KnownFiles = found["files"]
        return known if found["seal"] == sha256_of(known) else {}
    except (OSError, IvfbenchError, KeyError, TypeError):
        return {}


def write(out: Path, known: KnownFiles) -> None:
    make_way(_at(out))
    write_json(_at(out), {"files": known, "seal": sha256_of(known)}, indent=None)


def forget(out: Path) -> None:
    make_way(_at(out))
    _at(out).unlink(missing_ok=True)

"""Paths inside a folder that somebody else may have filled: no name leads out of it, no link is written through."""

import os
import stat
from pathlib import Path, PurePosixPath

from core.errors import IvfbenchError


def inside(root: Path, name: str, error: type[IvfbenchError] = IvfbenchError) -> Path:
    """`root`/`name`, which is below `root` and reached through real folders; `root` itself may be a link.

    Args:
        name: relative, with "/" between its parts. What is not there yet is fine.
    Raises `error` for a name that leads out, and for a symbolic link on the way, naming it.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
        raise error(f"{name!r} is no path inside {root}")
    path = Path(root)
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise error(f"{path}: a symbolic link; nothing is written through links: remove it, or name another --out")
    return path


def refuse_links(folder: Path, error: type[IvfbenchError] = IvfbenchError) -> None:
    """Raises `error`, naming it, for a symbolic link that lies directly in `folder`."""
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise error(f"{entry.path}: a symbolic link; nothing is written through links: remove it, or name "
                                "another --out")


def remove_links(folder: Path) -> None:
    """Remove every symbolic link below `folder`, itself included; what they lead to stays as it is.

    Pipes and devices, too: who opens one may wait for ever.
    """
    folder = Path(folder)
    if folder.is_symlink():
        folder.unlink()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if not (stat.S_ISREG(kind := path.lstat().st_mode) or stat.S_ISDIR(kind)):
                path.unlink()

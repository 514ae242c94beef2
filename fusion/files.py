"""Writing so that a file under its name is always complete, and reading text that somebody else wrote."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path` to write to; rename it to `path` on success, remove it on any failure."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk names no file by itself
        raise
    finally:
        temporary.unlink(missing_ok=True)


def read_text(path: Path, error: type[Exception]) -> str:
    """A UTF-8 text file. Raises `error`, naming the file, for anything else."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise error(f"{path}: not a UTF-8 text file ({fault.reason} at byte {fault.start}); copy it again from its "
                    "source, or save it as UTF-8") from fault


def stamp(path: Path) -> str:
    """Path, size and time of a file: a key under which what was found out about its content may be remembered."""
    stat = Path(path).stat()
    return f"{path}|{stat.st_size}|{stat.st_mtime_ns}"

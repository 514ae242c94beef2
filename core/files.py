"""Files: written so that a file under its name is always complete, read so that no file can do harm, hashed."""

import hashlib
import json
import os
import shutil
import stat
import time
import tomllib
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from core.errors import IvfbenchError

MAX_TEXT = 256 * 2**20  # bytes: the largest rows.csv of 20,000 pairs and 60 methods stays below
MAX_FILE = 2**40  # bytes: what is read piece by piece
MAX_TOML = 2**22  # bytes: a description that a person wrote
_HIDDEN = ".{name}.{pid}.tmp"
_TICK = 20_000_000  # ns: longer than a tick of the clock that stamps files (1 to 10 ms on Linux)

T = TypeVar("T")


@contextmanager
def aside(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a hidden path beside `path` to write to; rename it to `path` on success, remove it on any failure.

    durable: on the disk before it has its name, so that not even a power cut leaves an empty file under it. That takes
    some 7 ms; pictures, of which there are thousands and which are made again where they are not whole, do without.
    """
    path = Path(path)
    temporary = path.with_name(_HIDDEN.format(name=path.name, pid=os.getpid()))
    try:
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # a planted link is not followed
        yield temporary
        if durable:
            _flush(temporary)
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk names no file by itself
        raise
    finally:
        temporary.unlink(missing_ok=True)


def make_way(path: Path) -> None:
    """Remove a folder that stands where a file belongs: renaming a file onto it would fail. A link is left alone."""
    if Path(path).is_dir() and not Path(path).is_symlink():
        shutil.rmtree(path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text aside, then rename. Returns the path."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a picture's bytes aside, then rename, not durable (see `aside`). Returns the path."""
    with aside(path, durable=False) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_json(path: Path, content: Any, *, indent: int | None = 1) -> Path:
    """Write JSON aside, then rename; the folder is made. Keys keep their order: methods stand as they ran.

    Raises ValueError for nan and infinities, which JSON has not.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return write_text(path, json.dumps(content, indent=indent, allow_nan=False) + "\n")


def read_text(path: Path, error: type[IvfbenchError] = IvfbenchError, *, limit: int = MAX_TEXT) -> str:
    """A UTF-8 text file, without its byte order mark.

    Raises `error`, naming the file, for a device or folder, for more than `limit` bytes, and for anything that is not
    UTF-8; FileNotFoundError where there is none.
    """
    try:
        return read_bytes(path, error, limit=limit).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise error(f"{path}: not a UTF-8 text file ({fault.reason} at byte {fault.start}); copy it again from its "
                    "source, or save it as UTF-8") from fault


def read_toml(path: Path, error: type[IvfbenchError] = IvfbenchError, *, limit: int = MAX_TOML) -> dict[str, Any]:
    """A TOML file. Raises `error`, naming the file, when it is none; FileNotFoundError where there is none."""
    try:
        return tomllib.loads(read_text(path, error, limit=limit))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as fault:  # ValueError: a number of 5,000 digits
        raise error(f"{path}: not readable as TOML ({fault})") from fault


def read_bytes(path: Path, error: type[IvfbenchError] = IvfbenchError, *, limit: int = MAX_TEXT) -> bytes:
    """The bytes of a regular file of at most `limit` bytes. Raises `error` otherwise, FileNotFoundError for none."""
    check_file(path, error, limit=limit)
    return Path(path).read_bytes()


def check_file(path: Path, error: type[IvfbenchError] = IvfbenchError, *, limit: int = MAX_FILE) -> int:
    """The size of a regular file of at most `limit` bytes; what a library is about to read is looked at like this.

    A device or pipe would never end, or never begin. Raises `error` otherwise, FileNotFoundError for none.
    """
    state = Path(path).stat()
    if not stat.S_ISREG(state.st_mode):
        raise error(f"{path}: a folder or device where a file should be; replace or remove it")
    if state.st_size > limit:
        raise error(f"{path}: {state.st_size} bytes; at most {limit} are read: not the file that belongs here")
    return state.st_size


def read_json(path: Path, error: type[IvfbenchError] = IvfbenchError) -> Any:
    """A JSON file. Raises `error`, naming the file, when it is none; FileNotFoundError where there is none."""
    try:
        return json.loads(read_text(path, error))
    except (json.JSONDecodeError, RecursionError) as fault:
        raise error(f"{path}: not readable as JSON ({fault})") from fault


def sha256(path: Path) -> str:
    """Hex sha256 of a regular file's bytes. Raises IvfbenchError for a device, FileNotFoundError for none."""
    check_file(path)
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_of(content: Any) -> str:
    """Hex sha256 of JSON-able content; dictionaries count without the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def stamp(path: Path) -> str:
    """Path, size, times and inode of a file: a key under which what was found out about its content may be remembered.

    Size and time of writing alone do not tell: pictures from an archive share one time, uncompressed ones one size, and
    renaming keeps both. The time of the last change of status and the inode are the system's own and cannot be set.
    """
    state = Path(path).stat()
    return f"{path}|{state.st_size}|{state.st_mtime_ns}|{state.st_ctime_ns}|{state.st_ino}"


def remembered(known: MutableMapping[str, Any], what: str, path: Path, look: Callable[[], T]) -> T:
    """`look()`, or what it gave for this file before.

    Args:
        known: the memory, extended. what: names the question; answers of other questions have keys of their own.
        look: reads the file; its answer must survive JSON.
    A file that changed a moment ago is looked at a moment later: a second change within the same tick of the file
    system's clock would leave the same stamp.
    """
    key = f"{what} {stamp(path)}"
    if key not in known:
        age = time.time_ns() - Path(path).stat().st_ctime_ns
        if 0 <= age < _TICK:
            time.sleep((_TICK - age) / 1e9)
        known[key] = look()
    return cast(T, known[key])

"""Zip files of runs: written so that the same content gives the same bytes, opened so that no file can do harm."""

import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.archives import FAULTS, extract, fault
from core.files import aside
from suite.errors import UserError

MAX_FILES = 200_000
MAX_BYTES = 16 * 2**30  # unpacked: room for the pictures of a whole paper, and an end to a bomb
MAX_RATIO = 100  # unpacked to packed of the whole: the bundle of the sample has 3.3
SMALL = 2**20  # below this a ratio says nothing
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, files: Mapping[str, Path | bytes]) -> Path:
    """Write name -> file or bytes, by name, without times or owners; aside, then renamed. Returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content if isinstance(content, bytes) else content.read_bytes())
    return path


@contextmanager
def opened(path: Path) -> Iterator[tuple[Path, bool]]:
    """(folder of a run, whether it was unpacked): OUT itself, or a bundle's content for as long as the block lasts.

    Raises UserError for anything that is neither, and for a zip that is not safe to unpack.
    """
    if path.is_dir():
        yield path.resolve(), False
        return
    if not path.is_file():
        raise UserError(f"{path}: no such folder or bundle; name the OUT of a run, or a zip that `bundle` wrote")
    with tempfile.TemporaryDirectory(prefix="ivfbench-") as folder:
        unpack(path, Path(folder))
        yield Path(folder).resolve(), True


def unpack(path: Path, folder: Path, *, max_bytes: int = MAX_BYTES, kind: str = "bundle of a run") -> None:
    """Unpack a zip into `folder`, every entry checked before the first is written. Raises UserError, naming both.

    kind: what the zip should be, for messages.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check(path, entries, max_bytes, kind)
            for entry in entries:
                if not entry.is_dir():
                    _extract(archive, entry, folder / entry.filename)
    except FAULTS as error:
        raise UserError(f"{path}: not a whole zip file of a {kind} ({' '.join(str(error).split())}); copy it again "
                        "from its source") from error


def _check(path: Path, entries: list[zipfile.ZipInfo], max_bytes: int, kind: str) -> None:
    if len(entries) > MAX_FILES:
        raise UserError(f"{path}: {len(entries)} files; at most {MAX_FILES} are unpacked: not a {kind}")
    seen: set[str] = set()
    for entry in entries:
        wrong = fault(entry, kind)
        if wrong is None and entry.filename.casefold() in seen:
            wrong = "stands twice"
        if wrong:
            raise UserError(f"{path}: {entry.filename!r} {wrong}; not unpacked: ask its sender for a {kind} without it")
        seen.add(entry.filename.casefold())
    unpacked, packed = (sum(getattr(entry, size) for entry in entries) for size in ("file_size", "compress_size"))
    if unpacked > max_bytes or unpacked > max(SMALL, MAX_RATIO * packed):
        raise UserError(f"{path}: {packed} bytes would become {unpacked}; at most {max_bytes} and {MAX_RATIO} times "
                        f"the packed size are unpacked: not a {kind}")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    """One file, never more bytes than its header declares."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as sink:
        extract(archive, entry, sink)

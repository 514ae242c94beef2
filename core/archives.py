"""Entries of zip files that anybody may have made: judged by their headers, then read no further than those say."""

import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import IO

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# what the standard library raises for archives that are damaged or of a kind that it does not read
FAULTS = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, OverflowError,
          UnicodeDecodeError)
_ENCRYPTED = 0x1
_CHUNK = 2**20


def fault(entry: zipfile.ZipInfo, kind: str) -> str | None:
    """What is wrong with one entry, judged by its header alone. kind: what the archive should be, for the message."""
    name, file_type = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    # orig_filename: what stands in the file, before zipfile cuts it at a NUL and turns separators
    if (any(sign in entry.orig_filename for sign in "\\:\0") or PurePosixPath(name).is_absolute()
            or any(part in ("", ".", "..") for part in name.removesuffix("/").split("/"))):
        return f"is no plain path inside the {kind}"
    if file_type not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or device"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in METHODS:
        return f"is packed by method {entry.compress_type} (only stored and deflated are read)"
    return None


def extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, sink: IO[bytes]) -> None:
    """Write one entry to `sink`, never more bytes than its header declares. Raises one of FAULTS."""
    left = entry.file_size
    with archive.open(entry) as source:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile(f"{entry.filename} holds more than it declares")
            sink.write(chunk)

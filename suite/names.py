"""`--methods`: names and NAME=FOLDER, separated by commas, where a folder's name may hold commas itself."""

from collections.abc import Callable
from pathlib import Path

from suite.errors import UserError

HOW = r"a comma in a folder's name is written \,"
_HIDDEN = "\0"  # stands for an escaped comma; no path holds it


def parse_methods(text: str | None, is_folder: Callable[[str], bool] | None = None) -> tuple[str, ...] | None:
    r"""'a, b=x/y' -> ('a', 'b=x/y'); None stays None.

    A comma in a folder's name is written '\,'. Without the backslash it is understood, too, where only that reading
    names a folder that exists.

    Args:
        is_folder: tells whether a folder exists; default: asks the file system.
    Raises UserError: an empty list; NAME=FOLDER without such a folder, or that can be read in two ways.
    """
    if text is None:
        return None
    pieces = text.replace(r"\,", _HIDDEN).split(",")
    exists = is_folder or (lambda folder: Path(folder).is_dir())
    names: list[str] = []
    at = 0
    while at < len(pieces):
        used = _folder_end(pieces, at, exists) if "=" in pieces[at] else at + 1
        names.append(",".join(pieces[at:used]).replace(_HIDDEN, ",").strip())
        at = used
    found = tuple(name for name in names if name)
    if not found:
        raise UserError("an empty list of names; leave the option out for the profile's own")
    return found


def _folder_end(pieces: list[str], start: int, exists: Callable[[str], bool]) -> int:
    """The index behind the pieces that make up the NAME=FOLDER beginning at `start`."""
    name, _, first = pieces[start].lstrip().partition("=")
    readings = {end: ",".join([first, *pieces[start + 1:end]]).replace(_HIDDEN, ",").strip()
                for end in range(start + 1, len(pieces) + 1)}
    there = [end for end, folder in readings.items() if exists(folder)]
    if not there:
        more = f" ({HOW})" if len(readings) > 1 else ""
        raise UserError(f"--methods {name}={readings[start + 1]}: no such folder{more}")
    if len(there) > 1:
        raise UserError(f"--methods: {name} may mean the folder {' or '.join(readings[end] for end in there)}; {HOW}")
    return there[0]

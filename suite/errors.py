"""Errors of a run, and the one place that turns what can be foreseen into one line."""

import errno

from core.errors import IvfbenchError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(IvfbenchError):
    """Something the user can mend: the message names the file, the value and the remedy."""


class Stopped(Exception):
    """The user asked to stop; the unit keeps what is finished."""


def one_line(error: BaseException) -> str | None:
    """What to tell the user about an error that has a remedy on his side; None for a fault of the program."""
    if isinstance(error, IvfbenchError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "the memory is used up; use fewer --jobs, or a machine with more"
    if isinstance(error, OSError) and error.errno is not None:
        named = error.filename2 if error.errno in _FULL and error.filename2 is not None else error.filename  # of a copy
        where = named if named is not None else "OUT" if error.errno in _FULL else "the system"
        return (f"{_shown(where)}: {error.strerror}; what is finished is kept, mend it and run the same command again")
    if isinstance(error, UnicodeError):
        return f"a name or text is not UTF-8 ({error}); rename the file or folder"
    if isinstance(error, RecursionError):
        return "something that was read is nested too deep; look at the last file that was named"
    return None


def _shown(name: object) -> str:
    """A file's name; of one that is not UTF-8 its bytes."""
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)
    return text.encode("utf-8", "backslashreplace").decode()

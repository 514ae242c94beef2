"""Names that a user types."""

import difflib
import re
from collections.abc import Iterable

FORMULA = ("=", "+", "-", "@")  # how a formula begins
# Names become parts of paths and of table cells: no separators, no leading dash or dot.
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean a, b?' or '; known: ...': one wording for every unknown name. Case does not matter."""
    folded = {str(item).lower(): str(item) for item in known}
    close = difflib.get_close_matches(str(name).lower(), list(folded), n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(folded[item] for item in close)}?"
    return f"; known: {', '.join(folded.values()) or 'none'}"


def is_file_name(text: str) -> bool:
    """Whether `text` can be one part of a path and a cell of a table: no separator, no control character, nothing that
    is no UTF-8, and no beginning by which a spreadsheet takes it for a formula."""
    return text not in ("", ".", "..") and text.isprintable() and "/" not in text and \
        not text.startswith(FORMULA)


def is_name(text: str) -> bool:
    """Whether `text` can name a method, a data set or a suite: letters, digits, '_', '-', '.' and '+' only."""
    return _NAME.fullmatch(text) is not None

"""Texts that go into a paper: a machine's paths and shell commands stay out of them."""

import re

# an absolute path or one from the home folder; "km/h", "640x480/2" and "and/or" are none
_PATH = re.compile(r"(?<![\w./~<>-])~?(?:/[\w.+@%~-]+)+/?|(?<!\w)[A-Za-z]:\\[\w.+@%~\\-]+")
_COMMAND = re.compile(r"run_all\.py|\bpip install\b")
_CLAUSES = re.compile(r"(?<=[.;])\s+")


def pasteable(text: str) -> str:
    """The text with the last name of each absolute path and without its clauses that hold a command.

    >>> pasteable("fused pictures from /home/me/mine; not timed. Run `python run_all.py fetch`.")
    'fused pictures from mine; not timed.'
    """
    if _COMMAND.search(text):
        text = " ".join(clause for clause in _CLAUSES.split(text) if not _COMMAND.search(clause)).rstrip(";")
    return _PATH.sub(lambda found: re.split(r"[/\\]", found.group().rstrip("/"))[-1], text)

"""Errors of a run."""

from core.errors import IvfbenchError


class UserError(IvfbenchError):
    """Something the user can mend: the message names the file, the value and the remedy."""


class Stopped(Exception):
    """The user asked to stop; the unit keeps what is finished."""

"""What a report cannot be made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import IvfbenchError


class ReportError(IvfbenchError):
    """A run that cannot be reported; the message names the file and the remedy."""


@contextmanager
def named_fault(path: Path) -> Iterator[None]:
    """What is not in the shape that the run wrote is a ReportError that names the file."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ReportError(f"{path}: not as a run writes it; run the same command again with --force") from error

"""What a report cannot be made of."""

from core.errors import IvfbenchError


class ReportError(IvfbenchError):
    """A run that cannot be reported; the message names the file and the remedy."""

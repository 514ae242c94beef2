"""Errors that a user can mend."""


class IvfbenchError(ValueError):
    """Base of every error that ends in one line and exit code 2: it names the file, the value and the remedy."""

"""Loading plug-ins: the rooms that read a folder's files are made ready first, broken files are said at once."""

import sys
from collections.abc import Iterable
from pathlib import Path

import fusion.dataset_cards  # noqa: F401 - reads data-set files
import results.papers  # noqa: F401 - reads papers
from core import plugins


def load(folders: Iterable[Path]) -> None:
    """Load folders and installed plug-ins; a line per broken file goes to stderr, what does not need it goes on.

    Raises IvfbenchError for a folder that does not exist.
    """
    before = set(plugins.broken)
    plugins.load_entry_points()
    plugins.load_folders(folders)
    for path, message in plugins.broken.items():
        if path not in before:
            print(f"warning: plug-in left out: {message}", file=sys.stderr)

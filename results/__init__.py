"""Rows on disk, the records of a run, and the published tables they are compared with."""

import importlib
from pathlib import Path
from typing import Any


def load(out: Path | str) -> Any:
    """A finished run: `rows` (DataFrame), `table(1)`, `comparison`, `record`; see reports.run.Run.

    Raises IvfbenchError when `out` holds no run. The tables are the reports' business, so that room is imported by name
    here and only when it is needed: rows alone (results.rows) need no plotting library.
    """
    return importlib.import_module("reports.run").Run(out)

"""Rows -> tables, figures and a page. Needs no torch, and pictures for the panels only.

Names are imported on first use: whoever only catches a ReportError does not wait for matplotlib.
"""

import importlib
from typing import Any

_HOME = {"Options": "write", "ReportError": "errors", "RunData": "data", "is_current": "write", "load": "data",
         "new_paper": "draft", "write_all": "write"}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(importlib.import_module(f"reports.{_HOME[name]}"), name)

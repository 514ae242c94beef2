"""Rows -> figures (PDF and PNG): one module per figure with `draw(data) -> {file stem: Figure}`."""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from reports.data import RunData
from reports.figures import style


def write_figures(data: RunData, folder: Path,
                  progress: Callable[[int, int], None] = lambda done, total: None) -> list[Path]:
    """Draw every figure that the run has rows for. Returns the files; `progress` is told how many kinds are done."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with style.applied():
        modules = list(pkgutil.iter_modules(__path__))
        for done, module in enumerate(modules):
            progress(done, len(modules))
            draw = getattr(importlib.import_module(f"{__name__}.{module.name}"), "draw", None)
            if draw is not None:
                for stem, figure in draw(data).items():
                    made += style.save(figure, folder, stem)
    return made

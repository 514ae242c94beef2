"""Rows -> figures (PDF and PNG): one module per figure with `draw(data) -> {file stem: Figure}`."""

import importlib
import pkgutil
from pathlib import Path

from reports.data import RunData
from reports.figures import style


def write_figures(data: RunData, folder: Path) -> list[Path]:
    """Draw every figure that the run has rows for. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with style.applied():
        for module in pkgutil.iter_modules(__path__):
            draw = getattr(importlib.import_module(f"{__name__}.{module.name}"), "draw", None)
            if draw is not None:
                for stem, figure in draw(data).items():
                    made += style.save(figure, folder, stem)
    return made

"""Writing so that a file under its name is always complete."""

import os
from pathlib import Path


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text aside, then rename. Returns the path."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path

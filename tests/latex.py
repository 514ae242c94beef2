"""Compiles a document, as whoever writes a paper would."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None and os.environ.get("IVFBENCH_REFERENCE"):
        pytest.fail(f"{name} is not installed; .ci/run installs it")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def compiled(document: Path, folder: Path) -> str:
    """The log of the second run of pdflatex, which must succeed."""
    pdflatex = tool("pdflatex")
    for _ in range(2):
        done = subprocess.run([pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-output-directory", folder,
                               document], cwd=folder, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, re.findall(rb"^!.*", done.stdout, re.M)[:3]
    return (folder / f"{document.stem}.log").read_text(encoding="latin-1")

"""Tables, LaTeX and page rendered again in memory, figures drawn again beside: are they what the rows give?"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import records
from core.errors import IvfbenchError
from core.files import read_bytes
from reports.data import RunData, load
from reports.figures import write_figures
from reports.write import Options, rendered
from suite.checks.findings import Findings


def check_reports(data: RunData, sealed: Mapping[str, Any], findings: Findings, *, thoroughly: bool,
                  paper: str | None = None) -> None:
    """Render with the options that the reports were made with.

    Args:
        sealed: seal.json. thoroughly: draw the figures again too. paper: a bundle's own description.
    """
    if not sealed["reports"]:
        findings.unknown.append("tables and page: none were made")
        return
    try:
        options = records.read(Options, sealed["rendering"]["options"], f"{data.out}/seal.json, options")
        run = replace(data.run, **sealed["rendering"]["shown"])
        data = replace(load(data.out, paper or options.paper), run=run, areas=options.areas)
        figures = [data.out / name for name in sealed["reports"] if name.startswith("figures/")]
        texts = rendered(data, options, None if findings.bundled else figures)
    except (IvfbenchError, OSError, KeyError, TypeError) as error:
        findings.wrong.append(f"{data.out}: tables and page cannot be rendered again ({error})")
        return
    findings.count("tables and page: rendered again in memory and compared", len(texts))
    findings.wrong += [f"{path}: not what rows.csv and run.json give" for path, text in texts.items()
                       if not _is(path, text.encode())]
    if thoroughly and not findings.bundled:
        _draw(data, figures, findings)
    elif figures:
        findings.unknown.append(f"{len(figures)} figures: compared with the seal, not drawn again (--all draws them)")


def _draw(data: RunData, figures: list[Path], findings: Findings) -> None:
    with tempfile.TemporaryDirectory(prefix="ivfbench-") as folder:
        drawn = {path.name: path.read_bytes() for path in write_figures(data, Path(folder))}
    findings.count("figures: drawn again and compared", len(drawn))
    findings.wrong += [f"{data.out}/figures/{name}: not what rows.csv gives" for name, content in drawn.items()
                       if not _is(data.out / "figures" / name, content)]
    findings.wrong += [f"{path}: not a figure of this run" for path in figures if path.name not in drawn]


def _is(path: Path, content: bytes) -> bool:
    try:
        return read_bytes(path) == content
    except (OSError, IvfbenchError):
        return False

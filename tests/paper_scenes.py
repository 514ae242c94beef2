"""A paper of one table, described as its author would, for the tests of papers as data."""

from pathlib import Path

from fusion.method import methods
from fusion.pairs import datasets
from metrics import registry
from reports import load
from reports.data import RunData
from results.papers import Known

KNOWN = Known({variant: registry.names(variant) for variant in registry.variants()}, tuple(methods()),
              tuple(datasets()), ("ivf", "mif", "detection", "segmentation", "complexity", "ablation"))

MINE = """
title = "Mine"
citation = "A. Author, 2026"
cite = true
[[methods]]
name = "densefuse"
title = "DF"
cite = "li2019densefuse"
reference = "H. Li, X.-J. Wu: DenseFuse, 2019"
[[methods]]
name = "smfnet"
title = "Mine"
ours = true
[[tables]]
number = 1
suite = "ivf"
caption = "Fusion on {datasets}"
datasets = { tno = "The TNO set" }
columns = ["VIF", { metric = "EN", heading = "Entropy", digits = 1 }]
variant = "smfnet"
csv = "table1.csv"
left_out = ["SD", "SF", "MI", "Qabf", "AG", "SSIM", "SCD"]
"""
GROUPS = '[[tables.groups]]\nmethods = ["smfnet", "densefuse"]\n'
CSV = "method,VIF,Entropy\nDF,0.5,7.1\nMine,0.6,7.2\n"


def described(folder: Path, text: str = MINE + GROUPS, csv: str = CSV) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "paper.toml").write_text(text, encoding="utf-8")
    (folder / "table1.csv").write_text(csv, encoding="utf-8")
    return folder


def styled(out: Path, folder: Path, lines: str) -> RunData:
    """The run in the words of MINE, with these lines in its table in place of the published CSV."""
    text = MINE.replace('csv = "table1.csv"\n', lines + "\n") + GROUPS
    return load(out, described(folder, text))

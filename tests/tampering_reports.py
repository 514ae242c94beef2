"""The ways, second part: reports, sources and the seal; see tests/tampering.py."""

import shutil

import numpy as np
import tampering_ways  # noqa: F401 - they come first in the page
from tampering import Box, change_run, edit, replace_line, way, without

from fusion import images
from suite import seal

SEAL, RENDERED = "seal.json", "rendered again"


# --- what is shown

@way("a LaTeX table", "table1.tex: changed since it was sealed", SEAL)
def _(box: Box) -> None:
    replace_line(box.out / "tables/table1.tex", "Average", "Ours")


@way("a LaTeX table, seal.json anew", "table1.tex: not what rows.csv and run.json give", RENDERED)
def _(box: Box) -> None:
    replace_line(box.out / "tables/table1.tex", "Average", "Ours")
    seal.write(box.out)


@way("a CSV table, seal.json anew", "table1.csv: not what rows.csv and run.json give", RENDERED)
def _(box: Box) -> None:
    replace_line(box.out / "tables/table1.csv", "Average", "Ours")
    seal.write(box.out)


@way("the page, seal.json anew", "report.html: not what rows.csv and run.json give", RENDERED)
def _(box: Box) -> None:
    replace_line(box.out / "report.html", "Average", "Ours")
    seal.write(box.out)


@way("a table put beside them", "not among what was sealed", SEAL)
def _(box: Box) -> None:
    shutil.copy(box.out / "tables/table1.tex", box.out / "tables/table2.tex")


@way("a figure's PNG, seal.json anew", "report.html: not what rows.csv and run.json give", "the page shows it")
def _(box: Box) -> None:
    images.write_png(next(box.out.glob("figures/*.png")), np.zeros((9, 9), np.uint8))
    seal.write(box.out)


@way("a figure's PDF, seal.json anew", "not what rows.csv gives", "drawn again", everything=True)
def _(box: Box) -> None:
    path = next(box.out.glob("figures/*.pdf"))
    path.write_bytes(path.read_bytes() + b"% more\n")
    seal.write(box.out)


# --- what it was made from

@way("a source picture changed", "data sets: tno: manifest is", "sources hashed again")
def _(box: Box) -> None:
    images.write_png(box.data / "tno/vi/b.png", 255 - images.read(box.data / "tno/vi/b.png"))


@way("a source picture removed", "no plan can be made", "sources opened again")
def _(box: Box) -> None:
    (box.data / "tno/vi/b.png").unlink()


@way("the weights replaced", "methods: smfnet: weights", "weights hashed again")
def _(box: Box) -> None:
    path = box.weights / "smfnet" / "weights.safetensors"
    shutil.copy(box.weights / "other.safetensors", path)


# --- the seal

@way("seal.json removed", "seal.json: gone or damaged", SEAL)
def _(box: Box) -> None:
    (box.out / "seal.json").unlink()


@way("a hash in seal.json", "changed since it was sealed", SEAL)
def _(box: Box) -> None:
    edit(box.out / "seal.json", lambda content: content["records"].update({"rows.csv": "0" * 64}))


@way("the code's commit in seal.json", "", "stated by the run, and said; a signature binds it")
def _(box: Box) -> None:
    edit(box.out / "seal.json", lambda content: content.update(commit="0" * 40))


@way("the times of a signed run, every hash anew", "no signature", "ssh signature", signed=True)
def _(box: Box) -> None:
    change_run(box, lambda run: run.update(finished="2020-01-01T00:01:00+00:00"))


@way("a signed run's seal.json edited", "not a signature of this seal.json", "ssh signature", signed=True)
def _(box: Box) -> None:
    edit(box.out / "seal.json", lambda content: content.update(commit="0" * 40))


@way("a signed run signed again with another key", "made by no key", "ssh signature", signed=True)
def _(box: Box) -> None:
    without(box, "visible", request=True)
    seal.sign(box.out, box.other)

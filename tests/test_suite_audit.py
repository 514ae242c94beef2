"""Audit of claimed tables: small made-up pictures, and DIDFuse's row of the paper on real ones."""

import csv

import numpy as np
import pytest
from suite_scenes import fails, run_cli, write_pairs
from typer.testing import CliRunner

import metrics
from core.errors import IvfbenchError
from fusion import images
from fusion.method import load_method
from fusion.pairs import open_pairs
from results.audit import read_audit
from results.papers import load_paper
from suite.audit.audit import audit
from suite.audit.claimed import parse
from suite.audit.definitions import OWN, values
from suite.cli import app

NAMES = ("one", "two", "three")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(data, {method: folder}): three methods' pictures of three grey pairs."""
    root = tmp_path_factory.mktemp("audit")
    data = write_pairs(root / "data")
    rng, folders = np.random.default_rng(3), {name: root / name for name in NAMES}
    for share, (_, folder) in zip((0.3, 0.5, 0.8), folders.items(), strict=True):
        folder.mkdir()
        for pair in open_pairs("tno", data).pairs:
            ir, vi = (picture.astype(float) for picture in pair.read8())
            noisy = share * ir + (1 - share) * vi + rng.normal(0, 4, ir.shape)
            images.write_png(folder / f"{pair.id}.png", np.uint8(noisy.clip(0, 255)))
    return data, folders


def means(data, folder, columns, variant):
    """The printed numbers of one row, straight from the metrics."""
    found = []
    for pair in open_pairs("tno", data).pairs:
        ir, vi = pair.read8()
        found.append(metrics.evaluate(images.read(folder / f"{pair.id}.png"), ir, vi, metrics=columns, variant=variant))
    return {name: sum(of[name] for of in found) / len(found) for name in columns}


def table(data, folders, columns, variants, change=lambda row, name, text: text):
    lines = [",".join(["method", *columns])]
    for row, (name, folder) in enumerate(folders.items()):
        of = means(data, folder, columns, variants[row])
        lines.append(",".join([name, *(change(name, c, f"{of[c]:.4f}") for c in columns)]))
    return "\n".join(lines) + "\n"


def audited(text, place, tmp_path, name="claimed.csv"):
    data, folders = place
    path, said = tmp_path / name, []
    path.write_text(text, encoding="utf-8")
    whole = audit(path, folders, data, ("tno",), tmp_path / "audit", said.append)
    return whole, [line for line in said if not line.startswith("scoring")]


@pytest.mark.parametrize("variant", ["smfnet", "vifb", "tang"])
def test_a_table_of_one_toolbox_is_found(place, tmp_path, variant):
    """(b) the toolbox is not said, and named for every column."""
    columns = ["EN", "SF", "MI", "Qabf", "AG", "SSIM"]
    whole, said = audited(table(*place, columns, [variant] * 3), place, tmp_path)
    assert whole and said[-1].startswith("18 of 18 cells")
    for line in said[:-1]:
        assert "reproduced by" in line and variant in line.partition(OWN)[0], line
    assert (tmp_path / "audit" / "audit.md").read_text().startswith("# Audit of claimed.csv")
    with (tmp_path / "audit" / "audit.csv").open() as handle:
        assert len(list(csv.DictReader(handle))) == 18


def test_a_row_of_another_toolbox_is_named_first(place, tmp_path):
    """(c)"""
    columns = ["EN", "Qabf", "MI"]
    ours, theirs = (means(*(place[0], place[1]["three"]), columns, of) for of in ("smfnet", "tang"))
    differing = [c for c in columns if f"{ours[c]:.4f}" != f"{theirs[c]:.4f}"]
    assert differing  # or the test shows nothing
    whole, said = audited(table(*place, columns, ["smfnet", "smfnet", "tang"]), place, tmp_path)
    assert not whole
    for line in said[:len(differing)]:
        assert "ROWS OF DIFFERENT DEFINITIONS" in line and "three" in line and "tang" in line, line
    assert "one " not in said[0].partition("; ")[2] and "two " not in said[0].partition("; ")[2]


def test_a_changed_digit_is_named(place, tmp_path):
    """(d)"""
    def change(row, column, text):
        return f"{float(text) + 0.0107:.4f}" if (row, column) == ("two", "SF") else text

    whole, said = audited(table(*place, ["SF", "SD"], ["smfnet"] * 3, change), place, tmp_path)
    line = next(line for line in said if line.startswith("SF"))
    assert not whole and "2 of 3 cells reproduced" in line and "two" in line and "within 1 % of" in line
    assert "one " not in line and "three" not in line


LATEX = r"""
\begin{table}\caption{All \textbf{best}}
\begin{tabular}{l|cc}
\toprule % EN & SD \\
Method & EN $\uparrow$ & $Q^{AB/F}$~$\uparrow$ \\
\midrule
One~\cite{a,b} & \textbf{6.8621} & \textcolor{red}{\underline{0.4033}} \\
\rowcolor{gray!10} Two & {\color{blue} 6.50} $\pm$ 0.12 & $\mathbf{0.4}$ \\
\multicolumn{3}{c}{a group} \\
Three & - & $.41_{\pm 0.1}$ \\
\bottomrule
\end{tabular}\end{table}
"""


def test_a_latex_table_is_read():
    """(e)"""
    cells = parse(LATEX, "t.tex").cells
    assert [(c.row, c.metric, c.text) for c in cells] == [
        ("One", "EN", "6.8621"), ("One", "Qabf", "0.4033"), ("Two", "EN", "6.50"), ("Two", "Qabf", "0.4"),
        ("Three", "Qabf", ".41")]
    assert [c.tolerance for c in cells] == pytest.approx([5e-5, 5e-5, 5e-3, 5e-2, 5e-3])


def test_a_markdown_table_is_read():
    cells = parse("| Method | VIF ↑ | Q_abf |\n|:--|--:|---|\n| **Mine** | **0.50** | 0.3 ± 0.1 |\n", "t.md").cells
    assert [(c.row, c.metric, c.text) for c in cells] == [("Mine", "VIF", "0.50"), ("Mine", "Qabf", "0.3")]


@pytest.mark.parametrize(("text", "message"), [
    ("", "no heading row"), ("method,colour\na,1\n", "no heading row"), ("method,EN\na,many\n", "'many' is no number"),
    ("method,EN,SD\na,1\na,2,3\n", "2 cells, but 3 headings"), ("method,EN\n", "no numbers")])
def test_what_is_no_table_is_one_line(text, message):
    with pytest.raises(IvfbenchError, match=message) as error:
        parse(text, "mine.csv")
    assert str(error.value).startswith("mine.csv")


@pytest.mark.long
def test_arguments_that_do_not_fit(place, tmp_path, capsys, monkeypatch):
    path = tmp_path / "claimed.csv"
    path.write_text("method,EN\none,6.5\n")
    rest = ["--data", place[0], "--datasets", "tno"]
    assert "expected NAME=FOLDER" in fails(capsys, monkeypatch, "audit", path, "--images", "one", *rest)
    assert "no row for --images other" in fails(
        capsys, monkeypatch, "audit", path, "--images", f"other={place[1]['one']}", *rest)
    ended = run_cli("audit", path, "--images", f"one={place[1]['one']}", *rest)
    assert ended.returncode == 1 and "not by one definition" in ended.stdout


def test_the_files_come_without_a_run_and_it_is_said_how_the_page_does(place, tmp_path):
    path, out = tmp_path / "claimed.csv", tmp_path / "out"
    path.write_text(table(place[0], {"one": place[1]["one"]}, ["SD"], ["smfnet"]), encoding="utf-8")
    command = ["audit", str(path), "--images", f"one={place[1]['one']}", "--data", str(place[0]), "--datasets", "tno",
               "--out", str(out)]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 0 and "a page comes with a run" in ended.stdout
    assert read_audit(out)[0].reproduced_by.startswith("smfnet") and (out / "audit.md").is_file()
    (out / "run.json").touch()
    assert f"`run_all.py report {out}` shows the audit" in CliRunner().invoke(app, command).stdout


def test_preparations_that_a_colour_picture_tells_apart():
    rng = np.random.default_rng(1)
    vi = rng.integers(0, 256, (48, 64, 3), np.uint8)
    ir, fused = rng.integers(0, 256, (48, 64), np.uint8), rng.integers(0, 256, (48, 64, 3), np.uint8)
    found = values("SF", (fused, ir, vi))
    y = fused.astype(float) @ [0.299, 0.587, 0.114]
    expected = metrics.get("SF", "smfnet").function(y, y, y)
    assert found["smfnet", "float grey"] == pytest.approx(expected, rel=1e-12)
    assert found["smfnet", "float grey"] != found["smfnet", "rounded BT.601 grey"]
    grey = np.floor(y + 0.5)
    assert found["smfnet", "range 0..1"] == pytest.approx(found["smfnet", "rounded BT.601 grey"] / 255, rel=1e-9)
    falling = [np.maximum(np.diff(grey, axis=axis), 0) for axis in (0, 1)]
    assert found["-", "uint8 arithmetic that saturates"] == pytest.approx(
        np.sqrt(sum((step**2).mean() for step in falling)))


@pytest.mark.long
def test_didfuse_of_the_paper(reference, tmp_path):
    """(a) DIDFuse's TNO row of Table I with DIDFuse's own pictures: eight of eight by smfnet."""
    method = load_method("didfuse", weights=reference / "weights" / "didfuse")
    pictures = tmp_path / "didfuse"
    pictures.mkdir()
    for pair in open_pairs("tno", reference / "data").pairs:
        images.write_png(pictures / f"{pair.id}.png", method.written(method.fuse(*pair.read()), pair.vi))
    paper = load_paper("smfnet").published(1)
    row = paper[(paper["dataset"] == "TNO") & (paper["method"] == "DIDFuse")]
    path, said = tmp_path / "claimed.csv", []
    row.to_csv(path, index=False)
    whole = audit(path, {"didfuse": pictures}, reference / "data", ("tno",), None, said.append)
    columns = [line for line in said if "reproduced by" in line]
    assert whole and len(columns) == 8 and all("smfnet" in line for line in columns), said

"""The terminal: tables at the end, what is missing, help, a quick look, where a cell comes from."""

import dataclasses
import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from fusion.pairs import open_pairs
from reports.render import terminal
from reports.table import Cell, Header, Line, Table
from suite.check import check
from suite.cli import app
from suite.errors import UserError
from suite.profile import Profile
from tests.suite_scenes import run_cli, write_pairs

WIDE = Table("t", "Caption", "Method", tuple(Header(f"Metric{n}", True, "Group") for n in range(12)),
             tuple(Line(name, tuple(Cell(n + 0.5) for n in range(12)), block=block)
                   for block in ("TNO", "RoadScene") for name in ("Average", "A method of a long name")))


@pytest.mark.parametrize("width", [48, 80, 120, 1000])
def test_a_table_is_never_wider_than_the_terminal_and_loses_nothing(width):
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    for part in terminal.fitted(WIDE, console, console.options):
        console.print(part)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text and text.count("11.5000") == 4
    assert [text.count(f"Metric{n} ") for n in range(12)] == [1] * 12


def test_help_is_never_cut():
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    assert "..." not in told.split("Commands:")[1]
    assert "--install-completion" in told


def test_version():
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("ivfbench ")


def test_first_pairs_only_and_said(tmp_path):
    whole, first = (open_pairs("tno", write_pairs(tmp_path), first=count) for count in (0, 2))
    assert [pair.id for pair in first.pairs] == ["a", "b"] and first.manifest != whole.manifest
    assert "only the first 2 of 3 pairs" in first.note and "only the first" not in whole.note
    alone = open_pairs("tno", write_pairs(tmp_path / "alone", names=("a", "b", "c")), first=3)
    assert alone.manifest == whole.manifest and alone.findings == whole.findings


def test_a_quick_look_trains_nothing():
    with pytest.raises(UserError, match="detection and segmentation would train on a part"):
        Profile("mine", limit=2)
    with pytest.raises(UserError, match="--limit -1"):
        dataclasses.replace(Profile("mine", suites=("ivf",)), limit=-1)


def test_check_groups_by_what_is_to_be_done(tmp_path, capsys):
    assert not check(write_pairs(tmp_path), tmp_path / "weights")
    told = capsys.readouterr().out
    ready, rest = told.split("can be fetched")
    fetched, by_hand = rest.split("by hand")
    assert " tno " in ready and " average " in ready and " didfuse " in fetched and " defusion " in by_hand
    assert " m3fd " in by_hand and "run_all.py fetch " in told
    assert "data roadscene" in told.split("profile paper lacks")[1]
    wrong = tmp_path / "weights/didfuse/Encoder_weight_IJCAI.pkl"
    wrong.parent.mkdir(parents=True)
    wrong.write_bytes(b"not it")
    check(tmp_path, tmp_path / "weights")
    assert "differs from the pinned" in capsys.readouterr().out.split("by hand")[1]


@pytest.mark.long
def test_a_quick_look_ends_with_its_table_and_the_page(tmp_path):
    out = tmp_path / "out"
    data = write_pairs(tmp_path / ("a folder " * 9))
    made = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--methods",
                   "average,laplacian", "--limit", "2", "--jobs", "0", "--out", out)
    assert made.returncode == 0, made.stderr
    lines = made.stdout.splitlines()
    assert lines[-1] == f"open {out / 'report.html'}"
    assert any(line.split()[:2] == ["Method", "EN"] for line in lines) and "Average" in made.stdout
    assert str(out / "rows.csv") in made.stderr
    assert "only the first 2 of 3 pairs" in (out / "tables/table1.md").read_text()
    traced = run_cli("trace", "table1", "tno", "average", "VIF", out).stdout
    assert traced.count("fused picture sha256") == 2 and "published: no such cell" in traced


def test_training_the_sample_recipe_needs_no_data(tmp_path):
    told = run_cli("train", "smfnet", "--out", tmp_path)
    assert told.returncode == 2 and "name the folder of its training pairs with --data" in told.stderr

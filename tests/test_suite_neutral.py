"""A bundle says nothing of the machine and of the person that made it, and can be checked all the same."""

import json
import os
import re
import socket
import subprocess
import sys
import zipfile

import pytest
from suite_scenes import ROOT, run_cli, write_pairs

from core.files import sha256
from reports.render import latex, markdown
from results.records import read_result
from suite import archive
from suite.bundle import ORIGINALS
from suite.neutral import Neutral
from suite.unit import seal_of

ROOTS = Neutral({"/home/jane/my_data": "<data>", "/home/jane": "<home>", "../jane/w": "<weights>"}, ("average", "mine"))


@pytest.mark.parametrize(("text", "plain"), [
    ("/home/jane/my_data/tno/ir/05.png", "<data>/tno/ir/05.png"),
    ("a '/home/jane/my_data': no folder; /home/jane, too", "a '<data>': no folder; <home>, too"),
    ("/home/janet/x.png", "<path>/x.png"), ("at=/mnt/of jane", "at=<path>/of jane"),
    ("file:///home/jane/x", "<home>/x"), ("no file ../jane/w/smfnet/a.pth", "no file <weights>/smfnet/a.pth"),
    ("https://github.com/a/b.git and N/A, 1/2, m/s/s, ivf/tno/05", "https://github.com/a/b.git and N/A, 1/2, m/s/s, "
     "ivf/tno/05"), ("<b>bold</b></i>", "<b>bold</b></i>"), ("<data>/tno/ir/05.png", "<data>/tno/ir/05.png")])
def test_paths_become_placeholders(text, plain):
    assert ROOTS.text(text) == plain


@pytest.mark.parametrize("escape", [latex._breakable, markdown.escape])
def test_paths_are_found_as_tables_write_them(escape):
    """LaTeX breaks long words, and both escape underscores."""
    suffix = {latex._breakable: ".tex", markdown.escape: ".md"}[escape]
    reason = escape("weights: /home/jane/my_data/mine--x_1.pth and /mnt/some_disk/of.jane/weights_of_x.pth: none")
    plain = ROOTS.text(reason, suffix)
    assert "jane" not in plain.replace(r"\allowbreak{}", "") and "disk" not in plain
    assert plain.count(escape("<data>")) == plain.count(escape("<path>")) == 1
    assert "weights" in plain and ".pth: none" in plain


@pytest.mark.parametrize(("text", "plain"), [
    ("--suite ivf --data ../jane/d --weights=w --out jane",
     "--suite ivf --data <data> --weights=<weights> --out <out>"),
    ("--methods visible,average,mine=a b/c, d --seeds 2", "--methods average,mine=<pictures> --seeds 2"),
    ("--methods average,mine --paper smfnet", "--methods average,mine --paper smfnet"),
    ("--paper ./jane/p --profile /x/jane.toml --force", "--paper <paper> --profile <profile> --force"),
    ("suite.run(...)", "suite.run(...)")])
def test_a_command_keeps_what_decides_and_no_folder(text, plain):
    assert ROOTS.command(text) == plain


def test_json_is_changed_in_its_texts_alone():
    content = {"command": "--out jane", "paths": ["/home/jane/a b.png", "/mnt/of jane/x.png"], "n": 1.5, "no": None}
    assert ROOTS.content(content) == {"command": "--out <out>", "paths": ["<home>/a b.png", "<path>/x.png"], "n": 1.5,
                                      "no": None}


PAPER = """title = "Mine"
citation = "none"
metric = "EN"
[[methods]]
name = "mine"
title = "Mine"
ours = true
pictures = "{pictures}"
[[methods]]
name = "didfuse"
title = "DIDFuse"
[[tables]]
number = 1
suite = "ivf"
datasets = {{ tno = "TNO" }}
columns = ["EN", "SD"]
variant = "smfnet"
[[tables.groups]]
methods = ["didfuse", "mine"]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(OUT, its bundle, the person's folder): own paper, plug-in, brought pictures; weights that are not there."""
    home = tmp_path_factory.mktemp("home") / "jane_doe"
    write_pairs(home / "my data")
    for folder in ("paper", "plug_ins", "weights"):
        (home / folder).mkdir()
    (home / "pictures").symlink_to(home / "my data" / "tno" / "vi")
    (home / "paper" / "paper.toml").write_text(PAPER.format(pictures=home / "pictures"))
    (home / "plug_ins" / "maximum.py").write_text((ROOT / "tests" / "plugins" / "nap.py").read_text())
    environment = {**os.environ, "HOME": str(home), "OMP_NUM_THREADS": "1"}

    def command(*arguments):
        ended = subprocess.run([sys.executable, str(ROOT / "run_all.py"), *map(str, arguments)], capture_output=True,
                               text=True, timeout=300, env=environment, cwd=home)
        assert ended.returncode == 0, ended.stderr

    command("--suite", "ivf", "--data", "my data", "--weights", home / "weights", "--datasets", "tno", "--out", "out",
            "--paper", "../jane_doe/paper", "--plugins", home / "plug_ins", "--jobs", 0)
    command("audit", _claimed(home), "--images", "mine=pictures", "--data", "my data", "--datasets", "tno", "--out",
            "out")
    command("bundle", "out", "--pictures")
    return home / "out", home / "out.zip", home


def _claimed(home):
    from results.rows import read_csv

    rows = read_csv(home / "out" / "rows.csv")
    value = rows[(rows["method"] == "mine") & (rows["metric"] == "EN")]["value"].mean()
    path = home / "claimed.csv"
    path.write_text(f"method,EN\nmine,{value:.4f}\n")
    return path


def texts(bundle):
    with zipfile.ZipFile(bundle) as files:
        return {name: files.read(name).decode() for name in files.namelist() if not name.endswith(".png")}


@pytest.mark.long
def test_no_text_of_a_bundle_says_whose_machine_it_was(made):
    out, bundle, home = made
    assert "jane_doe" in (out / "run.json").read_text()
    found = texts(bundle)
    assert {"run.json", "provenance.json", "tables/table1.tex", "tables/table1.md", "paper/paper.toml",
            "audit.csv", "audit.md"} <= set(found)
    for name, text in found.items():
        for written, plain in ((r"\allowbreak{}", ""), ("\\_", "_"), (r"\textgreater{}", ">")):
            text = text.replace(written, plain)
        for private in ("jane", str(home.parent), socket.gethostname(), str(ROOT), "plug_ins"):
            assert private not in text, (name, private, text[max(0, text.index(private) - 80):][:160])
        absolute = re.search(r"(?<![\w.<>:/-])/(?:[\w.-]+/)+[\w.-]+", text)
        assert absolute is None, (name, absolute)
    record = json.loads(found["run.json"])
    assert record["datasets"]["tno"]["pairs"][0]["ir"] == "<data>/tno/ir/a.png"
    assert record["paper"] == "<papers>/paper" and record["plugins"] == ["<plugins>/maximum.py"]
    assert "--data <data> --weights <weights> --datasets tno --out <out> --paper" in record["command"]
    assert "<weights>/didfuse" in record["methods"]["didfuse"]["reason"]
    assert "weights" not in found["tables/table1.md"]  # a table to be pasted names no place at all


@pytest.mark.long
def test_such_a_bundle_is_verified_and_equals_its_run(made):
    out, bundle, _ = made
    ended = run_cli("verify", bundle)
    assert ended.returncode == 0 and "all of it holds" in ended.stdout, ended.stdout
    ended = run_cli("compare", out, bundle)
    assert ended.returncode == 0 and ended.stdout.startswith("same inputs"), ended.stdout


@pytest.mark.long
def test_originals_identify_the_files_of_the_run_and_seals_hold(made):
    out, bundle, _ = made
    with archive.opened(bundle) as (folder, _):
        originals = json.loads((folder / ORIGINALS).read_text())
        assert {"run.json", "provenance.json", "paper/paper.toml"} <= set(originals)
        for name, kept in originals.items():
            if not name.startswith("paper/"):
                assert kept["sha256"] == sha256(out / name) != sha256(folder / name)
        results = list(folder.rglob("result.json"))
        assert results
        for path in results:
            result, name = read_result(path), path.relative_to(folder).as_posix()
            assert seal_of(result) == result.seal
            assert originals.get(name, {"seal": result.seal})["seal"] == read_result(out / name).seal

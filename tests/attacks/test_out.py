"""A foreign OUT: links in it are not written through, names in it lead nowhere, its settings are not obeyed."""

import json
import shutil

import pytest
from suite_scenes import fails, write_pairs

from core.errors import IvfbenchError
from core.files import write_text
from core.inside import inside, refuse_links, remove_links
from reports.figures import style


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(data root, OUT) of a finished run, and the arguments that made it."""
    root = tmp_path_factory.mktemp("finished")
    write_pairs(root / "data")
    assert run(arguments(root / "data", root / "out")) == 0
    return root


@pytest.fixture
def box(finished, tmp_path):
    """A copy of it beside a victim: a folder with files that must stay as they are."""
    shutil.copytree(finished / "data", tmp_path / "data")
    shutil.copytree(finished / "out", tmp_path / "out")
    (tmp_path / "victim").mkdir()
    for name in ("a.png", "partial.jsonl", "table1.csv", "lock"):
        (tmp_path / "victim" / name).write_text("mine")
    return tmp_path


def arguments(data, out):
    return ["--suite", "ivf", "--profile", "paper", "--data", data, "--methods", "average", "--datasets", "tno",
            "--out", out, "--jobs", "0"]


def run(words):
    """The command line in this process; returns the exit code."""
    import sys

    from suite.cli import main

    kept, sys.argv = sys.argv, ["run_all.py", *map(str, words)]
    try:
        main()
    except SystemExit as end:
        return end.code or 0
    finally:
        sys.argv = kept
    return 0


def untouched(box):
    return {path.name: path.read_text() for path in (box / "victim").iterdir()} == dict.fromkeys(
        ("a.png", "partial.jsonl", "table1.csv", "lock"), "mine")


def unit(box, stage):
    return next((box / "out" / stage).glob("*/*/*"))


LINKED = ("tables", "figures", ".cache", "fuse", "score", "fuse/average", "score/average/tno", "label_problems",
          "sources")


@pytest.mark.parametrize("name", LINKED)
def test_folders_that_are_links_are_named(name, box, capsys, monkeypatch):
    path = box / "out" / name
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(box / "victim", target_is_directory=True)
    text = fails(capsys, monkeypatch, *arguments(box / "data", box / "out"))
    assert f"{path}: a symbolic link" in text and untouched(box)


@pytest.mark.parametrize("name", ["tables", "figures"])
def test_report_writes_through_no_link(name, box, capsys, monkeypatch):
    shutil.rmtree(box / "out" / name)
    (box / "out" / name).symlink_to(box / "victim")
    assert "a symbolic link" in fails(capsys, monkeypatch, "report", box / "out") and untouched(box)


def test_pictures_behind_a_link_are_not_removed(box, capsys, monkeypatch):
    """A result that lists a.png with a wrong hash, and an images folder that leads to the victim's a.png."""
    folder = unit(box, "fuse")
    shutil.rmtree(folder / "images")
    (folder / "images").symlink_to(box / "victim")
    assert "a symbolic link" in fails(capsys, monkeypatch, *arguments(box / "data", box / "out")) and untouched(box)


def test_links_in_an_open_unit_are_removed_not_followed(box):
    score = unit(box, "score")
    (score / "result.json").unlink()
    (score / "partial.jsonl").unlink(missing_ok=True)
    (score / "partial.jsonl").symlink_to(box / "victim/partial.jsonl")
    (score / "dataset").symlink_to(box / "victim", target_is_directory=True)
    before = (box / "out/rows.csv").read_bytes()
    assert run(arguments(box / "data", box / "out")) == 0
    assert untouched(box) and (box / "out/rows.csv").read_bytes() == before
    assert not (score / "dataset").exists() and not (score / "partial.jsonl").is_symlink()


FILES = ("rows.csv", "run.json", "tables/table1.csv", ".cache/lock", ".cache/known_files.json")


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_links_are_not_written_through(name, box, capsys, monkeypatch):
    (box / "out" / name).unlink(missing_ok=True)
    (box / "out" / name).symlink_to(box / "victim/table1.csv")
    assert "a symbolic link" in fails(capsys, monkeypatch, *arguments(box / "data", box / "out")) and untouched(box)


def test_a_planted_temporary_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: 7)
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".rows.csv.7.tmp").symlink_to(tmp_path / "victim")
    write_text(tmp_path / "rows.csv", "new")
    assert (tmp_path / "victim").read_text() == "mine" and (tmp_path / "rows.csv").read_text() == "new"


def rename(table, where, new):
    """The first key (or pair id, or unit folder) of run.json under another name."""
    if where == "folder":
        table["units"][0]["folder"] = new
    elif where == "pair":
        next(iter(table["datasets"].values()))["pairs"][0]["id"] = new
    else:
        old = next(iter(table[where]))
        table[where] = {new if name == old else name: value for name, value in table[where].items()}


@pytest.mark.parametrize("where", ["suites", "datasets", "methods", "pair", "folder"])
@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "a/b", "..", "a\nb"])
def test_names_in_run_json_lead_nowhere(where, name, box, capsys, monkeypatch):
    if where == "folder" and name in ("a/b", "a\nb"):
        pytest.skip("a folder inside OUT")
    path = box / "out/run.json"
    table = json.loads(path.read_text())
    rename(table, where, name)
    path.write_text(json.dumps(table))
    assert "run.json" in fails(capsys, monkeypatch, "report", box / "out")
    assert not list(box.parent.rglob("*escaped*"))


def test_names_in_rows_lead_nowhere(box, capsys, monkeypatch):
    path = box / "out/rows.csv"
    path.write_text(path.read_text().replace(",tno,", ",../../../escaped,"))
    assert "becomes part of file names" in fails(capsys, monkeypatch, "report", box / "out").replace(
        "they become parts", "becomes part")
    assert not list(box.parent.rglob("*escaped*"))


def test_a_matplotlibrc_is_not_obeyed(box, monkeypatch):
    """Text through LaTeX would start a program; so would a backend that is a module."""
    import matplotlib

    from suite.runner import prepare_out

    for folder in (box / "out/.cache/matplotlib", box):
        folder.mkdir(exist_ok=True)
        (folder / "matplotlibrc").write_text("text.usetex: True\n")
    monkeypatch.chdir(box)
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    prepare_out(box / "out")
    assert not matplotlib.get_configdir().startswith(str(box / "out"))
    matplotlib.rcParams["text.usetex"] = True
    try:
        with style.applied():
            assert not matplotlib.rcParams["text.usetex"]
        assert matplotlib.rcParams["text.usetex"]
    finally:
        matplotlib.rcParams["text.usetex"] = False


def test_paths_inside(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "real/deep").mkdir(parents=True)
    assert inside(tmp_path, "real/deep/new") == tmp_path / "real/deep/new"
    assert inside(tmp_path / "link", "real") == tmp_path / "link/real"  # OUT itself may be one
    for name in ("", "../x", "real/../../x", "/etc", "a\\b", "a\0b", "link/real"):
        with pytest.raises(IvfbenchError):
            inside(tmp_path, name)
    with pytest.raises(IvfbenchError, match="link: a symbolic link"):
        refuse_links(tmp_path)
    (tmp_path / "real/deep/up").symlink_to(tmp_path)
    remove_links(tmp_path / "real")
    assert not (tmp_path / "real/deep/up").exists() and (tmp_path / "link").is_symlink()

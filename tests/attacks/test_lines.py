"""What once ended in a traceback ends in one line and code 2, through the command line itself."""

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import zipfile

import pytest
from suite_scenes import ROOT, fails, write_pairs

from baselines.weights import MAX_BYTES, _unpack
from core.errors import IvfbenchError
from core.files import read_bytes, read_json, read_toml, sha256
from fusion.method import MethodError
from fusion.smfnet import weights
from suite.cli import OPEN_FILES
from suite.errors import one_line


@pytest.fixture
def fail(tmp_path, capsys, monkeypatch):
    write_pairs(tmp_path / "data")

    def call(*more):
        return fails(capsys, monkeypatch, "--suite", "ivf", "--profile", "paper", "--data", tmp_path / "data",
                     "--methods", "average", "--datasets", "tno", "--out", tmp_path / "out", "--jobs", "0", *more)

    return call


@pytest.mark.parametrize("name", [b"a\xff.png", b"a\n.png", b"a\x1b[31m.png", b"=1+1.png", b"@a.png"])
def test_names_of_pictures(name, fail, tmp_path):
    folder = tmp_path / "data/tno/ir"
    (folder / "a.png").rename(folder / os.fsdecode(name))
    assert "rename the file" in fail()


@pytest.mark.parametrize("option", ["--data", "--out", "--weights", "--methods"])
def test_words_that_are_not_utf8(option, fail):
    assert "not UTF-8" in fail(option, "a\udcff")


@pytest.mark.parametrize("value", ["3", '"text"', "[1]", '["ae1"]', "true"])
@pytest.mark.parametrize("suite", ["ablation", "detection", "segmentation", "ivf", "mif", "complexity"])
def test_a_table_that_is_none(suite, value, fail, tmp_path):
    (tmp_path / "p.toml").write_text(f"{suite} = {value}\n")
    assert f"[{suite}]" in fail("--profile", tmp_path / "p.toml")


@pytest.mark.parametrize(("line", "told"), [
    ('recipes = ["../../escaped.toml"]', "unknown recipe '../../escaped.toml'"), ("recipes = [1]", "recipes[0] = 1"),
    ('overrides = { "network.width" = "wide" }', "width = 'wide'"), ('overrides = { "network" = 3 }', "override")])
def test_recipes_and_overrides(line, told, fail, tmp_path):
    (tmp_path / "p.toml").write_text(f'[ablation]\ntraining = "tno"\ndatasets = ["tno"]\n{line}\n')
    assert told in fail("--profile", tmp_path / "p.toml", "--suite", "ablation")


def test_a_recipe_that_extends_a_path(fail, tmp_path, capsys, monkeypatch):
    (tmp_path / "r.toml").write_text('extends = "../../x"\n')
    text = fails(capsys, monkeypatch, "train", "smfnet", "--data", tmp_path, "--recipe", tmp_path / "r.toml", "--out",
                 tmp_path / "training")
    assert "expected the name of a recipe" in text


def test_an_empty_out(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "run_all.py", "--out", ""], capture_output=True, text=True,
                          cwd=tmp_path)
    assert done.returncode == 2 and "an empty name" in done.stderr and not list(tmp_path.iterdir())


def test_few_file_descriptors(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "run_all.py", "--out", tmp_path / "out"], capture_output=True,
                          text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)))
    assert done.returncode == 2 and done.stderr.startswith("error: this process may open 16 files; at least "
                                                           f"{OPEN_FILES}"), done.stderr


def test_deep_metadata(tmp_path):
    deep = "[" * 100_000
    for metadata in ({"settings": deep}, {"settings": "7"}, {}):
        head = json.dumps({"__metadata__": metadata}).encode()
        (tmp_path / "weights.safetensors").write_bytes(struct.pack("<Q", len(head)) + head)
        with pytest.raises(MethodError, match=r"weights\.safetensors: not a SMFNet safetensors file"):
            weights.load(tmp_path / "weights.safetensors")


def test_a_folder_named_as_weights(fail, tmp_path):
    (tmp_path / "weights/smfnet/weights.safetensors").mkdir(parents=True)
    assert "smfnet" in fail("--weights", tmp_path / "weights", "--methods", "smfnet")


@pytest.mark.parametrize("reader", [read_bytes, read_json, read_toml, sha256])
def test_devices_pipes_and_folders_are_not_read(reader, tmp_path):
    (tmp_path / "zero").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("zero", "pipe", "folder"):
        with pytest.raises(IvfbenchError, match="a folder or device where a file should be"):
            reader(tmp_path / name)


@pytest.mark.parametrize("name", ["data/tno/ir/a.png", "data/tno/vi/b.png"])
def test_pictures_that_are_devices(name, fail, tmp_path):
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    assert "replace or remove it" in fail()


def member(path, *, encrypted=False, method=zipfile.ZIP_DEFLATED, size=10):
    """A zip with one member m whose header says what is asked for."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("m", b"0" * 10)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    if encrypted:
        data[at + 8] |= 1
    if size != 10:
        data[at + 24:at + 28] = struct.pack("<I", size)
    path.write_bytes(data)
    return path.open("r+b")


@pytest.mark.parametrize(("how", "told"), [
    ({"encrypted": True}, "is encrypted"), ({"method": zipfile.ZIP_LZMA}, "is packed by method 14"),
    ({"method": zipfile.ZIP_BZIP2}, "is packed by method 12"), ({"size": 2**32 - 2}, f"at most {MAX_BYTES} are taken"),
    ({"size": 5}, "damaged archive")])
def test_archives_of_weights(how, told, tmp_path, monkeypatch):
    if how.get("size", 0) > MAX_BYTES // 2:
        monkeypatch.setattr("baselines.weights.MAX_BYTES", MAX_BYTES // 2)
        told = f"at most {MAX_BYTES // 2} are taken"
    with member(tmp_path / "a.zip", **how) as file, pytest.raises(MethodError) as error:
        _unpack(file, "m", "origin")
    assert told in str(error.value)


def test_cells_that_a_spreadsheet_would_compute():
    from reports.render.csv import plain

    shown = [plain(text) for text in ("=1+1", "+cmd|x", "-2+3", "@x", "-", "–", "-1.5", "Mean", "")]
    assert shown == ["'=1+1", "'+cmd|x", "'-2+3", "'@x", "-", "–", "-1.5", "Mean", ""]


def test_what_can_be_foreseen():
    assert one_line(IvfbenchError("a\n b")) == "a b"
    assert "No space left" in one_line(OSError(28, "No space left on device"))
    # of a copy, what is full is where it goes
    assert one_line(OSError(28, "No space left on device", "from", None, "to")).startswith("to: ")
    assert "Too many open files" in one_line(OSError(24, "Too many open files", "x"))
    assert "\\xff" in one_line(OSError(2, "No such file", b"a\xff"))
    assert one_line(RecursionError()) and one_line(MemoryError())
    assert one_line(KeyError("x")) is None  # a fault of the program keeps its traceback


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="mounting a small disk needs root")
@pytest.mark.long
def test_a_full_disk_while_figures_are_drawn(tmp_path):
    write_pairs(tmp_path / "data")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=360k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no tmpfs may be mounted here")
    try:
        done = subprocess.run(
            [sys.executable, ROOT / "run_all.py", "--suite", "ivf", "--profile", "paper", "--data", tmp_path / "data",
             "--methods", "average", "--datasets", "tno", "--jobs", "1", "--out", disk / "out"], capture_output=True,
            text=True)
        left = list(disk.rglob("*.tmp"))
    finally:
        subprocess.run(["umount", disk], check=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "No space left on device" in done.stderr
    assert not left

"""Two runs side by side, and a run as a bundle."""

import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from suite_scenes import ROOT, fails, run_cli, write_pairs

from core.errors import IvfbenchError
from core.files import sha256
from fusion.methods.smfnet import SLIM
from fusion.smfnet import weights
from results.records import read_run
from results.rows import read_csv, write_csv
from suite import archive
from suite.bundle import METADATA
from suite.compare import NOISE, compare, load_run


def made(data, out, *more):
    ended = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--metrics", "EN,SD,Qabf",
                    "--out", out, "--jobs", 1, *more)
    assert ended.returncode == 0, ended.stderr
    return out


@pytest.fixture(scope="module")
def run_out(tmp_path_factory):
    root = tmp_path_factory.mktemp("run")
    return made(write_pairs(root / "data"), root / "out", "--methods", "average,visible")


def copy_with(run_out, folder, change):
    """A copy of a run whose rows `change` altered."""
    shutil.copytree(run_out, folder)
    frame = read_csv(folder / "rows.csv")
    write_csv(folder / "rows.csv", change(frame))
    return folder


@pytest.mark.long
def test_a_run_equals_itself(run_out):
    result = compare(load_run(run_out), load_run(run_out))
    assert result.equal and not result.inputs and not result.environment
    assert result.count("equal") == len(result.rows) == len(read_csv(run_out / "rows.csv")) > 0
    assert run_cli("compare", run_out, run_out).returncode == 0


@pytest.fixture(scope="module")
def real(reference, tmp_path_factory):
    """(data, OUT): two pairs of TNO and SMFNet's slim network run on them in one thread."""
    root = tmp_path_factory.mktemp("real")
    for folder in ("ir", "vi"):
        (root / "data" / "tno" / folder).mkdir(parents=True)
        for name in ("07.png", "19.png"):
            shutil.copy(reference / "data" / "tno" / folder / name, root / "data" / "tno" / folder / name)
    return root / "data", fused(root / "data", root / "out")


def fused(data, out, *more, method="smfnet", threads=1):
    """A run of a network and a rule, in so many threads. The root of weights is empty unless `more` names another."""
    (data.parent / "no_weights").mkdir(exist_ok=True)
    ended = subprocess.run(
        [sys.executable, str(ROOT / "run_all.py"), "--suite", "ivf", "--data", str(data), "--datasets", "tno",
         "--methods", f"average,{method}", "--metrics", "EN,SD", "--out", str(out), "--jobs", "0",
         "--weights", str(data.parent / "no_weights"), *map(str, more)],
        capture_output=True, text=True, timeout=300, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    assert ended.returncode == 0, ended.stderr
    return out


@pytest.mark.long
def test_a_real_run_equals_itself(real):
    ended = run_cli("compare", real[1], real[1])
    assert ended.returncode == 0 and ended.stdout.splitlines() == [
        "same inputs: manifests, weights, versions, settings and code",
        "8 rows: 8 equal, 0 within float noise (relative 1e-09), 0 different, 0 only in the first, 0 only in the "
        "second", "the runs are equal"]


@pytest.mark.long
@pytest.mark.parametrize("method", ["smfnet", "didfuse"])
def test_another_thread_count_has_the_same_inputs(real, reference, tmp_path, method):
    """A network on real pictures: threads may change the order of its sums, never what it was made of."""
    more = ("--weights", reference / "weights") if method == "didfuse" else ()
    one = fused(real[0], tmp_path / "one", *more, method=method) if more else real[1]
    ended = run_cli("compare", one, fused(real[0], tmp_path / "two", *more, method=method, threads=2))
    assert ended.returncode == 0, ended.stdout
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("same inputs") and "environment threads: 1 and 2" in lines
    assert lines[-1].startswith("the runs are equal")


@pytest.mark.long
def test_other_weights_are_said_first_and_the_rows_of_their_method_differ(real, tmp_path):
    """The slim network against itself with one tensor moved a little, as a further epoch would do."""
    network = weights.load(SLIM)
    with torch.no_grad():
        next(network.parameters()).mul_(1.05)
    path = tmp_path / "weights" / "smfnet" / "weights.safetensors"
    path.parent.mkdir(parents=True)
    weights.save(path, network)
    other = fused(real[0], tmp_path / "other", "--weights", tmp_path / "weights")
    ended = run_cli("compare", real[1], other)
    lines = ended.stdout.splitlines()
    assert ended.returncode == 1 and lines[-1] == "the runs differ"
    assert lines[0] == (f"DIFFERS method smfnet: weights smfnet_slim.safetensors {sha256(SLIM)[:12]} and "
                        f"weights.safetensors {sha256(path)[:12]}")
    assert lines[1].startswith("DIFFERS fuse smfnet tno: weights ")
    assert any(line.startswith("8 rows: 4 equal, 0 within float noise") for line in lines)
    worst = [line for line in lines if line.startswith("DIFFERENT")]
    assert len(worst) == 4 and all(line.startswith("DIFFERENT ivf smfnet tno ") for line in worst)


@pytest.mark.long
def test_noise_is_said_and_counts_as_equal(run_out, tmp_path):
    def nudge(frame):
        frame.loc[0, "value"] *= 1 + NOISE / 10
        return frame

    ended = run_cli("compare", run_out, copy_with(run_out, tmp_path / "noise", nudge))
    assert ended.returncode == 0 and "1 within float noise" in ended.stdout
    assert "float noise counts as equal" in ended.stdout


@pytest.mark.long
def test_a_changed_value_is_named_and_missing_rows_are_different(run_out, tmp_path):
    def change(frame):
        frame.loc[3, "value"] += 0.25
        return frame.drop(index=len(frame) - 1)

    other = copy_with(run_out, tmp_path / "changed", change)
    ended = run_cli("compare", run_out, other)
    row = read_csv(run_out / "rows.csv").loc[3]
    assert ended.returncode == 1
    assert f"DIFFERENT ivf {row['method']} tno {row['item']} {row['metric']}:smfnet" in ended.stdout
    assert "1 different, 1 only in the first, 0 only in the second" in ended.stdout


@pytest.mark.long
def test_nan_equals_nan_and_nothing_else(run_out, tmp_path):
    def gap(frame):
        frame.loc[0, "value"] = np.nan
        return frame

    other = load_run(copy_with(run_out, tmp_path / "gap", gap))
    assert compare(other, other).equal
    result = compare(load_run(run_out), other)
    assert result.count("different") == 1 and not result.equal


@pytest.mark.long
def test_other_weights_and_other_pictures_come_first(run_out, tmp_path):
    """The records of a run whose data set and weights were others."""
    record = json.loads((run_out / "run.json").read_text())
    other = copy_with(run_out, tmp_path / "other", lambda frame: frame.assign(value=frame["value"] + 1))
    record["datasets"]["tno"]["manifest"] = "f" * 64
    record["methods"]["average"]["weights"] = [{"file": "a.pth", "sha256": "e" * 64}]
    (other / "run.json").write_text(json.dumps(record))
    ended = run_cli("compare", run_out, other)
    lines = ended.stdout.splitlines()
    assert ended.returncode == 1 and lines[0].startswith("DIFFERS data set tno: manifest")
    assert lines[1] == "DIFFERS method average: weights none and a.pth eeeeeeeeeeee"


def test_a_folder_without_a_run_is_one_line(tmp_path, capsys, monkeypatch):
    assert "run.json: no such file" in fails(capsys, monkeypatch, "compare", tmp_path, tmp_path)
    assert "no such folder or bundle" in fails(capsys, monkeypatch, "compare", tmp_path / "a", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("pictures", [False, True])
def test_a_bundle_round_trip(run_out, tmp_path, pictures):
    target = tmp_path / "run.zip"
    more = ["--pictures"] if pictures else []
    assert run_cli("bundle", run_out, "--to", target, *more).returncode == 0
    first = target.read_bytes()
    assert run_cli("bundle", run_out, "--to", target, *more).returncode == 0
    assert target.read_bytes() == first
    names = zipfile.ZipFile(target).namelist()
    assert {"run.json", "rows.csv", "provenance.json", "manifests.json", METADATA, "paper/paper.toml",
            "tables/table1.tex"} <= set(names)
    pngs = [name for name in names if name.endswith(".png")]
    assert bool(pngs) == pictures and not any("visible" in name or "sample" in name for name in pngs)
    assert run_cli("compare", run_out, target).returncode == 0
    ended = run_cli("verify", target)
    assert ended.returncode == 0, ended.stdout
    assert "all of it holds" in ended.stdout and ("files of units: hashes" in ended.stdout) == pictures


@pytest.mark.long
def test_the_metadata_states_licence_citation_and_every_hash(run_out, tmp_path):
    target = tmp_path / "run.zip"
    run_cli("bundle", run_out, "--to", target, "--licence", "https://spdx.org/licenses/CC-BY-4.0")
    with zipfile.ZipFile(target) as archive:
        graph = {entry["@id"]: entry for entry in json.loads(archive.read(METADATA))["@graph"]}
        for name in set(archive.namelist()) - {METADATA}:
            assert graph[name]["sha256"] == hashlib.sha256(archive.read(name)).hexdigest()
    root = graph["./"]
    assert root["license"]["@id"].endswith("CC-BY-4.0") and root["license"]["@id"] in graph
    assert graph[root["citation"]["@id"]]["description"]
    assert {part["@id"] for part in root["hasPart"]} <= set(graph)
    assert graph[METADATA]["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.1"


@pytest.mark.long
def test_a_path_in_a_key_is_not_bundled(run_out, tmp_path, capsys, monkeypatch):
    """Results of versions that took the path of initial weights into a training's key."""
    other = tmp_path / "older"
    shutil.copytree(run_out, other)
    path = next(other.glob("fuse/average/tno/*/result.json"))
    record = json.loads(path.read_text())
    record["settings"]["weights"] = "/home/jane/yolo.pt"
    path.write_text(json.dumps(record))
    assert "its settings hold a path" in fails(capsys, monkeypatch, "bundle", other)


def repacked(source, target, change):
    """A bundle whose files `change` altered: name -> bytes or None."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in archive.namelist():
            content = change(name, archive.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


@pytest.mark.long
@pytest.mark.parametrize(("change", "message"), [
    (lambda name, content: content.replace(b"EN", b"SD") if name == "rows.csv" else content,
     "rows.csv: not the bytes whose hash"),
    (lambda name, content: None if name == "paper/table1.csv" else content, "table1.csv"),
    (lambda name, content: None if name == METADATA else content, f"{METADATA}: gone"),
])
def test_a_bundle_that_was_changed(run_out, tmp_path, change, message):
    source = tmp_path / "run.zip"
    run_cli("bundle", run_out, "--to", source)
    ended = run_cli("verify", repacked(source, tmp_path / "changed.zip", change))
    assert ended.returncode != 0 and message in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def entry(name, mode=stat.S_IFREG | 0o644):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def hostile(path, *entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for info, content in entries:
            archive.writestr(info, content, compression)
    return path


@pytest.mark.parametrize(("entries", "message"), [
    ([(entry("../evil"), b"x")], "no plain path inside the bundle of a run"),
    ([(entry("a/../../evil"), b"x")], "no plain path"),
    ([(entry("/evil"), b"x")], "no plain path"),
    ([(entry("a\\evil"), b"x")], "no plain path"),
    ([(entry("C:evil"), b"x")], "no plain path"),
    ([(entry("link", stat.S_IFLNK | 0o777), b"/etc/passwd")], "a link or device"),
    ([(entry("pipe", stat.S_IFIFO | 0o644), b"")], "a link or device"),
    ([(entry("run.json"), b"1"), (entry("RUN.json"), b"2")], "stands twice"),
    ([(entry("bomb"), bytes(64 * 2**20))], "times the packed size"),
])
def test_a_hostile_zip_is_refused_before_anything_is_written(tmp_path, entries, message):
    path = hostile(tmp_path / "bad.zip", *entries)
    (tmp_path / "into").mkdir()
    with pytest.raises(IvfbenchError, match=message) as error:
        archive.unpack(path, tmp_path / "into")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert not list((tmp_path / "into").iterdir()) and not (tmp_path / "evil").exists()


def test_other_methods_and_encrypted_entries_are_refused(tmp_path):
    path = hostile(tmp_path / "bz.zip", (entry("a"), b"x"), compression=zipfile.ZIP_BZIP2)
    with pytest.raises(IvfbenchError, match="packed by method 12"):
        archive.unpack(path, tmp_path / "into")
    path = hostile(tmp_path / "enc.zip", (entry("a"), b"x"))
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(IvfbenchError, match="is encrypted"):
        archive.unpack(path, tmp_path / "into")


def test_a_size_that_lies_or_is_too_much(tmp_path):
    path = hostile(tmp_path / "big.zip", (entry("a"), b"0123456789" * 10), compression=zipfile.ZIP_STORED)
    with pytest.raises(IvfbenchError, match="would become 100"):
        archive.unpack(path, tmp_path / "into", max_bytes=99)
    path = hostile(tmp_path / "lie.zip", (entry("a"), bytes(2**16)))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 10)  # it declares ten bytes
    path.write_bytes(content)
    with pytest.raises(IvfbenchError, match="not a whole zip file"):
        archive.unpack(path, tmp_path / "into")
    inside = tmp_path / "into" / "a"
    assert not inside.exists() or inside.stat().st_size <= 10


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(10)])
def test_what_is_no_zip(tmp_path, capsys, monkeypatch, content):
    path = tmp_path / "run.zip"
    path.write_bytes(content)
    for command in (["verify", path], ["compare", path, path]):
        assert "not a whole zip file" in fails(capsys, monkeypatch, *command)


@pytest.mark.long
def test_rows_of_the_bundle_are_those_of_the_run(run_out, tmp_path):
    target = tmp_path / "run.zip"
    run_cli("bundle", run_out, "--to", target)
    with archive.opened(target) as (folder, unpacked):
        ours, theirs = read_run(run_out), read_run(folder)
        assert unpacked and theirs.units == ours.units and theirs.methods == ours.methods
        assert (folder / "rows.csv").read_bytes() == (run_out / "rows.csv").read_bytes()
    assert not folder.exists()

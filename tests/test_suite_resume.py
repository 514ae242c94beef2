"""Resumed state is checked like a result: what is damaged is done again, what is another's is not taken over."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tiny_run import make, request, with_plan_changed, without_reports, write_pairs

from core import records
from core.files import sha256
from fusion import images
from fusion.smfnet import weights as smfnet_weights
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import NetworkSettings
from results.records import read_result
from suite.journal import Journal
from suite.runner import run
from suite.unit import seal_of


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(data root, OUT, rows) of an undisturbed run."""
    with pytest.MonkeyPatch.context() as patch:
        without_reports(patch)
        root, out = write_pairs(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("out")
        return root, out, make(root, out)


@pytest.fixture
def box(finished, tmp_path, monkeypatch):
    """A copy of it to damage."""
    without_reports(monkeypatch)
    root, out, rows = finished
    shutil.copytree(root, tmp_path / "data")
    shutil.copytree(out, tmp_path / "out")
    return tmp_path / "data", tmp_path / "out", rows


def one(out, pattern):
    return sorted(out.glob(pattern))[0]


def unfinished(out, stage="fuse"):
    """The unit of `average` as a kill leaves it. Returns its folder."""
    folder = one(out, f"{stage}/average/tno/*")
    (folder / "result.json").unlink()
    return folder


def cut(path):
    path.write_bytes(path.read_bytes()[:40])


def a_folder(path):
    path.unlink()
    (path / "inside").mkdir(parents=True)


DAMAGE = {"zero length": lambda path: path.write_bytes(b""), "cut": cut, "gone": lambda path: path.unlink(),
          "a folder": a_folder, "another picture": lambda path: images.write_png(path, np.zeros((48, 64), np.uint8))}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_picture_of_an_unfinished_unit_is_made_again(box, damage):
    root, out, rows = box
    DAMAGE[damage](one(unfinished(out), "images/*.png"))
    shutil.rmtree(out / "score" / "average")
    assert make(root, out) == rows


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"[" * 200_000, b"null\n[]\n{}\n1\n", b'{"key":', b"\0" * 99])
@pytest.mark.parametrize("stage", ["fuse", "score"])
def test_a_damaged_journal_is_begun_anew(box, content, stage):
    root, out, rows = box
    (unfinished(out, stage) / "partial.jsonl").write_bytes(content)
    assert make(root, out) == rows


def test_a_journal_of_another_unit_is_not_taken_over(box):
    root, out, rows = box
    other = one(out, "score/visible/tno/*")
    shutil.copy(other / "partial.jsonl", unfinished(out, "score") / "partial.jsonl")
    assert make(root, out) == rows


def test_changed_values_in_a_journal_are_not_taken_over(box):
    root, out, rows = box
    path = unfinished(out, "score") / "partial.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["content"]["values"]["EN"] = 99.0
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert make(root, out) == rows


def test_a_journal_that_is_a_link_is_not_written_through(box, tmp_path):
    root, out, rows = box
    victim = tmp_path / "victim"
    victim.write_text("kept")
    path = unfinished(out, "score") / "partial.jsonl"
    path.unlink()
    path.symlink_to(victim)
    assert make(root, out) == rows and victim.read_text() == "kept"


def test_a_row_of_another_picture_is_scored_again(box):
    """The journal of a unit whose fused picture has changed since."""
    root, out, rows = box
    folder = unfinished(out, "score")
    lines = [json.loads(line) for line in (folder / "partial.jsonl").read_text().splitlines()]
    (folder / "partial.jsonl").unlink()
    journal = Journal(folder, lines[0]["key"])
    journal.add("a", {"picture": "0" * 64, "values": {"EN": 1.0, "MI": 2.0}})
    assert make(root, out) == rows


def test_rows_of_a_finished_unit_are_taken_over_only_as_they_were_written(box):
    root, out, rows = box
    path = one(out, "score/average/tno/*/result.json")
    content = json.loads(path.read_text())
    content["rows"][0][-1] = 99.0
    path.write_text(json.dumps(content))
    assert make(root, out) == rows


def test_a_picture_that_was_exchanged_under_its_size_and_time_is_found_before_it_is_read(box):
    root, out, rows = box
    victim = one(out, "fuse/average/tno/*/images/a.png")
    state = victim.stat()
    content = bytearray(victim.read_bytes())
    content[-20] ^= 1
    victim.write_bytes(content)
    os.utime(victim, ns=(state.st_atime_ns, state.st_mtime_ns))
    unfinished(out, "score")
    (one(out, "score/average/tno/*") / "partial.jsonl").unlink()
    assert make(root, out) == rows


def test_scores_of_other_pictures_are_done_again(box):
    """The fused picture and its record changed alike: the score says of which pictures it was made."""
    root, out, rows = box
    folder = one(out, "fuse/average/tno/*")
    result = read_result(folder / "result.json")
    images.write_png(folder / "images" / "a.png", np.zeros((48, 64), np.uint8))
    changed = replace(result, artefacts={**result.artefacts, "images/a.png": (sha256(folder / "images/a.png"), 1, 1)})
    changed = replace(changed, seal=seal_of(changed))
    (folder / "result.json").write_text(json.dumps(records.write(changed)))
    assert make(root, out) != rows  # scored again, not what stood there


def inverted(path):
    return lambda: images.write_png(path, 255 - images.read(path))


@pytest.mark.parametrize("what", ["source", pytest.param("brought", marks=pytest.mark.long)])
def test_a_picture_replaced_after_planning_ends_its_unit(what, tmp_path, capsys):
    root, out = write_pairs(tmp_path / "data"), tmp_path / "out"
    shutil.copytree(root / "tno" / "vi", tmp_path / "mine")
    methods = ("average", f"mine={tmp_path / 'mine'}")
    victim = root / "tno/vi/a.png" if what == "source" else tmp_path / "mine/a.png"
    good = victim.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        without_reports(patch)
        true = make(root, tmp_path / "true", methods)
        with_plan_changed(patch, inverted(victim))
        assert run(request(root, out, methods)) == 1
    said = capsys.readouterr().err
    assert f"{victim}: its sha256 is" in said.replace("\n", "") and "Traceback" not in said
    victim.write_bytes(good)
    with pytest.MonkeyPatch.context() as patch:
        without_reports(patch)
        assert make(root, out, methods) == true


def test_weights_replaced_after_planning_end_their_unit(tmp_path, capsys):
    root, out = write_pairs(tmp_path / "data"), tmp_path / "out"
    path = root / "weights" / "smfnet" / "weights.safetensors"
    path.parent.mkdir(parents=True)

    def replaced():
        smfnet_weights.save(path, SMFNet(NetworkSettings(width=8, heads=2)))

    replaced()
    good = path.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        without_reports(patch)
        with_plan_changed(patch, replaced)
        assert run(request(root, out, ("smfnet",))) == 1
    said = capsys.readouterr().err.replace("\n", "")
    assert f"{path}: its sha256 is" in said and not list(out.glob("fuse/smfnet/*/*/result.json"))
    path.write_bytes(good)
    with pytest.MonkeyPatch.context() as patch:
        without_reports(patch)
        make(root, out, ("smfnet",))

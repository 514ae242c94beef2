"""`--precision bf16`: what it changes (networks' pictures and keys, records, reports) and what it does not."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tampering import Box, edit, render, reseal
from tiny_run import make, request, write_pairs

from core.files import read_json
from fusion import images
from fusion.fast.extension import why_no_tiles
from fusion.method import MethodError, load_method
from fusion.smfnet import weights
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import NetworkSettings
from reports.notes import once
from reports.table import Table
from results.records import read_run
from suite import seal
from suite.compare import compare, load_run
from suite.errors import UserError
from suite.profile import Profile
from suite.stages.fuse import Fusing
from suite.suites.complexity import Measuring
from suite.unit import Unit
from suite.verify import Look, verify

METHODS = ("visible", "average", "smfnet")
NOTE = "Fused with products in bfloat16, not comparable with published values digit by digit: SMFNet (trained here)."
PAIRS = SimpleNamespace(manifest="manifest")
KEYS = [  # of units as they were before there was a choice
    (Fusing(PAIRS, "released", 2, 8, None, ("digest",)),
     "ee78ec0e8ec92dc980f3f29a05d94dc422695c3611cc1c4f4d1c1c288ad4074c"),
    (Fusing(PAIRS, network="smfnet"), "1923f9488aa613ef16b7be102068c97851ff3315bb9abb4cde778fddd0b6599e"),
    (Measuring(480, 640, "released", 2, ("digest",), None),
     "c95a8d26ca0b6e97aeacaf42435c7c16f9e1212ce6640fd227edd099390ce0c5")]


@pytest.mark.parametrize(("work", "key"), KEYS)
def test_keys_of_float32_are_what_they_were(work, key):
    fuse = isinstance(work, Fusing)
    address = ("fuse", "tardal", "tno", 0, 1) if fuse else ("measure", "tardal", "-", 0, 2)
    assert Unit(*address, "code", work).key == key
    assert Unit(*address, "code", replace(work, precision="bf16")).key != key


def test_an_unknown_precision_is_named():
    with pytest.raises(MethodError, match="unknown precision 'bf61'; did you mean bf16"):
        load_method("average", precision="bf61")
    with pytest.raises(UserError, match="unknown precision 'half'; known: float32, bf16"):
        Profile(precision="half")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """(float32, bf16): two finished runs of the same data and weights, the second in a copy of the first's OUT."""
    root = write_pairs(tmp_path_factory.mktemp("data"))
    (root / "weights" / "smfnet").mkdir(parents=True)
    weights.save(root / "weights" / "smfnet" / "weights.safetensors", SMFNet(NetworkSettings(width=8, heads=2)))
    boxes = []
    for precision in ("float32", "bf16"):
        out = tmp_path_factory.mktemp("runs") / precision
        if boxes:
            shutil.copytree(boxes[0].out, out)
        make(root, out, METHODS, profile=replace(request(root, out).profile, precision=precision))
        boxes.append(Box(out, root, root / "weights", out, out))
    return boxes


@pytest.fixture
def rounded(original, tmp_path):
    shutil.copytree(original[1].out, tmp_path / "out")
    return replace(original[1], out=tmp_path / "out")


def looked(box):
    return verify(box.out, Look(data=box.data, weights=box.weights, everything=True), say=lambda _: None)


def units(box, stage="fuse"):
    return {unit.method: unit for unit in read_run(box.out).units if unit.stage == stage}


def test_only_the_network_is_fused_anew_and_nothing_is_mixed(original):
    exact, rounded = map(units, original)
    assert {name for name in METHODS if exact[name].key != rounded[name].key} == {"smfnet"}
    folder = {name: box.out / units(box)["smfnet"].folder for name, box in zip(("exact", "rounded"), original)}
    pictures = {name: np.stack([images.read(path).astype(int) for path in sorted((place / "images").iterdir())])
                for name, place in folder.items()}
    # levels; without tiles all of the network is under autocast, not its dense convolutions alone
    assert 0 < np.abs(pictures["exact"] - pictures["rounded"]).mean() < (4 if why_no_tiles() else 2)
    result = compare(*(load_run(box.out) for box in original))
    assert "run: precision float32 and bf16" in result.inputs
    assert "method smfnet: precision float32 and bf16" in result.inputs
    assert set(result.worst["method"]) == {"smfnet"}


def test_records_tables_and_page_say_so(original):
    exact, rounded = (box.out for box in original)
    run = read_run(rounded)
    assert run.precision == run.request["profile"]["precision"] == "bf16"
    assert {name: run.methods[name].precision for name in METHODS} == {
        "visible": "float32", "average": "float32", "smfnet": "bf16"}
    result = read_json(rounded / units(original[1])["smfnet"].folder / "result.json")
    assert result["settings"]["precision"] == "bf16" and "bfloat16" in result["provenance"]["network"]
    for name in ("tables/table1.md", "tables/table1.tex", "report.html"):
        assert NOTE in (rounded / name).read_text() and NOTE not in (exact / name).read_text()
    assert "precision <b>bf16</b>" in (rounded / "report.html").read_text()


def test_the_note_stands_below_each_table():
    tables = [Table(name, name, "Method", (), (), notes=(NOTE, "other")) for name in ("one", "two")]
    assert [table.notes for table in once(tables, ["1", "2"])] == [(NOTE, "other"), (NOTE, "Further notes: 1.")]


def test_an_honest_run_holds(original):
    for box in original:
        findings = looked(box)
        assert not findings.wrong and findings.checked["pictures fused again"] == 9


def test_a_run_from_before_there_was_a_choice_holds(original, tmp_path):
    box = replace(original[0], out=tmp_path / "out")
    shutil.copytree(original[0].out, box.out)
    for name, change in (("run.json", lambda run: [run["methods"][method].pop("precision") for method in METHODS]
                          + [run.pop("precision"), run["request"]["profile"].pop("precision")]),
                         ("provenance.json", lambda content: content["run"].pop("precision"))):
        edit(box.out / name, change)
    seal.write(box.out)
    assert not looked(box).wrong


def test_a_changed_picture_is_found(rounded):
    path = rounded.out / units(rounded)["smfnet"].folder / "images" / "b.png"
    picture = images.read(path).astype(int)
    picture[5, 5] += 3 if picture[5, 5].max() < 128 else -3
    images.write_png(path, picture.astype(np.uint8))
    reseal(rounded)
    render(rounded)
    assert any("smfnet tno b: fused again it differs by 3 levels" in text for text in looked(rounded).wrong)


@pytest.mark.skipif(bool(why_no_tiles()), reason=why_no_tiles())
def test_on_another_path_nothing_is_claimed(rounded, monkeypatch):
    monkeypatch.setattr("fusion.methods.smfnet.why_no_tiles", lambda: "none")
    findings = looked(rounded)
    assert not findings.wrong and findings.checked["pictures fused again"] == 6
    assert any("hang on how a network runs" in text for text in findings.unknown)


CODE = """
import numpy, torch
from fusion.method import load_method
rng = numpy.random.default_rng(0)
pair = [rng.random((40, 48), dtype=numpy.float32) for _ in range(2)]
methods = [load_method("smfnet", precision=precision) for precision in ("float32", "bf16")]
one, other = (method.fuse(*pair) for method in methods)
print(other.dtype, 0 < abs(one - other).mean() < .02, methods[1].path)
"""


def test_without_tiles_by_autocast():
    """Networks of `baselines` in the conformance tests."""
    done = subprocess.run([sys.executable, "-c", CODE], env={**os.environ, "IVFBENCH_KERNELS": "off"}, check=True,
                          capture_output=True, text=True)
    assert done.stdout.strip() == "float32 True as its authors wrote it; products in bfloat16 by autocast on cpu"

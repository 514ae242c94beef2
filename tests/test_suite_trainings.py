"""A run with a training: damaged state, emptied labels, edited rows and overwritten predictions."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tampering import edit
from tiny_run import request, without_reports, write_pairs

from core import records
from core.files import sha256, write_json
from fusion.images import write_png
from results.records import read_result
from results.rows import to_frame, write_csv
from suite import seal
from suite.profile import load_profile
from suite.runner import run
from suite.unit import result_rows, seal_of
from suite.verify import Look, verify

PROFILE = """
suites = ["detection"]
[detection]
datasets = ["msrs"]
engine = "yolov5-sample"
epochs = 1
batch = 4
imgsz = 64
nbs = 4
workers = 0
warmup_epochs = 0.0
validate = false
mosaic = 0.0
"""

pytestmark = pytest.mark.long


def write_msrs(root):
    """Ten pairs with a bright box each."""
    top = root / "msrs"
    labels = top / "detection_label/fusion/test"
    for folder in (top / "test/ir", top / "test/vi", labels):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(10):
        key = f"{number:05d}{'ND'[number % 2]}"
        for folder in ("ir", "vi"):
            picture = rng.integers(0, 90, (48, 64)).astype(np.uint8)
            picture[16:32, 20:44] = 240
            write_png(top / f"test/{folder}/{key}.png", picture)
        (labels / f"{key}.txt").write_text("0  0.5 0.5  0.375 0.333333\n")
    return root


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    path = folder / "mine.toml"
    path.write_text(PROFILE)
    profile = load_profile(str(path))
    with pytest.MonkeyPatch.context() as patch:
        without_reports(patch)
        root = write_msrs(folder / "data")
        assert run(request(root, folder / "out", ("average",), profile=profile)) == 0
    return root, folder / "out", profile


@pytest.fixture
def box(finished, tmp_path, monkeypatch):
    """(data root, a copy of OUT, runs again and gives the rows, the rows)."""
    without_reports(monkeypatch)
    root, out, profile = finished
    shutil.copytree(out, tmp_path / "out", symlinks=True)

    def again():
        assert run(request(root, tmp_path / "out", ("average",), profile=profile)) == 0
        return (tmp_path / "out" / "rows.csv").read_text()

    return root, tmp_path / "out", again, (out / "rows.csv").read_text()


def trained(out):
    return next(out.glob("detect/average/msrs/*"))


def looked(root, out):
    return verify(out, Look(data=root), say=lambda _: None).wrong


def test_an_honest_run_holds(box):
    root, out, _, _ = box
    found = verify(out, Look(data=root), say=lambda _: None)
    assert found.wrong == [] and found.checked["values counted again from predictions"] > 0
    assert any(text.startswith("trainings: not repeated") for text in found.unknown)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None])
def test_a_damaged_state_is_trained_anew(box, content):
    _, out, again, rows = box
    state = trained(out) / "weights.pt"
    if content is None:  # one bit of a tensor: torch would read it without a word
        damaged = bytearray(state.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        content = bytes(damaged)
    state.write_bytes(content)
    (trained(out) / "cost.json").write_bytes(b"{")
    (trained(out) / "result.json").unlink()
    assert again() == rows


def test_edited_rows_are_not_taken_over(box):
    _, out, again, rows = box
    edit(trained(out) / "result.json", lambda content: content["rows"][0].__setitem__(-1, 0.99))
    assert again() == rows


def test_overwritten_predictions_are_found(box):
    root, out, _, _ = box
    path = trained(out) / "predictions.json"
    content = json.loads(path.read_text())
    for picture in content["images"].values():
        picture["boxes"] = [[20, 16, 44, 32, 0.99, 0]]
    write_json(path, content)
    assert any("predictions.json: gone or not the bytes" in text for text in looked(root, out))
    result = read_result(trained(out) / "result.json")
    result = replace(result, artefacts={"predictions.json": (sha256(path), 1, 1)})
    write_json(trained(out) / "result.json", records.write(replace(result, seal=seal_of(result))))
    seal.write(out)
    assert any("counted again" in text for text in looked(root, out))


def test_edited_rows_with_every_hash_anew_are_found(box):
    root, out, _, _ = box
    path = trained(out) / "result.json"
    edit(path, lambda content: content["rows"][-1].__setitem__(-1, 0.987))
    result = read_result(path)
    write_json(path, records.write(replace(result, seal=seal_of(result))))
    write_csv(out / "rows.csv", to_frame(result_rows(result)))
    seal.write(out)
    assert any("counted again" in text for text in looked(root, out))


ABLATION = """
suites = ["ablation"]
[ablation]
datasets = ["tno"]
training = "tno"
recipes = ["ae1"]
overrides = { "network.width" = 8, "network.heads" = 2, "data.patch" = 64, "data.stride" = 64, "training.batch" = 2, "training.stage1_epochs" = 1, "training.stage2_epochs" = 1, "training.steps_per_epoch" = 2, "training.validation_pairs" = 0 }
"""  # noqa: E501


def test_overwritten_weights_of_an_ablation_are_found_and_made_again(tmp_path, monkeypatch):
    without_reports(monkeypatch)
    root, out = write_pairs(tmp_path / "data", size=(96, 128)), tmp_path / "out"
    (tmp_path / "mine.toml").write_text(ABLATION)
    asked = request(root, out, (), profile=load_profile(str(tmp_path / "mine.toml")))
    assert run(asked) == 0
    rows = (out / "rows.csv").read_text()
    assert looked(root, out) == []
    path = next(out.glob("train/ae1/tno/*/weights.safetensors"))
    good, content = path.read_bytes(), bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert any("weights.safetensors: gone or not the bytes" in text for text in looked(root, out))
    assert run(asked) == 0
    assert path.read_bytes() == good and (out / "rows.csv").read_text() == rows

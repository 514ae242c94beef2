"""Segmentation as a user runs it: a profile, its trainings, and what the reports say of a network's labels."""

import json

import numpy as np
import pytest
from PIL import Image
from segmentation_scenes import scene, write_mfnet

from core.errors import IvfbenchError
from fusion.images import write_png
from reports.data import ReportError, load
from reports.figures import bars, segmentations
from reports.tables import build
from reports.trace import trace
from suite.collect import collect
from suite.plan import make_plan
from suite.profile import load_profile
from suite.stages import Context, execute

PROFILE = """
methods = ["average"]
suites = ["segmentation"]
[segmentation]
datasets = ["{dataset}"]
depth = 18
base_channels = 4
head_channels = 8
output_stride = 16
crop = [32, 32]
batch = 2
epochs = 1
{lines}
"""


def plan(tmp_path, dataset, lines="", **changes):
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE.format(dataset=dataset, lines=lines))
    return make_plan(load_profile(str(path), **changes), data=tmp_path, weights=tmp_path, named=None, known_files={})


def done(tmp_path, made):
    """The run's data after every unit was executed."""
    outcomes = {unit.key: execute(unit, Context(tmp_path / "out", "cpu", {})) for unit in made.units}
    assert {outcome.reason for outcome in outcomes.values()} == {""}
    collect(tmp_path / "out", made, outcomes, {"profile": "mine", "protocol": "released", "command": "", "paper": "",
                                               "started": "", "finished": ""})
    return load(tmp_path / "out")


def write_msrs(top, role, labels, numbers):
    for folder in ("ir", "vi", labels):
        (top / role / folder).mkdir(parents=True)
    for number in numbers:
        picture, ids = scene(np.random.default_rng(number), (40, 48))
        for folder, content in (("ir", picture[..., 3]), ("vi", picture[..., :3]), (labels, ids)):
            write_png(top / role / folder / f"{number:05d}{'ND'[number % 2]}.png", content)


@pytest.mark.long
def test_a_networks_labels_are_never_called_ground_truth(tmp_path):
    write_msrs(tmp_path / "msrs", "test", "teacher_labels", range(8))
    data = done(tmp_path, plan(tmp_path, "msrs", "four_channel_row = true"))
    table = build(data, 3)
    assert [line.label for line in table.lines] == ["Visible", "Infrared", "Early fusion (4 channels)", "Average"]
    assert table.caption.endswith("on MSRS (teacher labels, not ground truth)")
    said = " ".join(table.notes)
    assert "labels predicted by MFNet's published network" in said and "not ground truth" in said
    assert "split teacher of MSRS: 6 pictures to train, 2 to test; answering Unlabel everywhere has mIoU 0." in said
    assert "mIoU and mAcc count Guardrail too" in said
    for figure in bars.draw(data).values():
        assert "(teacher labels, not ground truth)" in figure.axes[0].get_title()
    figure = segmentations.draw(data)["segmentations_msrs"]
    assert figure.axes[0].get_title() == "Teacher labels" and "not ground truth" in figure.get_suptitle()
    for column in ("mIoU", "Car", "Guardrail"):  # the class that the table leaves out is traced, too
        assert "not ground truth" in trace(tmp_path / "out", "table3", "MSRS", "Visible", column)
    for path in (tmp_path / "out").glob("segment/visible/msrs/*/predictions/*.png"):
        path.write_bytes(b"damaged")
    with pytest.raises(ReportError, match=r"predictions/.*\.png: cannot be decoded .*--force"):
        segmentations.draw(data)


@pytest.mark.long
def test_msrs_as_released_trains_on_its_train_pairs(tmp_path):
    write_msrs(tmp_path / "MSRS", "train", "Segmentation_labels", range(4))
    write_msrs(tmp_path / "MSRS", "test", "Segmentation_labels", range(4, 6))
    made = plan(tmp_path, "msrs", "four_channel_row = true")
    assert {(unit.method, unit.dataset) for unit in made.units if unit.stage == "fuse"} == {
        (method, dataset) for method in ("visible", "infrared", "average") for dataset in ("msrs", "msrs_train")}
    table = build(done(tmp_path, made), 3)
    assert all(line.cells[-1].value is not None for line in table.lines) and len(table.lines) == 4
    assert table.caption.endswith("on MSRS")
    assert "split official of MSRS: 4 pictures to train, 2 to test" in " ".join(table.notes)


@pytest.mark.long
def test_mfnet_as_released_trains_on_its_mirrored_entries_when_told_to(tmp_path):
    ids = [f"{i:05d}{'DN'[i % 2]}" for i in range(6)]
    write_mfnet(tmp_path, train=4, lists={"train": [*ids[:4], f"{ids[0]}_flip"], "val": [], "test": ids[4:]})
    usual, mirrored = (plan(tmp_path, "mfnet", lines) for lines in ("", 'split = "official+flip"'))
    keys = [{unit.key for unit in made.units if unit.stage == "segment"} for made in (usual, mirrored)]
    assert len(keys[0]) == len(keys[1]) == 3 and keys[0].isdisjoint(keys[1])
    data = done(tmp_path, mirrored)
    kept = json.loads((tmp_path / "out/provenance.json").read_text())["labels"]["segmentation"]["mfnet"]
    assert kept["pictures"] == 6 and sum(kept["pixels"].values()) == 6 * 40 * 48 and kept["with_class"]["Car"] == 6
    said = " ".join(build(data, 3).notes)
    assert "split official+flip of MFNet: 5 pictures to train, 2 to test" in said
    assert "1 mirrored entries of train.txt kept" in said and "ground truth" not in said
    assert segmentations.draw(data)["segmentations_mfnet"].axes[0].get_title() == "Ground truth"


@pytest.mark.parametrize("change, message", [
    (lambda f: Image.fromarray(np.full((40, 48), 9, np.uint8)).save(f / "labels/00001N.png"), "unknown class id 9"),
    (lambda f: Image.fromarray(np.zeros((20, 24), np.uint8)).save(f / "labels/00001N.png"), "24x20 but"),
    (lambda f: Image.fromarray(np.zeros((40, 48, 3), np.uint8)).save(f / "images/00001N.png"), r"3 channel\(s\)"),
    (lambda f: (f / "images/00001N.png").unlink(), "no such file, but .*train.txt names 00001N"),
    (lambda f: (f / "labels/00001N.png").write_bytes(b"damaged"), "cannot be decoded")])
def test_broken_data_end_the_run_before_anything_is_made(tmp_path, change, message):
    change(write_mfnet(tmp_path))
    with pytest.raises(IvfbenchError, match=f"00001N.png: .*{message}"):
        plan(tmp_path, "mfnet")


@pytest.mark.parametrize("line, message", [
    ('four_channel_row = "no"', "four_channel_row = 'no'; expected true or false"),
    ('split = ["official"]', r"split = \['official'\]; expected a text"),
    ('split = "oficial"', "did you mean official"), ('lr = "high"', "lr = 'high'; expected a number")])
def test_a_profiles_values_are_checked(tmp_path, line, message):
    write_mfnet(tmp_path)
    with pytest.raises(IvfbenchError, match=message):
        plan(tmp_path, "mfnet", line)

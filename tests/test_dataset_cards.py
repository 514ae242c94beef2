"""One data set = one file: what it may say, what is said of a broken one, and three sets added by files alone."""

from pathlib import Path

import numpy as np
import pytest
from label_trees import picture, voc
from PIL import Image

from downstream.detection import open_detection
from downstream.segmentation import open_segmentation
from fusion import dataset_cards
from fusion.dataset_cards import PairsError, add_datasets, datasets, find_dataset
from fusion.images import write_png
from fusion.pairs import open_pairs

GOOD = """title = "Mine"
task = "ivf"
published = "nowhere"
layouts = [{ir = "mine/ir", vi = "mine/vi"}]
"""
BOXES = """
[detection]
roots = ["mine"]
classes = ["cat", "dog"]
aliases = {dog = ["hound"]}
splits = [{lists = {train = "train.txt", test = "test.txt"}, val_share = 0.25}]
places = [{format = "voc", at = ["xml"], pictures = ["vi"]}]
"""


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(dataset_cards, "_more_folders", [])


def test_every_description_can_be_used():
    own = {path.stem for path in Path(dataset_cards.__file__).with_name("datasets").glob("*.toml")}
    assert {"tno", "llvip", "fmb", "flir_aligned"} < own <= set(datasets())


def test_which_sets_are_rendered_is_recorded():
    rendered = {name for name, card in datasets().items() if card.rendered}
    assert rendered == {"sample", "sample_m3fd", "sample_mfnet", "sample_mri_pet", "sample_train"}


@pytest.mark.parametrize("change, message", [
    (lambda t: t.replace("layouts", "layots"), r"mine\.toml: unknown key 'layots'; did you mean layouts"),
    (lambda t: t[:t.index("layouts")], r"mine\.toml: key 'layouts' is missing"),
    (lambda t: t.replace('{ir = "mine/ir", vi = "mine/vi"}', ""), "layouts is empty"),
    (lambda t: t.replace('vi = "mine/vi"', 'packed = "x"'), "a layout has ir and vi, or packed"),
    (lambda t: t.replace('"mine/ir"', '"/etc"'), "'/etc'; expected a path below the data root"),
    (lambda t: t.replace('"mine/ir"', '"../ir"'), "expected a path below the data root"),
    (lambda t: t.replace('"ivf"', '"ifv"'), r"task = 'ifv'; expected one of 'ivf', 'mif'; did you mean"),
    (lambda t: t.replace("=", ":", 1), "not readable as TOML"),
    (lambda t: t + "[pairs]\nsixteen_bit = \"maxmin\"\n", r"pairs: sixteen_bit = 'maxmin'; expected one of 'minmax'"),
    (lambda t: t + "[pairs]\nsixteen_bit = [5, 1]\n", "low below high"),
    (lambda t: t + BOXES.replace("voc", "vco"), r"format = 'vco'; expected one of 'voc'"),
    (lambda t: t + BOXES.replace('format = "voc"', 'format = "ids"'), r"ids is for \[segmentation\]"),
    (lambda t: t + BOXES.replace("hound", "cat"), "class name 'cat' stands for two things"),
    (lambda t: t + BOXES.replace("dog =", "dgo ="), "aliases of 'dgo', which is no class; did you mean dog"),
    (lambda t: t + BOXES.replace("train =", "trian ="), "part 'trian'; did you mean train"),
    (lambda t: t + BOXES.replace("val_share", "folds = 5, val_share"), "given by lists and folds; expected one of"),
    (lambda t: t + BOXES.replace("splits =", "# "), "key 'splits' is missing")])
def test_a_broken_description_is_one_line_for_whoever_asks_for_it(tmp_path, change, message):
    (tmp_path / "mine.toml").write_text(change(GOOD))
    (tmp_path / "fine.toml").write_text(GOOD)
    assert add_datasets(tmp_path) == ["fine", "mine"]
    with pytest.raises(PairsError, match=message) as caught:
        find_dataset("mine")
    assert "\n" not in str(caught.value) and str(tmp_path / "mine.toml") in str(caught.value)
    assert "fine" in datasets() and "mine" not in datasets()


def test_a_name_that_is_taken_stops_only_those_who_mean_it(tmp_path):
    (tmp_path / "tno.toml").write_text(GOOD)
    add_datasets(tmp_path)
    with pytest.raises(PairsError, match=r"tno\.toml: data set tno is described by .*datasets.tno\.toml too"):
        find_dataset("tno")
    assert find_dataset("roadscene").title == "RoadScene"
    with pytest.raises(PairsError, match="no such folder"):
        add_datasets(tmp_path / "nowhere")


def test_a_data_set_with_boxes_is_added_by_its_file_alone(tmp_path):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/mine.toml").write_text(GOOD + BOXES + "\n[pairs]\nsixteen_bit = [100, 2000]\n")
    add_datasets(tmp_path / "sets")
    names = [f"{number}" for number in range(10)]
    for name in names:
        for folder in ("ir", "vi"):
            picture(tmp_path / f"mine/{folder}/{name}.png")
        voc(tmp_path / f"mine/xml/{name}.xml", ("hound", 10, 20, 60, 70))
    (tmp_path / "mine/train.txt").write_text("\n".join(names[:8]))
    (tmp_path / "mine/test.txt").write_text("\n".join(names[8:]))
    card = find_dataset("mine")
    assert card.sixteen_bit == (100.0, 2000.0) and card.suites == ("ivf", "detection") and not card.rendered
    assert len(open_pairs("mine", tmp_path).pairs) == 10
    found = open_detection("mine", tmp_path)
    split = found.split()
    assert found.statistics.boxes == {"cat": 0, "dog": 10} and split.test == ("8", "9")
    assert (len(split.train), len(split.val)) == (6, 2) and "0.25 of train drawn for validation" in split.source


def test_llvip_from_its_official_layout(tmp_path):
    for part, numbers in (("train", range(10001, 10021)), ("test", range(19001, 19005))):
        for number in numbers:
            for folder in ("infrared", "visible"):
                picture(tmp_path / f"LLVIP/{folder}/{part}/{number}.jpg")
            voc(tmp_path / f"LLVIP/Annotations/{number}.xml", ("person", 10, 20, 60, 70))
    assert [len(open_pairs(name, tmp_path).pairs) for name in ("llvip", "llvip_train")] == [4, 20]
    found = open_detection("llvip", tmp_path)
    assert found.pair_sets == ("llvip", "llvip_train") and found.classes == ("person",)
    assert {part: len(ids) for part, ids in found.split().parts.items()} == {"train": 18, "val": 2, "test": 4}
    assert set(found.split().test) == {"19001", "19002", "19003", "19004"} and not found.problems


def test_flir_aligned_from_its_official_layout(tmp_path):
    top = tmp_path / "align"
    names = [f"FLIR_{number:05d}" for number in range(24)]
    for name in names:
        picture(top / f"JPEGImages/{name}_PreviewData.jpeg", value=20)
        picture(top / f"JPEGImages/{name}_RGB.jpg", value=200)
        voc(top / f"Annotations/{name}_PreviewData.xml", ("person", 10, 20, 60, 70), ("dog", 100, 20, 150, 70))
    (top / "align_train.txt").write_text("\n".join(f"{name}_PreviewData" for name in names[:20]))
    (top / "align_validation.txt").write_text("\n".join(names[20:]))
    pairs = open_pairs("flir_aligned", tmp_path)
    assert [pair.id for pair in pairs.pairs] == names and pairs.layout == "align/JPEGImages + align/JPEGImages"
    ir, vi = pairs.pairs[0].read8()
    assert ir.max() < 30 < 190 < vi.min()
    found = open_detection("flir_aligned", tmp_path)
    assert found.statistics.boxes == {"person": 24, "bicycle": 0, "car": 0}
    assert {p.kind for p in found.problems} == {"left_out"}  # dogs, by the release's own protocol
    assert found.split().test == tuple(names[20:]) and len(found.split().val) == 2


def test_fmb_from_its_official_layout(tmp_path):
    legend = find_dataset("fmb").segmentation
    for part, numbers in (("train", range(6)), ("test", range(6, 8))):
        for number in numbers:
            for folder, content in (("Infrared", np.zeros((12, 15), np.uint8)),
                                    ("Visible", np.zeros((12, 15, 3), np.uint8)),
                                    ("Label", np.full((12, 15), 14, np.uint8))):
                path = tmp_path / f"FMB/{part}/{folder}/{number:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_png(path, content)
    colour = Image.fromarray(np.full((12, 15), 3, np.uint8), mode="P")
    colour.putpalette([value for c in legend.colours for value in c])
    colour.save(tmp_path / "FMB/train/Label/00000.png")
    assert [len(open_pairs(name, tmp_path).pairs) for name in ("fmb", "fmb_train")] == [2, 6]
    found = open_segmentation("fmb", tmp_path)
    assert found.pair_sets == ("fmb", "fmb_train") and len(found.classes) == 15 and not found.teacher
    assert found.split().test == ("00006", "00007") and len(found.split().train) == 6
    assert found.check().with_class == {name: {"Building": 1, "Pole": 7}.get(name, 0) for name in found.classes}

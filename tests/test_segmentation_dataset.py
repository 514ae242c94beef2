"""Layouts, splits, manifests, and what is said when something in them is wrong."""

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError
from segmentation_scenes import SIZE, visible_pictures, write_mfnet

from core import records
from core.errors import IvfbenchError
from downstream.segmentation import Legend, SegmentationError, open_segmentation
from downstream.segmentation.run import run_segmentation
from downstream.segmentation.settings import SegmentationSettings
from fusion.dataset_cards import find_dataset
from fusion.images import ImageError

CLASSES = find_dataset("mfnet").segmentation.classes
LEGEND = Legend(CLASSES, find_dataset("mfnet").segmentation.colours)


def test_official_mfnet_layout(tmp_path):
    folder = write_mfnet(tmp_path)
    dataset = open_segmentation("mfnet", tmp_path)
    dataset.check()
    assert dataset.classes == CLASSES and len(dataset.classes) == 9
    split = dataset.split()
    assert (len(split.train), len(split.val), len(split.test)) == (6, 0, 2)
    assert dataset.pictures[split.test[0]] == folder / "images" / f"{split.test[0]}.png"
    assert not dataset.teacher and not dataset.note


@pytest.mark.parametrize("name", ["MFNet", "ir_seg_dataset"])
def test_other_folder_names_open_too(tmp_path, name):
    write_mfnet(tmp_path).rename(tmp_path / name)
    assert len(open_segmentation("mfnet", tmp_path).ids) == 8


def test_flip_entries_are_a_split_of_their_own_and_need_no_files(tmp_path):
    ids = [f"{i:05d}{'DN'[i % 2]}" for i in range(8)]
    write_mfnet(tmp_path, lists={"train": [*ids[:6], f"{ids[0]}_flip"], "val": [], "test": ids[6:]})
    dataset = open_segmentation("mfnet", tmp_path)
    assert dataset.split().train == tuple(ids[:6])
    assert dataset.split("official+flip").train == (*ids[:6], f"{ids[0]}_flip")
    assert dataset.split().manifest != dataset.split("official+flip").manifest
    assert f"{ids[0]}_flip" not in dataset.ids


def test_flip_entries_are_read_mirrored(tmp_path):
    from downstream.segmentation.batches import Item, read_item

    folder = write_mfnet(tmp_path)
    key = "00000D"
    source, label = visible_pictures(folder, tmp_path / "vi")[key], folder / "labels" / f"{key}.png"
    settings = SegmentationSettings(crop=(32, 32))
    picture, ids = read_item(Item(key, source, label, LEGEND), settings)
    mirrored = read_item(Item(f"{key}_flip", source, label, LEGEND, mirrored=True), settings)
    assert (mirrored[0] == picture[:, ::-1]).all() and (mirrored[1] == ids[:, ::-1]).all()
    assert (mirrored[1] != ids).any()


def test_the_manifest_follows_the_labels(tmp_path):
    folder = write_mfnet(tmp_path)
    before = open_segmentation("mfnet", tmp_path).manifest
    assert open_segmentation("mfnet", tmp_path).manifest == before
    path = folder / "labels" / "00003N.png"
    ids = np.array(Image.open(path))
    ids[0, 0] = 8
    Image.fromarray(ids).save(path)
    assert open_segmentation("mfnet", tmp_path).manifest != before


def test_official_msrs_layout(tmp_path):
    for role, keys in (("train", ("00002D", "00001D")), ("test", ("00003N",))):
        for name in ("Segmentation_labels", "vi"):
            (tmp_path / "msrs" / role / name).mkdir(parents=True)
            for key in keys:
                Image.fromarray(np.zeros((8, 10), np.uint8)).save(tmp_path / "msrs" / role / name / f"{key}.png")
    dataset = open_segmentation("msrs", tmp_path)
    assert dataset.split().train == ("00001D", "00002D") and dataset.split().test == ("00003N",)
    assert not dataset.teacher
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / "msrs/test/Segmentation_labels/00003N.png")
    with pytest.raises(SegmentationError, match=r"00003N.png: the label is 9x8 but .* is 10x8"):
        open_segmentation("msrs", tmp_path)


def test_teacher_labels_are_flagged(reference):
    dataset = open_segmentation("msrs", reference / "data")
    dataset.check()
    split = dataset.split()
    assert dataset.teacher and "not ground truth" in dataset.note and split.note == dataset.note
    assert (len(split.train), len(split.test)) == (90, 30)
    assert not set(split.train) & set(split.test)
    assert {key[-1] for key in split.test} == {"D", "N"}


def _broken(tmp_path, change):
    folder = write_mfnet(tmp_path)
    change(folder)
    dataset = open_segmentation("mfnet", tmp_path)
    dataset.check()


def _label(size=SIZE, value=0, mode="L"):
    return Image.fromarray(np.full(size, value, np.uint8)).convert(mode)


def _cut(path):
    """The header stays readable, the samples are cut off."""
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("change, error, message", [
    (lambda f: _label(value=9).save(f / "labels/00001N.png"), SegmentationError,
     r"00001N.png: unknown class id 9; .*0\.\.8"),
    (lambda f: _label((20, 24)).save(f / "labels/00001N.png"), SegmentationError,
     r"labels.00001N.png: the label is 24x20 but .*images.00001N.png is 48x40"),
    (lambda f: _label(mode="RGB").save(f / "labels/00001N.png"), SegmentationError,
     r"00001N.png: sample format RGB; .*id maps"),
    (lambda f: _label(mode="RGB").save(f / "images/00001N.png"), ImageError,
     r"images.00001N.png: 3 channel\(s\); MFNet's pictures have 4 .*official release"),
    (lambda f: (f / "labels/00001N.png").unlink(), SegmentationError,
     r"labels.00001N.png: no such file, but .*train.txt names 00001N"),
    (lambda f: (f / "images/00006D.png").unlink(), SegmentationError,
     r"images.00006D.png: no such file, but .*test.txt names 00006D"),
    (lambda f: (f / "labels/00001N.png").write_bytes(b"\x89PNG damaged"), ImageError,
     r"labels.00001N.png: cannot be decoded .*copy it again"),
    (lambda f: _cut(f / "labels/00001N.png"), ImageError, r"labels.00001N.png: cannot be decoded .*copy it again"),
    (lambda f: (f / "test.txt").unlink(), SegmentationError, r"test.txt: no such list"),
    (lambda f: (f / "train.txt").write_text("\n"), SegmentationError, r"train.txt: the list is empty"),
    (lambda f: (f / "test.txt").write_text("00000D\n"), SegmentationError, r"00000D .* train and in the test list"),
])
def test_errors_name_the_file_and_the_remedy(tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        _broken(tmp_path, change)


def test_damaged_labels_are_said_so_with_ultralytics_loaded_too(tmp_path, monkeypatch):
    """ultralytics replaces Pillow's open by one that imports a HEIF plugin when it meets an unknown file."""
    pillows = Image.open

    def looks_for_a_plugin(file, *args, **kwargs):
        try:
            return pillows(file, *args, **kwargs)
        except UnidentifiedImageError:
            raise ModuleNotFoundError("No module named 'pi_heif'") from None

    monkeypatch.setattr(Image, "open", looks_for_a_plugin)
    with pytest.raises(ImageError, match=r"labels.00001N.png: cannot be decoded \(No module named 'pi_heif'\)"):
        _broken(tmp_path, lambda f: (f / "labels/00001N.png").write_bytes(b"no picture"))
    with pytest.raises(ImageError, match=r"images.00000D.png: cannot be decoded"):
        _broken(tmp_path / "2", lambda f: (f / "images/00000D.png").write_bytes(b"no picture"))


def test_unknown_names_and_missing_folders(tmp_path):
    with pytest.raises(SegmentationError, match="did you mean mfnet"):
        open_segmentation("mfnett", tmp_path)
    with pytest.raises(SegmentationError, match=r"labels of mfnet not found; expected mfnet/labels/.*Published at"):
        open_segmentation("mfnet", tmp_path)
    write_mfnet(tmp_path)
    with pytest.raises(IvfbenchError, match="unknown split 'oficial'; did you mean official"):
        open_segmentation("mfnet", tmp_path).split("oficial")


def test_pictures_are_checked_before_training(tmp_path):
    dataset_folder = write_mfnet(tmp_path)
    dataset = open_segmentation("mfnet", tmp_path)
    pictures = visible_pictures(dataset_folder, tmp_path / "vi")
    settings = SegmentationSettings(batch=2, crop=(32, 32))
    where = {"seed": 0, "device": "cpu", "out": tmp_path / "out"}
    lacking = {key: path for key, path in pictures.items() if key != "00006D"}
    with pytest.raises(SegmentationError, match="no picture for 00006D"):
        run_segmentation(lacking, dataset, None, settings, **where)
    Image.fromarray(np.zeros((41, 48), np.uint8)).save(pictures["00001N"])
    with pytest.raises(SegmentationError, match=r"labels.00001N.png: the label is 48x40 but its picture is 48x41"):
        run_segmentation(pictures, dataset, None, settings, **where)
    with pytest.raises(SegmentationError, match="6 training pictures for batches of 8"):
        run_segmentation(pictures, dataset, None, SegmentationSettings(batch=8), **where)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"depth": 34}, {"output_stride": 4}, {"batch": 1}, {"crop": (16, 64)},
                                   {"absent": "0"}, {"schedule": "step"}, {"pretrained": "/nowhere/r50.pth"},
                                   {"min_lr": 1.0}, {"model": "unet"}, {"scale": (2, 1)}, {"flip": 2}, {"epochs": "60"},
                                   {"epochs": 2.5}, {"crop": 32}, {"crop": ["a", 64]}, {"scale": [1.0]}, {"lr": True},
                                   {"lr": float("nan")}, {"colour": "no"}, {"pretrained": 3}, {"depth": [18]}])
def test_settings_are_checked_when_read(wrong):
    (name,) = wrong
    with pytest.raises(SegmentationError, match=rf"^my\.toml.* {name}(\[0\])? = .*; expected "):
        records.read(SegmentationSettings, wrong, "my.toml, [segmentation]", SegmentationError)


def test_settings_from_a_profile_table():
    def read(table):
        return records.read(SegmentationSettings, table, "my.toml, [segmentation]", SegmentationError)

    settings = read({"depth": 101, "crop": [96, 128]})
    assert settings.crop == (96, 128) and "ResNet-101-d8, from scratch" in settings.title
    with pytest.raises(SegmentationError, match=r"my\.toml, \[segmentation\]: unknown key 'lr0'; did you mean lr"):
        read({"lr0": 0.1})
    with pytest.raises(SegmentationError, match="unknown key 'four_channel'"):  # a row's, not all rows'
        read({"four_channel": True})

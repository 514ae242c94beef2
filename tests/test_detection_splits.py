"""Splits are files with hashes, draws are the same everywhere, leaks are counted."""

import json

import pytest

from downstream.detection.data.leakage import leakage, scene_split
from downstream.detection.data.policy import Box
from downstream.manifests import read_manifest, read_scenes, write_manifest
from downstream.splits import PARTS, Split, SplitError, kfold, random_split, read_list
from fusion.dataset_cards import DATASETS, find_dataset

MANIFESTS = DATASETS / "manifests"
SCENES = read_scenes(MANIFESTS / "m3fd-scenes.txt")

M3FD = {name: read_manifest(MANIFESTS / f"m3fd-{name}.txt") for name in ("paper", "public", "scene")}
IDS = [f"{i:05d}" for i in range(4200)]


@pytest.mark.parametrize("name", M3FD)
def test_manifests_divide_all_4200(name):
    split = M3FD[name]
    assert sorted(split.train + split.val + split.test) == IDS


def test_paper_split_is_8_1_1_and_can_be_drawn_again():
    paper = M3FD["paper"]
    assert [len(getattr(paper, part)) for part in PARTS] == [3360, 420, 420]
    assert random_split(reversed(IDS), seed=0).sha256 == paper.sha256
    assert random_split(IDS, seed=1).sha256 != paper.sha256
    assert "unpublished" in paper.source


def test_public_split_is_the_published_one(reference):
    for part in PARTS:
        table = json.loads((reference / f"data/m3fd/annotations_coco/m3fd-{part}.json").read_text())
        assert set(getattr(M3FD["public"], part)) == {picture["id"] for picture in table["images"]}


def test_scenes_are_not_shared_by_the_scene_split_but_are_by_the_others():
    scenes = SCENES
    assert sorted(scenes) == IDS
    shared = {name: {scenes[key] for key in split.train} & {scenes[key] for key in split.test}
              for name, split in M3FD.items()}
    assert not shared["scene"] and len(shared["paper"]) > 20 and len(shared["public"]) > 20
    sizes = [len(getattr(M3FD["scene"], part)) / 4200 for part in PARTS]
    assert sizes == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_leakage_of_the_m3fd_splits():
    found = {name: {leak.part: leak for leak in leakage(split, scene_of=SCENES)} for name, split in M3FD.items()}
    assert found["scene"]["test"].by_number == found["scene"]["val"].by_number == 0
    for name in ("paper", "public"):
        assert found[name]["test"].by_number > 0.9 * found[name]["test"].pictures


def test_leakage_by_hand():
    split = Split("s", ("00010D", "00020D", "00030N"), ("00013D",), ("00011D", "00031D", "00022D"))
    val, test = leakage(split)
    assert (val.by_number, test.by_number) == (0, 2)  # 11 beside 10, 22 beside 20; 31 is by day, 30 by night
    assert test.alike is None
    boxes = {"00010D": (Box(0, 0.5, 0.5, 0.4, 0.4),), "00011D": (Box(0, 0.5, 0.5, 0.4, 0.3),),
             "00022D": (Box(0, 0.2, 0.2, 0.1, 0.1),), "00020D": (Box(1, 0.2, 0.2, 0.1, 0.1),)}
    _, test = leakage(split, boxes=boxes)
    assert test.alike == 1  # 0.75 covered; 22 and 20 differ in class
    assert "2 of 3 within 2 frames" in str(test)


def test_manifest_round_trip_and_tampering(tmp_path):
    path = tmp_path / "s.txt"
    split = random_split([f"{i:05d}" for i in range(0, 400, 3)], seed=5)
    write_manifest(path, split)
    assert read_manifest(path).sha256 == split.sha256
    text = path.read_text().splitlines()
    text[3] = text[3].replace("t", "e", 1)
    path.write_text("\n".join(text))
    with pytest.raises(SplitError, match="restore"):
        read_manifest(path)


def test_folds_test_everything_once_and_never_train_on_it():
    folds = [kfold(IDS[:23], k=4, fold=i) for i in range(4)]
    assert sorted(key for fold in folds for key in fold.test) == IDS[:23]
    for fold in folds:
        assert sorted(fold.train + fold.val + fold.test) == IDS[:23]
    with pytest.raises(SplitError):
        kfold(IDS[:2], k=4, fold=0)


def test_scene_split_keeps_scenes_whole_and_parts_balanced():
    scenes = {key: f"s{int(key) // 10}" for key in IDS[:400]}
    weights = {key: (1.0, float(int(key) % 3)) for key in scenes}
    split = scene_split(scenes, weights, tries=64)
    assert not {scenes[k] for k in split.train} & ({scenes[k] for k in split.val} | {scenes[k] for k in split.test})
    assert [len(getattr(split, part)) for part in PARTS] == pytest.approx([320, 40, 40], abs=12)
    assert split.sha256 == scene_split(scenes, weights, tries=64).sha256


def test_restricting_says_so():
    small = M3FD["public"].restrict(IDS[:10])
    assert len(small.train + small.val + small.test) == 10 and "10 of the split's 4200" in small.note
    assert M3FD["public"].restrict(IDS) is M3FD["public"]


def test_a_picture_in_two_parts_or_twice_is_refused():
    with pytest.raises(SplitError, match="picture b is in the train and in the test list"):
        Split("s", ("a", "b"), ("c",), ("b",))
    with pytest.raises(SplitError, match="picture b is in the train and in the test list"):
        Split("s", ("a", "b_flip"), ("c",), ("b",))  # mirrored, it is the same picture
    with pytest.raises(SplitError, match="picture a is listed twice in train"):
        Split("s", ("a", "a"), ("c",), ("b",))


@pytest.mark.parametrize("text", ["a\nb\n", "\ufeffa\r\nb\r\n", "a.png\nb.PNG", "./images/a.jpg\nC:\\data\\b.tif\n\n"])
def test_lists_are_read_however_tools_write_them(tmp_path, text):
    (tmp_path / "train.txt").write_text(text, encoding="utf-8", newline="")
    assert read_list(tmp_path / "train.txt", find_dataset("mfnet")) == ("a", "b")


@pytest.mark.parametrize("text, message", [
    ("a\nb\na\n", r"train\.txt:3: a is listed before, in line 1"), ("a\nb\nb.png\n", "b is listed before, in line 2"),
    ("a\n..\n", r"train\.txt:2: '\.\.' is no picture's name"), ("\n \n", "the list is empty")])
def test_lists_that_cannot_be_meant_are_refused(tmp_path, text, message):
    (tmp_path / "train.txt").write_text(text)
    with pytest.raises(SplitError, match=message):
        read_list(tmp_path / "train.txt", find_dataset("mfnet"))

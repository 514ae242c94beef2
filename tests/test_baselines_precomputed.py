"""A folder of fused pictures as a method: how names are matched, and what is said about what does not fit."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from suite_scenes import run_cli, write_pairs

from baselines.precomputed import brought_card, open_precomputed
from fusion import images
from fusion.method import MethodError, load_method, methods
from metrics import evaluate

IDS = ["01", "02", "10"]
SIZES = [(20, 30), (21, 31), (40, 24)]


def fill(folder, names, sizes=SIZES, colour=False):
    folder.mkdir(exist_ok=True)
    for at, (name, size) in enumerate(zip(names, sizes)):
        shape = (*size, 3) if colour else size
        pixels = np.random.default_rng(at).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def opened(folder, ids=IDS, sizes=SIZES):
    return open_precomputed("mine", folder, ids, sizes)


def message(folder, **arguments) -> str:
    with pytest.raises(MethodError) as caught:
        opened(folder, **arguments)
    assert str(folder) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("names", [["01.png", "02.png", "10.png"], ["01.bmp", "02.PNG", "10.tif"],
                                   ["fused_01.png", "fused_02.png", "fused_10.png"],
                                   ["01-ours.png", "02-ours.png", "10-ours.png"],
                                   ["tno_01_v1.png", "tno_02_v1.png", "tno_10_v1.png"]])
def test_names_are_matched(tmp_path, names):
    folder = fill(tmp_path / "mine", names)
    method = opened(folder)
    for pair, name, size in zip(IDS, names, SIZES):
        assert method.files[pair].name == name
        assert method.read(pair).shape == size and method.read(pair).dtype == np.uint8
        np.testing.assert_array_equal(method.read(pair), np.asarray(Image.open(folder / name)))


def test_an_affix_is_noted(tmp_path):
    assert "fused_<pair id>" in opened(fill(tmp_path / "m", [f"fused_{i}.png" for i in IDS])).note
    assert opened(fill(tmp_path / "n", [f"{i}.png" for i in IDS])).note == ""


def test_colour_stays_and_grey_stored_as_rgb_becomes_grey(tmp_path):
    assert opened(fill(tmp_path / "m", [f"{i}.png" for i in IDS], colour=True)).read("01").shape == (20, 30, 3)
    grey = np.repeat(np.full((20, 30, 1), 7, np.uint8), 3, axis=2)
    Image.fromarray(grey).save(tmp_path / "m" / "01.png")
    assert opened(tmp_path / "m").read("01").shape == (20, 30)


def test_surplus_pictures_are_noted_not_refused(tmp_path):
    folder = fill(tmp_path / "m", [*(f"{i}.png" for i in IDS), "37.png", "38.png"], [*SIZES, (9, 9), (9, 9)])
    (folder / "readme.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"")
    assert "2 pictures belong to no pair" in opened(folder).note and "37.png" in opened(folder).note


def test_everything_wrong_is_said_at_once(tmp_path):
    folder = fill(tmp_path / "m", ["01.png", "02.png"], [(20, 30), (30, 20)])
    (folder / "surplus.png").write_bytes(b"")
    text = message(folder, ids=[*IDS, "11"], sizes=[*SIZES, (9, 9)])
    assert "2 of 4 pairs without a picture: 10.*, 11.*" in text
    assert "02.png 20x30 instead of 31x21" in text
    assert "surplus.png" in text


def test_damaged_pictures_are_named(tmp_path):
    folder = fill(tmp_path / "m", [f"{i}.png" for i in IDS])
    whole = (folder / "02.png").read_bytes()
    (folder / "02.png").write_bytes(whole[:len(whole) // 2])
    (folder / "10.png").write_text("not a picture")
    text = message(folder)
    assert "02.png" in text and "10.png" in text and "2 that cannot be used" in text


def test_two_pictures_for_one_pair(tmp_path):
    folder = fill(tmp_path / "m", [f"{i}.png" for i in IDS])
    fill(folder, ["02.jpg"], [(21, 31)])
    assert "02.jpg and 02.png" in message(folder)


def test_names_that_fit_in_two_ways(tmp_path):
    folder = fill(tmp_path / "m", [f"{kind}_{i}.png" for kind in ("a", "b") for i in IDS], SIZES * 2)
    text = message(folder)
    assert "more than one way" in text and "a_01" in text and "b_01" in text


def test_missing_and_empty_folders(tmp_path):
    assert "no such folder" in message(tmp_path / "gone")
    (tmp_path / "empty" / "sub").mkdir(parents=True)
    assert "subfolders are not searched" in message(tmp_path / "empty")


def test_the_manifest_follows_the_contents(tmp_path):
    folder = fill(tmp_path / "m", [f"{i}.png" for i in IDS])
    before = opened(folder).manifest
    assert opened(folder).manifest == before
    Image.fromarray(np.zeros(SIZES[1], np.uint8)).save(folder / "02.png")
    assert opened(folder).manifest != before


def test_a_known_method_keeps_its_title_and_its_place_in_table_iv(tmp_path):
    card = brought_card("nsst_papcnn", tmp_path)
    assert card.title == "NSST-PAPCNN" and card.kind == "precomputed" and card.trained_on_medical
    tardal = brought_card("tardal", tmp_path)
    assert tardal.weights == () and tardal.differs == {} and tardal.task == ("ivf", "mif")
    assert brought_card("mine", tmp_path).title == "mine"


@pytest.mark.parametrize(("name", "task"), [
    ("csmca", ("mif",)), ("nsst_papcnn", ("mif",)), ("msgfusion", ("mif",)), ("emfusion", ("mif",)),
    ("metafusion", ("ivf",)), ("segmif", ("ivf",)), ("ddfm", ("ivf", "mif")), ("emma", ("ivf", "mif")),
    ("tcmoa", ("ivf",)), ("textif", ("ivf",))])
def test_methods_that_exist_as_pictures_only(name, task):
    """Asking for one says where it is published and what to bring instead."""
    card = methods()[name]
    assert card.task == task and card.kind == "precomputed"
    with pytest.raises(MethodError, match=f"--methods {name}=FOLDER") as caught:
        load_method(name)
    assert f"https://github.com/{card.repository.partition('@')[0]}" in str(caught.value)


def test_asking_for_pictures_only_on_the_command_line_names_the_address(tmp_path):
    root = write_pairs(tmp_path / "data")
    done = run_cli("--suite", "ivf", "--profile", "paper", "--data", root, "--datasets", "tno", "--methods", "segmif",
                   "--out", tmp_path / "out")
    assert done.returncode != 0 and "https://github.com/JinyuanLiu-CV/SegMiF" in done.stderr
    assert "drive.google.com" in done.stderr and "--methods segmif=FOLDER" in done.stderr


@pytest.mark.long
def test_a_run_over_brought_pictures_says_how_they_were_matched(tmp_path):
    """--methods mine=FOLDER: scored like any method; prefix and surplus pictures are told below the table."""
    root = write_pairs(tmp_path / "data")
    folder = fill(tmp_path / "brought", [f"fused_{i}.png" for i in ("a", "b", "c", "d")], [(48, 64)] * 4)
    done = run_cli("--suite", "ivf", "--profile", "paper", "--data", root, "--datasets", "tno", "--methods",
                   f"mine={folder},csmca={folder}", "--jobs", "1", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out" / "rows.csv")
    picture = images.read(folder / "fused_b.png")
    expected = evaluate(picture, *(images.read(root / "tno" / kind / "b.png") for kind in ("ir", "vi")))
    found = rows.query("method == 'mine' and item == 'b'").set_index("metric")["value"]
    assert found["SSIM"] == pytest.approx(expected["SSIM"]) and found["MI"] == pytest.approx(expected["MI"])
    text = (tmp_path / "out" / "tables" / "table1.md").read_text()
    assert "CSMCA" in text and "pair id" in text and "1 pictures belong to no pair" in text

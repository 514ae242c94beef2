"""Whole sets as users bring them: what is said beside the numbers, what is noticed anew (docs/pictures.md)."""

import io
import os

import cv2
import numpy as np
import pytest
from picture_scenes import COLOUR, SCENE, SIZE, place
from PIL import Image
from suite_scenes import run_cli

from baselines.precomputed import open_precomputed
from downstream.segmentation import SegmentationError, open_segmentation
from fusion import images
from fusion.pairs import PairsError, open_pairs


def packed(root, thermals):
    folder = root / "MFNet"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    names = [f"{at:05d}D" for at in range(len(thermals))]
    for name, thermal in zip(names, thermals):
        images.write_png(folder / "images" / f"{name}.png", np.dstack([COLOUR, thermal]))
        images.write_png(folder / "labels" / f"{name}.png", np.zeros(SIZE, np.uint8))
    for part, listed in (("train", names[:-2]), ("val", names[-2:-1]), ("test", names[-1:])):
        (folder / f"{part}.txt").write_text("\n".join(listed))
    return root


@pytest.mark.parametrize("value", [255, 0, 37])
def test_a_constant_fourth_channel_is_refused(tmp_path, value):
    packed(tmp_path, [np.full(SIZE, value, np.uint8)] * 3)
    with pytest.raises(PairsError, match="fourth channel, which should be thermal, is constant in 3 of 3"):
        open_pairs("mfnet", tmp_path)
    with pytest.raises(SegmentationError, match="fourth channel, which should be thermal, is constant in 3 of 3"):
        open_segmentation("mfnet", tmp_path).check()


def test_some_constant_fourth_channels_are_noted(tmp_path):
    packed(tmp_path, [SCENE, np.full(SIZE, 255, np.uint8), SCENE])
    assert "1 of 3 (00001D): the fourth channel" in open_pairs("mfnet", tmp_path).note
    open_segmentation("mfnet", tmp_path).check()


def coloured_by(name):
    return np.ascontiguousarray(cv2.applyColorMap(SCENE, getattr(cv2, f"COLORMAP_{name}"))[..., ::-1])


@pytest.mark.parametrize("coloured", [COLOUR, *map(coloured_by, ("JET", "INFERNO", "HOT", "BONE"))])
@pytest.mark.parametrize("other, words", [(SCENE, "folders are swapped"), (COLOUR, "is not temperature"),
                                          (np.stack([SCENE] * 3, -1), "folders are swapped")])
def test_infrared_in_colour_is_noted(tmp_path, coloured, other, words):
    place(tmp_path, coloured, other)
    found = open_pairs("tno", tmp_path)
    assert len(found.findings) == 1 and found.findings[0].startswith("3 of 3 (a, b, c): ")
    assert words in found.note and "3 pairs; the paper uses 25" in found.note


def test_single_swapped_pairs_are_named(tmp_path):
    place(tmp_path, SCENE, COLOUR)
    place(tmp_path, COLOUR, SCENE, names=("b",))
    assert open_pairs("tno", tmp_path).findings == (
        "1 of 3 (b): the pictures in tno/ir/ are in colour and those in tno/vi/ are grey; perhaps the folders are "
        "swapped, or the infrared is in false colours",)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_grey_that_went_through_jpeg_is_no_colour(tmp_path, quality):
    noisy = np.random.default_rng(0).integers(0, 256, (96, 128), dtype=np.uint8)
    grey = np.stack([noisy] * 3, -1)
    off = np.clip(grey.astype(int) + np.array([0, 3, -3]), 0, 255).astype(np.uint8)  # a camera's slight tint
    for at, picture in enumerate((grey, off)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
        place(tmp_path / str(at), lambda path, b=buffer: path.write_bytes(b.getvalue()),
              np.dstack([noisy, noisy, 255 - noisy]))
        assert open_pairs("tno", tmp_path / str(at)).findings == ()


@pytest.mark.parametrize("flat", [np.zeros(SIZE, np.uint8), np.full(SIZE, 200, np.uint8), SCENE // 150])
def test_constant_pictures_are_noted(tmp_path, flat):
    place(tmp_path, SCENE)
    assert open_pairs("tno", tmp_path).findings == ()
    Image.fromarray(flat).save(tmp_path / "tno/ir/b.png")
    Image.fromarray(flat).save(tmp_path / "tno/vi/c.png")
    assert open_pairs("tno", tmp_path).findings == (
        "1 of 3 (b): the infrared picture in tno/ir/ is constant or nearly so",
        "1 of 3 (c): the visible picture in tno/vi/ is constant or nearly so")


@pytest.mark.parametrize("fused, values", [
    (SCENE * 0, "0..0"), (SCENE // 128, "0..1"), (np.full(SIZE, 255, np.uint8), "255..255"),
    (COLOUR // 200, "0..1")])
def test_fused_pictures_that_show_nothing_are_noted(tmp_path, fused, values):
    for name in "abc":
        Image.fromarray(fused).save(tmp_path / f"{name}.png")
    note = open_precomputed("mine", tmp_path, list("abc"), [SIZE] * 3).note
    assert f"3 of 3 (a.png, b.png, c.png) fused pictures are constant or nearly so (values {values}" in note
    Image.fromarray(SCENE).save(tmp_path / "b.png")
    assert "2 of 3 (a.png, c.png)" in open_precomputed("mine", tmp_path, list("abc"), [SIZE] * 3).note


def test_real_sets_have_no_findings(reference):
    for name in ("tno", "roadscene", "mri_pet", "mri_ct", "mri_spect", "m3fd", "mfnet", "msrs"):
        assert open_pairs(name, reference / "data").findings == (), name


# stale results

def exchange(folder, way):
    """1.bmp and 2.bmp change names, or contents, or one is written over; size and time stay what they were."""
    one, two = folder / "1.bmp", folder / "2.bmp"
    stats = {path: path.stat() for path in (one, two)}
    a, b = one.read_bytes(), two.read_bytes()
    if way == "names":
        one.rename(folder / "t")
        two.rename(one)
        (folder / "t").rename(two)
    elif way == "contents":
        one.write_bytes(b)
        two.write_bytes(a)
    elif way == "one byte":
        one.write_bytes(a[:-1] + bytes([a[-1] ^ 1]))
    elif way == "a new file under the name":
        (folder / "t").write_bytes(b)
        (folder / "t").replace(one)
    for path, stat in stats.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("way", ["names", "contents", "one byte", "a new file under the name"])
def test_pictures_exchanged_under_equal_size_and_time_are_read_again(tmp_path, way):
    for folder in (tmp_path / "tno/ir", tmp_path / "tno/vi"):
        folder.mkdir(parents=True)
        for name, picture in (("1", SCENE), ("2", SCENE[::-1].copy())):
            Image.fromarray(picture).save(folder / f"{name}.bmp")
            os.utime(folder / f"{name}.bmp", ns=(10**18, 10**18))
    known = {}
    before = open_pairs("tno", tmp_path, known_files=known).manifest
    assert open_pairs("tno", tmp_path, known_files=known).manifest == before
    exchange(tmp_path / "tno/ir", way)
    after = open_pairs("tno", tmp_path, known_files=known).manifest
    assert after != before and after == open_pairs("tno", tmp_path).manifest


@pytest.mark.long
def test_notes_stand_on_the_screen_and_below_the_table(tmp_path):
    """Swapped folders and fused pictures of nothing but 0 and 1, brought from a folder with a comma in its name."""
    large = np.kron(SCENE, np.ones((4, 4), np.uint8))
    place(tmp_path / "data", np.stack([large, large[::-1], 255 - large], -1), large, names=("a", "b"))
    folder = tmp_path / "lr=1,bs=2"
    folder.mkdir()
    for name in "ab":
        Image.fromarray(large // 128).save(folder / f"{name}.png")
    done = run_cli("--suite", "ivf", "--profile", "paper", "--data", tmp_path / "data", "--datasets", "tno",
                   "--methods", f"mine={folder}", "--jobs", "1", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "out/tables/table1.md").read_text()
    for text in (table, " ".join(done.stderr.split())):
        assert "2 of 2 (a, b): the pictures in tno/ir/ are in colour" in text
        assert "2 of 2 (a.png, b.png) fused pictures are constant or nearly so (values 0..1 of 0..255)" in text


@pytest.mark.long
def test_a_set_of_16_bits_is_scored_shown_and_verified(tmp_path):
    deep = np.kron(SCENE, np.ones((4, 4), np.uint8)).astype(np.uint16) * 60 + 7000
    place(tmp_path / "data", lambda path: Image.fromarray(deep).save(path),
          np.kron(COLOUR, np.ones((4, 4, 1), np.uint8)), names=("a", "b"))
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "deep.toml").write_text('title = "Deep"\ntask = "ivf"\npublished = "here"\n'
                                      'layouts = [{ir = "tno/ir", vi = "tno/vi"}]\n[pairs]\nsixteen_bit = "minmax"\n')
    done = run_cli("--suite", "ivf", "--profile", "paper", "--data", tmp_path / "data", "--datasets", "deep",
                   "--methods", "average", "--jobs", "1", "--plugins", plugin, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "2 of 4 pictures have 16 bits: each picture's least" in (tmp_path / "out/tables/table1.md").read_text()
    shown = images.read(tmp_path / "out/sources/deep/ir/a.png")
    assert (shown.min(), shown.max()) == (0, 255) and (tmp_path / "out/figures/panel_deep.png").is_file()
    again = run_cli("verify", tmp_path / "out")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "pictures fused again" in again.stdout

"""Kinds of broken masks that users bring: read by what the file says, or refused; never other classes."""

import numpy as np
import pytest
from PIL import Image
from segmentation_scenes import SIZE, scene, write_mfnet

from downstream.segmentation import Legend, SegmentationError, open_segmentation, read_label
from downstream.segmentation.labels import pixel_counts
from fusion import images
from fusion.dataset_cards import find_dataset

CARD = find_dataset("mfnet").segmentation
LEGEND = Legend(CARD.classes, CARD.colours)
IDS = np.arange(9, dtype=np.uint8).repeat(6).reshape(6, 9)
GREYS = [[i, i, i] for i in range(256)]
VOC_COLOURS = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128],
               [128, 128, 128], [64, 0, 0]]


def palette_png(path, indices, colours):
    image = Image.fromarray(np.asarray(indices, np.uint8), mode="P")
    image.putpalette([value for colour in colours for value in colour])
    image.save(path)
    return path


def shuffled(colours, seed=1):
    """(indices that show IDS, palette in another order)."""
    order = np.random.default_rng(seed).permutation(len(colours))
    return np.argsort(order)[IDS], [colours[i] for i in order]


@pytest.mark.parametrize("indices, colours", [
    (IDS, GREYS), shuffled(GREYS[:9]), shuffled(GREYS[:9], 2), shuffled(GREYS),  # what PNG optimisers make
    (IDS, LEGEND.colours), shuffled(LEGEND.colours), (IDS, [*LEGEND.colours, *GREYS[9:]])])
def test_known_palettes_are_read_by_colour(tmp_path, indices, colours):
    path = palette_png(tmp_path / "a.png", indices, colours)
    assert (read_label(path, LEGEND) == IDS).all()


@pytest.mark.parametrize("indices, colours, message", [
    (IDS, VOC_COLOURS, r"holds the colour \(128, 0, 0\), which is neither a grey nor one of the classes' colours"),
    (IDS % 2 * 3, VOC_COLOURS, r"the colour \(128, 0, 0\)"),  # shown: black and (128, 128, 0), MFNet's class 5, VOC's 3
    (IDS, [[i * 28] * 3 for i in range(9)], "unknown class id 28, 56, 84"),  # a ramp for viewing
    (IDS, [*LEGEND.colours[:8], [8, 8, 8]], r"mixes class colours with the grey \(8, 8, 8\)"),
    (IDS, GREYS[:5], "palette index 8, but the palette has 5 colours")])
def test_other_palettes_are_refused(tmp_path, indices, colours, message):
    path = palette_png(tmp_path / "a.png", indices, colours)
    with pytest.raises(SegmentationError, match=rf"a\.png: .*{message}"):
        read_label(path, LEGEND)


def test_without_colours_of_its_own_a_data_set_has_grey_palettes_only(tmp_path):
    legend = Legend(CARD.classes)
    assert (read_label(palette_png(tmp_path / "a.png", *shuffled(GREYS[:9])), legend) == IDS).all()
    with pytest.raises(SegmentationError, match="no grey, and the data set has no colours of its own"):
        read_label(palette_png(tmp_path / "b.png", IDS, LEGEND.colours), legend)


@pytest.mark.parametrize("kind, options, message", [
    ("JPEG", {"quality": 100}, "its content is JPEG; .*without loss"), ("WEBP", {}, "its content is WEBP"),
    ("GIF", {}, "its content is GIF"), ("TIFF", {"compression": "jpeg"}, "its content is TIFF")])
def test_what_may_have_lost_something_is_refused(tmp_path, kind, options, message):
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "a.png", format=kind, **options)
    with pytest.raises(SegmentationError, match=rf"a\.png: {message}"):
        read_label(tmp_path / "a.png", LEGEND)


def test_without_a_legend_the_palettes_of_all_data_sets_are_known(tmp_path):
    assert (read_label(palette_png(tmp_path / "a.png", *shuffled(LEGEND.colours))) == IDS).all()
    assert (read_label(palette_png(tmp_path / "b.png", *shuffled(GREYS[:9]))) == IDS).all()
    with pytest.raises(SegmentationError, match=r"the colour \(128, 0, 0\)"):
        read_label(palette_png(tmp_path / "c.png", IDS, VOC_COLOURS))


def test_bitmaps_lose_nothing(tmp_path):
    Image.fromarray(IDS).save(tmp_path / "a.png", format="BMP")
    assert (read_label(tmp_path / "a.png", LEGEND) == IDS).all()


@pytest.mark.parametrize("mode", ["RGB", "LA", "1", "I;16", "RGBA"])
def test_other_sample_formats_are_refused(tmp_path, mode):
    Image.fromarray(np.zeros((8, 8), np.uint8)).convert(mode).save(tmp_path / "a.png")
    with pytest.raises(SegmentationError, match=f"sample format {mode}"):
        read_label(tmp_path / "a.png", LEGEND)


def test_turned_maps_and_several_frames_are_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(IDS).save(tmp_path / "a.png", exif=exif)
    with pytest.raises(images.ImageError, match="EXIF Orientation 3"):
        read_label(tmp_path / "a.png", LEGEND)
    Image.fromarray(IDS).save(tmp_path / "b.png", save_all=True, append_images=[Image.fromarray(IDS[::-1])])
    with pytest.raises(SegmentationError, match="2 frames"):
        read_label(tmp_path / "b.png", LEGEND)


@pytest.mark.parametrize("name, lines, message", [
    ("train", ["00000D", "00001N", "00000D"], r"train\.txt:3: 00000D is listed before, in line 1"),
    ("test", ["00006D", "00006D.png"], r"test\.txt:2: 00006D is listed before, in line 1"),
    ("train", ["00000D", "00000D_flip", "00000D_flip"], r"train\.txt:3: 00000D_flip is listed before")])
def test_lists_with_repeats_are_refused(tmp_path, name, lines, message):
    folder = write_mfnet(tmp_path)
    (folder / f"{name}.txt").write_text("\n".join(lines))
    with pytest.raises(SegmentationError, match=message):
        open_segmentation("mfnet", tmp_path)


def test_names_on_lists_may_have_suffix_and_marks(tmp_path):
    folder = write_mfnet(tmp_path)
    before = open_segmentation("mfnet", tmp_path)
    for name in ("train", "test"):
        path = folder / f"{name}.txt"
        lines = "".join(f"{line}.png\r\n" for line in path.read_text().split())
        path.write_text(lines, encoding="utf-8-sig", newline="")
    after = open_segmentation("mfnet", tmp_path)
    assert after.manifest == before.manifest and after.split() == before.split()


def test_suffixes_count_in_any_case_and_shadow_files_not_at_all(tmp_path):
    folder = write_mfnet(tmp_path)
    before = open_segmentation("mfnet", tmp_path)
    for path in [*folder.glob("labels/*"), *folder.glob("images/*")]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7")
        path.rename(path.with_suffix(".PNG"))
    after = open_segmentation("mfnet", tmp_path)
    assert after.manifest == before.manifest and all(path.suffix == ".PNG" for path in after.labels.values())
    assert sum(after.check().pixels.values()) == 8 * SIZE[0] * SIZE[1]


def test_listed_names_that_match_nothing_are_shown(tmp_path):
    folder = write_mfnet(tmp_path)
    for path in folder.glob("labels/*"):
        path.rename(path.with_stem(path.stem.lstrip("0") + "_label"))
    with pytest.raises(SegmentationError, match=r"labels.00000D\.png: no such file, but .*train\.txt names 00000D; "
                       r"8 of 8 listed names have none \(00000D, 00001N, 00002D\), there are 1N_label"):
        open_segmentation("mfnet", tmp_path)


def test_two_files_for_one_label_are_refused(tmp_path):
    folder = write_mfnet(tmp_path)
    path = folder / "labels/00001N.png"
    path.with_suffix(".PNG").write_bytes(path.read_bytes())
    with pytest.raises(SegmentationError, match=r"00001N\.png: .*00001N\.PNG has the same name"):
        open_segmentation("mfnet", tmp_path)


def test_pixels_are_counted_and_remembered(tmp_path):
    write_mfnet(tmp_path)
    dataset, known = open_segmentation("mfnet", tmp_path), {}
    counted = dataset.check(known)
    by_hand = np.zeros(9, int)
    for number in range(8):
        by_hand += np.bincount(scene(np.random.default_rng(number), SIZE)[1].ravel(), minlength=9)
    assert list(counted.pixels.values()) == by_hand.tolist() and counted.with_class["Person"] == 8
    assert len(known) == 8 and dataset.check(known) == counted
    assert str(counted).startswith("8 label maps; pixels: Unlabel")
    assert pixel_counts(IDS, LEGEND) == [6] * 9

"""Picture files as users bring them: what is refused and what is mapped on request. The policy: docs/pictures.md."""

import cv2
import numpy as np
import pytest
from picture_scenes import COLOUR, DEEP, SCENE, SIZE, place
from PIL import Image, PngImagePlugin

from baselines.precomputed import open_precomputed
from fusion import images
from fusion.dataset_cards import add_datasets
from fusion.method import MethodError
from fusion.pairs import open_pairs


def tiff(path, array, **options):
    Image.fromarray(array).save(path, format="TIFF", **options)


def opencv(path, array):
    """OpenCV writes 16-bit colour, which Pillow cannot."""
    assert cv2.imwrite(str(path), array)


# 16 bits

DEEP_FILES = {
    "grey png": ("a.png", lambda path: Image.fromarray(DEEP).save(path)),
    "rgb png": ("a.png", lambda path: opencv(path, np.stack([DEEP] * 3, -1))),
    "rgba png": ("a.png", lambda path: opencv(path, np.stack([DEEP, DEEP, DEEP, np.full_like(DEEP, 65535)], -1))),
    "grey tiff": ("a.tif", lambda path: tiff(path, DEEP)),
    "big-endian tiff": ("a.tif", lambda path: Image.fromarray(DEEP.astype(">u2")).save(path)),
    "rgb tiff": ("a.tif", lambda path: opencv(path, np.stack([DEEP] * 3, -1))),
    "tiff named png": ("a.png", lambda path: tiff(path, DEEP)),
}


@pytest.mark.parametrize("name, write", DEEP_FILES.values(), ids=DEEP_FILES)
def test_16_bits_are_refused_with_their_number(tmp_path, name, write):
    write(tmp_path / name)
    with pytest.raises(images.DepthError, match=rf"{name}: .*found 16\. Convert the picture to 8 bit"):
        images.read(tmp_path / name)


@pytest.mark.parametrize("rule", ["minmax", "percentile", (7000, 7000 + 60 * 255), (8000, 9000)])
@pytest.mark.parametrize("name, write", DEEP_FILES.values(), ids=DEEP_FILES)
def test_16_bits_by_a_declared_rule(tmp_path, name, write, rule):
    write(tmp_path / name)
    # of 864 values: the first that at least 1 % (8.64) and 99 % (855.4) do not exceed
    low, high = {"minmax": (DEEP.min(), DEEP.max()), "percentile": np.sort(DEEP, axis=None)[[8, 855]]}.get(rule, rule)
    expected = np.interp(DEEP, (low, high), (0, 255))  # interp clips outside
    found = images.grey8(images.read(tmp_path / name, rule))
    assert found.dtype == np.uint8 and np.abs(found - expected).max() <= 0.5 + 1e-9


def test_colour_of_16_bits_keeps_its_channels(tmp_path):
    deep = COLOUR.astype(np.uint16) * 257
    opencv(tmp_path / "a.png", deep[..., ::-1])  # OpenCV's order is BGR
    np.testing.assert_array_equal(images.read(tmp_path / "a.png", (0, 65535)), COLOUR)


@pytest.mark.parametrize("array", [SCENE.astype(np.float32) / 255, SCENE.astype(np.int32)], ids=["float", "int32"])
def test_other_depths_have_no_rule(tmp_path, array):
    tiff(tmp_path / "a.tif", array)
    for rule in (None, "minmax"):
        with pytest.raises(images.DepthError, match=r"a\.tif: .*found 32"):
            images.read(tmp_path / "a.tif", rule)


def test_white_stored_as_zero_has_no_rule(tmp_path):
    """Pillow does not turn such samples round: hot would be cold."""
    tiff(tmp_path / "a.tif", DEEP, tiffinfo={262: 0})
    with pytest.raises(images.DepthError):
        images.read(tmp_path / "a.tif", "minmax")


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """A function: sixteen_bit as TOML -> the data set `deep`, opened."""
    monkeypatch.setattr("fusion.dataset_cards._more_folders", [])
    (tmp_path / "cards").mkdir()
    add_datasets(tmp_path / "cards")
    place(tmp_path, DEEP_FILES["rgb png"][1])
    Image.fromarray(SCENE).save(tmp_path / "tno/ir/c.png")  # one of 8 bits among them

    def declare(rule: str, known=None):
        (tmp_path / "cards" / "deep.toml").write_text(
            'title = "Deep"\ntask = "ivf"\npublished = "here"\nlayouts = [{ir = "tno/ir", vi = "tno/vi"}]\n' +
            (f"[pairs]\nsixteen_bit = {rule}\n" if rule else ""))
        return open_pairs("deep", tmp_path, known_files=known)

    return declare


def test_the_rule_is_part_of_manifest_and_note(declared):
    with pytest.raises(images.DepthError, match=r"found 16.*\[pairs\] sixteen_bit = \"minmax\""):
        declared("")
    known = {}
    sets = {rule: declared(rule, known) for rule in ('"minmax"', '"percentile"', "[7000, 22300]", "[7000, 22301]")}
    assert len({found.manifest for found in sets.values()}) == 4
    for rule, words in (('"minmax"', "least and largest value"), ('"percentile"', "1th and 99th percentile"),
                        ("[7000, 22300]", "7000..22300 become 0..255")):
        assert sets[rule].note.startswith("2 of 6 pictures have 16 bits: ") and words in sets[rule].note
        assert declared(rule, known).manifest == sets[rule].manifest
    ir, _ = sets["[7000, 22300]"].pairs[0].read8()
    np.testing.assert_array_equal(ir, SCENE)  # 60 a level from 7000 up
    np.testing.assert_array_equal(sets["[7000, 22300]"].pairs[2].read8()[0], SCENE)  # the file of 8 bits


def test_pages_get_files_as_they_were_read(declared, tmp_path):
    deep, _, plain = declared('"minmax"').pairs
    shown = deep.files8(tmp_path / "shown")
    assert all(path.is_relative_to(tmp_path / "shown") for path in shown)
    for path, picture in zip(shown, deep.read8()):
        np.testing.assert_array_equal(np.asarray(Image.open(path)), picture)
    assert plain.files8(tmp_path / "shown") == (plain.ir, plain.vi)


# orientation

def turned_jpeg(path, value):
    exif = Image.Exif()
    exif[images.ORIENTATION] = value
    Image.fromarray(COLOUR).save(path, exif=exif, quality=95)


def turned_png(path, value):
    exif = Image.Exif()
    exif[images.ORIENTATION] = value
    Image.fromarray(COLOUR).save(path, exif=exif)


def turned_png_behind_pixels(path, value):
    """The tag in a chunk behind the pixels, where PNG allows it too."""
    turned_png(path, value)
    content = path.read_bytes()
    at = content.index(b"eXIf") - 4
    length = int.from_bytes(content[at:at + 4]) + 12
    chunk, rest = content[at:at + length], content[:at] + content[at + length:]
    end = rest.index(b"IEND") - 4
    path.write_bytes(rest[:end] + chunk + rest[end:])


def turned_tiff(path, value):
    tiff(path, COLOUR, tiffinfo={images.ORIENTATION: value})


def turned_by_xmp(path, value):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", f'<rdf:Description tiff:Orientation="{value}"/>')
    Image.fromarray(COLOUR).save(path, pnginfo=info)


TURNED = {"a.jpg": turned_jpeg, "b.png": turned_png, "c.png": turned_png_behind_pixels, "d.tif": turned_tiff,
          "e.png": turned_by_xmp}


@pytest.mark.parametrize("value", [2, 3, 6, 8])
@pytest.mark.parametrize("name", TURNED)
def test_turned_pictures_are_refused_by_tag(tmp_path, name, value):
    path = tmp_path / name
    TURNED[name](path, value)
    with pytest.raises(images.ImageError, match=rf"{name}: EXIF Orientation {value}:"):
        images.read(path)
    if name != "c.png":  # a size comes from the header alone
        with pytest.raises(images.ImageError, match=f"EXIF Orientation {value}"):
            images.size(path)


@pytest.mark.parametrize("name", TURNED)
def test_upright_pictures_with_the_tag_are_read(tmp_path, name):
    path = tmp_path / name
    TURNED[name](path, 1)
    assert images.read(path).shape == COLOUR.shape and images.size(path) == SIZE


@pytest.mark.parametrize("value", [0, 9, 77])
def test_values_that_viewers_ignore_are_ignored(tmp_path, value):
    turned_png(tmp_path / "a.png", value)
    np.testing.assert_array_equal(images.read(tmp_path / "a.png"), COLOUR)


def test_damaged_tags_are_ignored(tmp_path):
    for at, content in enumerate((b"II*\0\xff\xff\xff\xff", b"nothing", b"MM\0*\0\0\0\x08\xff\xff")):
        path = tmp_path / f"{at}.jpg"
        Image.fromarray(COLOUR).save(path, exif=b"Exif\0\0" + content)
        assert images.read(path).shape == COLOUR.shape


def test_turned_fused_pictures_and_pairs_are_refused(tmp_path):
    for value in (3, 6):
        place(tmp_path, SCENE, lambda path, value=value: turned_png(path, value))
        with pytest.raises(images.ImageError, match=rf"vi/a\.png: EXIF Orientation {value}"):
            open_pairs("tno", tmp_path)
    with pytest.raises(MethodError, match="EXIF Orientation 6"):
        open_precomputed("mine", tmp_path / "tno/vi", ["a", "b"], [SIZE] * 2)


# several pictures, alpha

def test_several_pictures_in_a_file_are_refused(tmp_path):
    frames = [Image.fromarray(SCENE + step) for step in range(3)]
    for name, options in (("a.tif", {}), ("a.png", {}), ("a.gif", {}), ("a.webp", {"lossless": True})):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        with pytest.raises(images.ImageError, match=rf"{name}: holds 3 pictures; expected one"):
            images.read(tmp_path / name)
    frames[0].save(tmp_path / "b.jpg", format="MPO", save_all=True, append_images=frames[1:])
    with pytest.raises(images.ImageError, match="holds 3 pictures"):
        images.read(tmp_path / "b.jpg")


def with_alpha(kind, alpha):
    mask = Image.fromarray(alpha)
    picture = Image.fromarray(SCENE if kind == "LA" else COLOUR)
    picture.putalpha(mask)
    return picture


@pytest.mark.parametrize("kind", ["LA", "RGBA"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_refused_unless_opaque(tmp_path, kind, suffix):
    path = tmp_path / f"a.{suffix}"
    with_alpha(kind, np.full(SIZE, 255, np.uint8)).save(path)
    np.testing.assert_array_equal(images.read(path), SCENE if kind == "LA" else COLOUR)
    hole = np.full(SIZE, 255, np.uint8)
    hole[3, 4] = 254
    with_alpha(kind, hole).save(path)
    with pytest.raises(images.ImageError, match=rf"a\.{suffix}: {len(kind)} channels, alpha down to 254"):
        images.read(path)


def test_transparent_colours_of_palettes_and_greys_are_alpha(tmp_path):
    Image.fromarray(SCENE).save(tmp_path / "grey.png", transparency=int(SCENE[5, 5]))
    Image.fromarray(COLOUR).save(tmp_path / "rgb.png", transparency=tuple(map(int, COLOUR[5, 5])))
    Image.fromarray(COLOUR).quantize(16).save(tmp_path / "palette.png", transparency=3)
    for name in ("grey.png", "rgb.png", "palette.png"):
        with pytest.raises(images.ImageError, match=rf"{name}: \d channels, alpha down to 0"):
            images.read(tmp_path / name)
    Image.fromarray(SCENE).save(tmp_path / "unused.png", transparency=255)  # no pixel has it
    np.testing.assert_array_equal(images.read(tmp_path / "unused.png"), SCENE)


def test_palette_pictures_are_shown_as_they_are_read(tmp_path):
    palette = Image.fromarray(COLOUR).quantize(16)
    place(tmp_path, SCENE, palette.save)
    pair = open_pairs("tno", tmp_path).pairs[0]
    np.testing.assert_array_equal(pair.read8()[1], np.asarray(palette.convert("RGB")))
    np.testing.assert_array_equal(np.asarray(Image.open(pair.files8(tmp_path / "shown")[1])), pair.read8()[1])

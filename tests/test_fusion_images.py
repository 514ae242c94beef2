from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fusion import images


def _save(path, array):
    Image.fromarray(array).save(path)
    return path


def test_grey8_is_bt601_rounded_half_up():
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]], np.uint8)
    # .299*255 = 76.245, .587*255 = 149.685, .114*255 = 29.07, 2.99 + 11.74 + 3.42 = 18.15
    assert images.grey8(rgb).tolist() == [[76, 150, 29, 18]]


def test_ycbcr_round_trip_and_zero_chroma_of_grey():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
    back = images.merge_ycbcr(*images.split_ycbcr(images.to_unit(rgb)))
    # the factors have three digits: .564 * 1.773 and .713 * 1.403 miss 1 by 3e-5 and 3.4e-4
    assert np.abs(back - images.to_unit(rgb)).max() < 4e-4
    assert (images.to_8bit(back) == rgb).all()
    _, cb, cr = images.split_ycbcr(np.full((2, 2, 3), 0.3, np.float32))
    assert np.abs(cb).max() < 1e-7 and np.abs(cr).max() < 1e-7


def test_recolour_changes_luma_only():
    rng = np.random.default_rng(1)
    rgb, y = rng.random((5, 6, 3)).astype(np.float32), rng.random((5, 6)).astype(np.float32)
    out = images.recolour(y, rgb)
    assert np.abs(images.luma(out) - y).max() < 4e-4  # see the round trip above
    for got, want in zip(images.split_ycbcr(out)[1:], images.split_ycbcr(rgb)[1:]):
        assert np.abs(got - want).max() < 4e-4


def test_colour_factors_are_opencvs():
    rng = np.random.default_rng(2)
    rgb, y = rng.random((50, 60, 3)).astype(np.float32), rng.random((50, 60)).astype(np.float32)
    opencv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    opencv[..., 0] = y
    # OpenCV's own factors carry a few more digits in places
    assert np.abs(images.recolour(y, rgb) - cv2.cvtColor(opencv, cv2.COLOR_YCrCb2RGB)).max() < 2e-4


def test_to_8bit_rounds_and_clips_and_rejects_nan():
    values = np.array([[-1.0, 0.0, 0.5 / 255, 0.49 / 255, 1.0, 2.0]])
    assert images.to_8bit(values).tolist() == [[0, 0, 1, 0, 255, 255]]
    with pytest.raises(images.ImageError, match="nan"):
        images.to_8bit(np.array([[np.nan]]))


def test_every_8bit_level_survives_the_unit_range():
    levels = np.arange(256, dtype=np.uint8)[None]
    assert (images.to_8bit(images.to_unit(levels)) == levels).all()


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_png_round_trip(tmp_path, shape):
    array = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    images.write_png(tmp_path / "a.png", array)
    assert (images.read(tmp_path / "a.png") == array).all()
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_16_bit_is_an_error(tmp_path):
    path = _save(tmp_path / "deep.png", np.full((4, 4), 40000, np.uint16))
    with pytest.raises(images.ImageError, match=r"deep\.png.*8 bit"):
        images.read(path)


def test_4_channels_are_an_error_but_for_rgbt(tmp_path):
    array = np.random.default_rng(3).integers(0, 256, (4, 5, 4), dtype=np.uint8)
    path = _save(tmp_path / "four.png", array)
    with pytest.raises(images.ImageError, match=r"four\.png: 4 channels"):
        images.read(path)
    ir, vi = images.read_rgbt(path)
    assert (ir == array[..., 3]).all() and (vi == array[..., :3]).all()
    with pytest.raises(images.ImageError, match=r"three\.png: 3 channel"):
        images.read_rgbt(_save(tmp_path / "three.png", array[..., :3]))


def test_truncated_and_alien_files_are_errors(tmp_path):
    path = _save(tmp_path / "cut.png", np.random.default_rng(4).integers(0, 256, (64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(images.ImageError, match=r"cut\.png: cannot be decoded"):
        images.read(path)
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(images.ImageError, match=r"text\.png: cannot be decoded"):
        images.read(tmp_path / "text.png")
    with pytest.raises(images.ImageError, match=r"gone\.png: no such file"):
        images.read(tmp_path / "gone.png")


def test_a_huge_header_is_refused_before_decoding(tmp_path):
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(images.ImageError, match=r"bomb\.png"):
        images.read(path)


def test_grey_stored_as_rgb_is_read_as_grey(tmp_path):
    grey = np.random.default_rng(5).integers(0, 256, (4, 5), dtype=np.uint8)
    assert images.grey_if_equal(np.stack([grey] * 3, -1)).ndim == 2
    colour = np.stack([grey, grey, 255 - grey], -1)
    assert images.grey_if_equal(colour).ndim == 3


def test_8_bit_ycbcr_is_opencvs():
    rgb = np.random.default_rng(4).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    found = np.stack(images.split_ycbcr8(rgb), -1)
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 5e-3  # near ties: OpenCV's arithmetic is in fixed point


def test_through_jpeg_loses_little_and_more_at_lower_quality():
    smooth = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
    for picture in (smooth, np.stack([smooth, smooth[::-1], smooth], -1)):
        before = picture.copy()
        low, high = (np.abs(images.through_jpeg(picture, quality).astype(int) - picture).mean() for quality in (20, 95))
        assert high < low < 8
        np.testing.assert_array_equal(picture, before)
        assert images.through_jpeg(picture, 95).shape == picture.shape


def test_pictures_are_opened_here_and_by_the_reports_reader_alone():
    """Other ways of opening would each have to know what a damaged file can raise. (Reports may not import fusion.)"""
    top = Path(images.__file__).parents[1]
    rooms = ("baselines", "downstream", "fusion", "metrics", "reports", "results", "suite")
    files = [path for room in rooms for path in (top / room).rglob("*.py")]
    opening = {str(path.relative_to(top)) for path in files if "Image.open(" in path.read_text(encoding="utf-8")}
    assert opening == {"fusion/images.py", "reports/pictures.py"}

"""What the recipes around the PyTorch networks do: padding, stretching, batches, protocols."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from filled_weights import fill

from baselines import network
from baselines._windows import from_windows, shifted_mask, to_windows
from baselines.swinfusion import mirror
from fusion import images
from fusion.method import find


@pytest.fixture
def build(monkeypatch):
    """A method with filled weights."""
    monkeypatch.setattr(network, "require_weights", lambda *_: [])

    def make(name: str, protocol: str = "released"):
        method = find(name)(protocol=protocol)
        fill(method.network)
        return method

    return make


def pictures(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.random(size, dtype=np.float32), rng.random((*size, 3), dtype=np.float32)) for size in sizes]


def test_min_max_stretches_and_survives_flat_pictures():
    image = torch.tensor([[0.25, 0.5], [0.75, 0.3]])
    stretched = network.min_max(image)
    assert stretched.min() == 0 and stretched.max() == 1
    assert torch.equal(network.min_max(torch.full((3, 3), 0.7)), torch.zeros(3, 3))


@pytest.mark.parametrize(("size", "padded"), [((32, 40), (40, 48)), ((33, 47), (40, 48)), ((39, 41), (40, 48))])
def test_swinfusion_always_adds_mirrored_rows_and_columns(size, padded):
    image = torch.rand(1, 1, *size)
    out = mirror(image)
    assert out.shape[-2:] == padded
    assert torch.equal(out[..., :size[0], :size[1]], image)
    assert torch.equal(out[0, 0, size[0]], out[0, 0, size[0] - 1])  # the edge itself is repeated


def test_swinfusion_windows():
    x = torch.rand(2, 24, 40, 3)
    windows = to_windows(x)
    assert torch.equal(from_windows(windows, 24, 40), x)
    assert torch.equal(windows[6].reshape(8, 8, 3), x[0, 8:16, 8:16])  # five windows in a row
    mask = shifted_mask(24, 40, x.device)
    assert mask.shape == (15, 1, 64, 64)
    blocked = (mask < 0).flatten(1).any(1).reshape(3, 5)
    assert blocked[-1].all() and blocked[:, -1].all() and not blocked[:-1, :-1].any()


def test_cddfuse_reads_rounded_grey_and_writes_stretched_grey(build):
    """The authors' pictures are grey; with chroma put back RoadScene's row is off (docs/reproduction.md)."""
    (ir, vi), = pictures((40, 48))
    fused = build("cddfuse").fuse(ir, vi)
    assert fused.shape == ir.shape and fused.min() == 0 and fused.max() == 1
    grey = images.to_unit(images.grey8(images.to_8bit(vi)))
    np.testing.assert_array_equal(fused, build("cddfuse").fuse_luma(images.to_unit(images.to_8bit(ir)), grey))


def test_official_reads_rounded_grey_and_writes_grey(build):
    (ir, vi), = pictures((40, 48))
    method = build("didfuse", "official")
    grey = images.to_unit(images.grey8(images.to_8bit(vi)))
    rounded = images.to_unit(images.to_8bit(ir))
    np.testing.assert_array_equal(method.fuse(ir, vi), method.fuse_luma(rounded, grey))


def test_tardal_batch_is_resized_to_the_canvas_and_back(build):
    pairs = pictures((32, 40), (40, 36), (48, 64))
    method = build("tardal")
    fused = method.fuse_batch(pairs, (48, 64))
    assert method.batch_size == 8 and [f.shape for f in fused] == [vi.shape for _, vi in pairs]

    def canvas(arrays):
        return torch.cat([F.interpolate(torch.from_numpy(a)[None, None], (48, 64), mode="bilinear") for a in arrays])

    with torch.inference_mode():
        out = method.network(canvas([ir for ir, _ in pairs]), canvas([images.luma(vi) for _, vi in pairs]))
        back = F.interpolate(out[:1], (32, 40), mode="bilinear")[0, 0].numpy()
    np.testing.assert_allclose(fused[0], images.recolour(back, pairs[0][1]), atol=1e-6)


def test_tardal_batches_matter_in_the_released_recipe_only(build):
    pairs = pictures((32, 40), (32, 40))
    alone, together = build("tardal").fuse(*pairs[0]), build("tardal").fuse_batch(pairs, (32, 40))[0]
    assert np.abs(alone - together).max() > 1e-4
    np.testing.assert_array_equal(build("tardal").fuse_batch(pairs[:1], (32, 40))[0], alone)
    official = build("tardal", "official")
    assert official.batch_size == 1
    np.testing.assert_array_equal(official.fuse_batch(pairs, (99, 99))[0], official.fuse(*pairs[0]))


def test_reconet_needs_no_saturation_inside(build):
    """The tanh output keeps its negative values; writing saturates."""
    (ir, vi), = pictures((40, 48))
    luma = build("reconet").fuse_luma(ir, images.luma(vi))
    assert luma.min() < 0 and images.to_8bit(luma).min() == 0


def test_reconet_in_colour_is_stretched_with_its_chroma_half_a_level_off(build):
    """Table I's RoadScene row: 8-bit YCrCb, centre at 127.5, min-max over the three colours."""
    (ir, vi), = pictures((40, 48))
    method, colours = build("reconet"), images.to_8bit(vi).astype(np.float64)
    y = np.floor(colours @ images.LUMA + 0.5)
    cr, cb = (np.floor((colours[..., at] - y) * factor + 128.5) - 127.5 for at, factor in ((0, 0.713), (2, 0.564)))
    luma = method.fuse_luma(ir, (y / 255).astype(np.float32)) * 255.0
    expected = np.stack([luma + 1.403 * cr, luma - 0.714 * cr - 0.344 * cb, luma + 1.773 * cb], -1)
    expected = (expected - expected.min()) / np.ptp(expected)
    np.testing.assert_allclose(method.fuse(ir, vi), expected, atol=1e-5)
    grey = np.repeat(vi[..., :1], 3, axis=2)
    np.testing.assert_array_equal(method.fuse(ir, grey), method.fuse_luma(ir, vi[..., 0]))


@pytest.mark.parametrize(("name", "quality"), [("reconet", 75), ("tardal", 95), ("didfuse", 0)])
def test_jpeg_where_the_visible_picture_is_one(build, name, quality):
    method, fused = build(name), pictures((40, 48))[0][1]
    plain = images.to_8bit(fused)
    expected = images.through_jpeg(plain, quality) if quality else plain
    np.testing.assert_array_equal(method.written(fused, Path("a.JPG")), expected)
    np.testing.assert_array_equal(method.written(fused, Path("a.png")), plain)
    np.testing.assert_array_equal(build(name, "official").written(fused, Path("a.jpg")), plain)


def test_ship_depends_on_the_size(build):
    """Its first product is a circular convolution over the whole picture."""
    (ir, vi), = pictures((48, 64))
    method, y = build("ship"), images.luma(vi)
    inner = method.fuse_luma(ir[:40], y[:40])[:16, :16]
    assert np.abs(inner - method.fuse_luma(ir, y)[:16, :16]).max() > 1e-3

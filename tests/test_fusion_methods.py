"""Sources and classic methods against their definitions."""

import numpy as np
import pytest

from fusion import images, load_method
from fusion.methods import laplacian

SIZES = [(32, 32), (33, 47), (61, 32), (128, 160)]


def pair(height, width, colour=True, seed=0):
    rng = np.random.default_rng(seed)
    vi = rng.random((height, width, 3) if colour else (height, width), dtype=np.float32)
    return rng.random((height, width), dtype=np.float32), vi


def test_sources_return_their_picture_untouched():
    ir, vi = pair(40, 50)
    np.testing.assert_array_equal(load_method("visible").fuse(ir, vi), vi)
    np.testing.assert_array_equal(load_method("infrared").fuse(ir, vi), ir)


def test_source_output_is_not_the_callers_array():
    ir, vi = pair(40, 50)
    for name in ("visible", "infrared"):
        load_method(name).fuse(ir, vi)[:] = 0
    assert ir.max() > 0 and vi.max() > 0


def test_average_is_the_mean_luma_with_the_visible_chroma():
    ir, vi = pair(40, 50)
    fused = load_method("average").fuse(ir, vi)
    np.testing.assert_allclose(images.luma(fused), (ir + images.luma(vi)) / 2, atol=4e-4)
    for before, after in zip(images.split_ycbcr(vi)[1:], images.split_ycbcr(fused)[1:]):
        np.testing.assert_allclose(after, before, atol=4e-4)


@pytest.mark.parametrize("size", SIZES)
def test_pyramid_reconstructs_any_size(size):
    image, _ = pair(*size)
    bands = laplacian.build(image)
    assert len(bands) > 1 and min(bands[-1].shape) >= laplacian.SMALLEST
    np.testing.assert_allclose(laplacian.collapse(bands), image, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["average", "laplacian"])
@pytest.mark.parametrize("colour", [True, False])
def test_classic_methods_keep_shape_and_equal_inputs(name, size, colour):
    ir, vi = pair(*size, colour=colour)
    method = load_method(name)
    fused = method.fuse(ir, vi)
    assert fused.shape == vi.shape and fused.dtype == np.float32
    y = images.luma(vi)
    np.testing.assert_allclose(images.luma(method.fuse(y, vi)), y, atol=4e-4)


def test_laplacian_takes_the_edge_from_whichever_source_has_it():
    ir, vi = np.zeros((64, 64), np.float32), np.zeros((64, 64), np.float32)
    ir[:, 20:] = 1  # an edge in the infrared only
    vi[40:] = 1  # another in the visible only
    fused = load_method("laplacian").fuse(ir, vi)
    mean = load_method("average").fuse(ir, vi)

    def step(image, axis, where):
        line = image[8] if axis else image[:, 8]
        return float(line[where] - line[where - 1])

    assert step(fused, 1, 20) > 1.5 * step(mean, 1, 20)
    assert step(fused, 0, 40) > 1.5 * step(mean, 0, 40)

"""How many pictures go through a device at once; its memory is made up here, a GPU's is not at hand."""

import numpy as np
import pytest
import torch

from fusion import device
from fusion.device import MIB, MOST, SHARE, Batches, memory_of, to_device, to_host
from fusion.method import MethodError, find

CANVAS = (10, 20)


class Shelf:
    """Memory of `size` bytes, of which a pixel takes `a_pixel`; work that wants more ends as on a GPU."""

    def __init__(self, size: int, a_pixel: int = 100):
        self.size, self.a_pixel, self.wanted, self.given_back = size, a_pixel, 0, 0

    def free(self) -> int:
        return self.size

    def taken_by(self, work) -> int:
        self.wanted = 0
        work()
        return self.wanted

    def give_back(self) -> None:
        self.given_back += 1

    def want(self, pixels: int) -> None:
        self.wanted = pixels * self.a_pixel
        if self.wanted > self.size:
            raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def method(monkeypatch):
    """`average`, several at once, asking `method.shelf` for its pictures' memory."""
    made = find("average")()
    made.several, made.groups = True, []

    def fuse_several(pairs):
        made.groups.append(len(pairs))
        made.shelf.want(sum(ir.size for ir, _ in pairs))
        return [made.fuse(ir, vi) for ir, vi in pairs]

    monkeypatch.setattr(made, "fuse_several", fuse_several)
    return made


def pictures(count: int, size=(10, 20)):
    rng = np.random.default_rng(count)
    return [tuple(rng.random((2, *size), dtype=np.float32)) for _ in range(count)]


def same(fused, method, pairs):
    assert len(fused) == len(pairs)
    for picture, (ir, vi) in zip(fused, pairs, strict=True):
        np.testing.assert_array_equal(picture, method.fuse(ir, vi))


def test_the_first_goes_alone_and_says_how_many_of_any_size_follow(method):
    method.shelf = Shelf(200 * 100 * 10)
    batches = Batches(method, method.shelf, CANVAS)
    assert batches.count(10, 20) == 1
    same(batches.fuse(pictures(1)), method, pictures(1))
    assert batches.count(10, 20) == int(10 * SHARE) and batches.count(20, 20) == int(5 * SHARE)
    assert batches.count(100, 200) == 1  # what does not fit by the estimate is tried alone
    assert batches.count(1, 1) == MOST
    same(batches.fuse(pictures(7)), method, pictures(7))
    assert method.groups == [1, 7] and batches.most_at_once == 7


def test_where_memory_ends_half_as_many_are_tried_and_no_more_later(method):
    method.shelf = Shelf(200 * 100 * 10)
    batches = Batches(method, method.shelf, CANVAS)
    batches.fuse(pictures(1))
    method.shelf.size = 200 * 100 * 2  # somebody else came
    same(batches.fuse(pictures(7)), method, pictures(7))
    assert method.groups == [1, 7, 3, 1, 2, 4, 2, 2] and method.shelf.given_back == 3
    method.shelf.size = 10**9
    assert batches.count(10, 20) == 2


def test_a_pair_that_does_not_fit_is_named(method):
    method.shelf = Shelf(3 * MIB, a_pixel=10**6)
    with pytest.raises(MethodError, match=r"average: .* a pair of 20x10 \(3 MiB are free\): .*--device cpu"):
        Batches(method, method.shelf, CANVAS).fuse(pictures(1))


def test_one_by_one_on_a_cpu_and_where_pictures_depend_on_one_another(method):
    assert memory_of("cpu") is None
    for batches in (Batches(method, memory_of("cpu"), CANVAS), Batches(find("laplacian")(), Shelf(10**9), CANVAS)):
        assert batches.count(10, 20) == 1
        batches.fuse(pictures(1))
        assert batches.count(10, 20) == 1 and batches.most_at_once == 1
    assert not method.groups


def test_one_by_one_is_the_method_s_own_batch_on_the_set_s_canvas(method, monkeypatch):
    asked = []
    monkeypatch.setattr(method, "fuse_batch", lambda pairs, canvas: asked.append((len(pairs), canvas)) or [])
    Batches(method, None, (7, 9)).fuse(pictures(1))
    assert asked == [(1, (7, 9))]


def test_pictures_there_and_back():
    rng = np.random.default_rng(0)
    images = [np.asfortranarray(rng.random((5, 7), dtype=np.float32)), rng.random((5, 14))[:, ::2]]
    there = to_device(images, "cpu")
    assert there.shape == (2, 1, 5, 7) and there.dtype == torch.float32 and there.is_contiguous()
    for image, back in zip(images, to_host(there)[:, 0], strict=True):
        np.testing.assert_array_equal(back, image.astype(np.float32))
    with pytest.raises(RuntimeError):  # pictures of one size only
        to_device([images[0], images[1][:4]], "cpu")


def test_host_memory_is_pinned_for_a_gpu_alone(monkeypatch):
    asked, empty = [], torch.empty
    monkeypatch.setattr(device.torch, "empty", lambda *shape, **how: asked.append(how) or empty(*shape))
    for where in ("cpu", "cuda", "cuda:1"):
        assert device.host_memory((2, 3), where).shape == (2, 3)
    assert asked == [{}, {"pin_memory": True}, {"pin_memory": True}]

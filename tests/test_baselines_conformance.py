"""Every registered method keeps the contract of fusion.method: a new method is tested here by existing.

Networks run with parameters that are made up here (their numbers are tested elsewhere), so no weights are needed.
"""

import random
import re
from unittest.mock import patch

import numpy as np
import pytest
import torch
from kernel_scenes import needs_kernels

from baselines import network
from fusion import images
from fusion.method import FLOAT32, PROTOCOLS, Method, MethodError, find, load_method, methods

CARDS = methods()
RUNNABLE = [name for name, card in CARDS.items() if card.kind != "precomputed"]
CASES = [((32, 32), False), ((33, 47), False), ((50, 33), True)]  # size, colour visible


def construct(name: str) -> Method:
    """A method as its constructor leaves it; a network keeps its initial parameters."""
    cls = find(name)
    if not hasattr(cls, "architecture"):
        return load_method(name)
    with patch.object(network, "require_weights", lambda *_: []):
        return cls(weights=None)


@pytest.fixture(scope="module", params=RUNNABLE)
def method(request) -> Method:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(7)
        method = construct(request.param)
        for parameter in (method.network or torch.nn.Module()).parameters():
            if parameter.ndim > 1 and not parameter.any():  # TensorFlow's layers are constructed empty
                parameter.uniform_(-1, 1).mul_((3 / parameter[0].numel()) ** 0.5)
    return method


@pytest.fixture(scope="module")
def small(method) -> np.ndarray:
    """The method's picture of pair((32, 32), True)."""
    return method.fuse(*pair((32, 32), True))


def pair(size, colour: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random(size, dtype=np.float32), rng.random((*size, 3) if colour else size, dtype=np.float32)


@pytest.mark.parametrize(("size", "colour"), CASES, ids=str)
def test_contract(method, size, colour):
    ir, vi = pair(size, colour)
    before = ir.copy(), vi.copy()
    fused = method.fuse(ir, vi)
    assert isinstance(fused, np.ndarray) and fused.dtype == np.float32
    assert fused.shape in (size, (*size, 3))
    assert images.to_8bit(fused).shape == fused.shape  # raises on nan and infinities
    np.testing.assert_array_equal(ir, before[0])
    np.testing.assert_array_equal(vi, before[1])


@needs_kernels
@pytest.mark.parametrize("size", [(32, 48), (33, 47), (64, 50)], ids=str)
def test_the_fast_path_is_the_network(method, size):
    """Within float32 noise; random weights amplify it at single pixels, more than trained ones do."""
    ir, vi = pair(size, False)
    try:
        method.use_reference_path()
        expected = method.fuse(ir, vi)
        method.use_fast_path()
        difference = np.abs(method.fuse(ir, vi) - expected)
        assert difference.mean() <= 1e-5 and difference.max() <= 2e-3
    finally:
        method.use_reference_path()


def test_in_bfloat16_a_network_leaves_nearly_the_same_picture_and_others_the_same(method):
    """On tiles, where there are any, and by autocast alone. Random weights amplify rounding, some saturate."""
    ir, vi = pair((33, 47), True)
    try:
        for path in (method.use_fast_path, method.use_reference_path):
            method.use_precision(FLOAT32)
            path()
            expected = method.fuse(ir, vi)
            method.use_precision("bf16")
            path()
            fused = method.fuse(ir, vi)
            assert fused.dtype == np.float32
            if method.network is None:
                assert method.precision == FLOAT32
                np.testing.assert_array_equal(fused, expected)
            else:
                assert method.precision == "bf16" and np.abs(fused - expected).mean() <= 0.05
    finally:
        method.use_precision(FLOAT32)
        method.use_reference_path()


def test_grey_and_three_equal_channels_agree(method):
    ir, vi = pair((32, 32), False)
    fused = method.fuse(ir, np.repeat(vi[..., None], 3, axis=2))
    np.testing.assert_allclose(images.luma(fused), images.luma(method.fuse(ir, vi)), atol=2e-3)


def test_black_pictures_give_a_picture(method):
    black = np.zeros((32, 32), np.float32)
    images.to_8bit(method.fuse(black, black))


def test_the_same_again_from_other_memory_layouts(method, small):
    ir, vi = pair((32, 32), True)
    again = method.fuse(np.asfortranarray(ir), np.ascontiguousarray(vi[:, ::-1])[:, ::-1])
    np.testing.assert_array_equal(again, small)


def test_a_batch_is_one_picture_per_pair(method, small):
    fused = method.fuse_batch([pair((32, 32), True, seed) for seed in range(2)], (32, 32))
    assert [picture.shape[:2] for picture in fused] == [(32, 32)] * 2
    if method.batch_size == 1:
        np.testing.assert_array_equal(fused[0], small)


def test_several_at_once_are_what_each_is_alone(method):
    """Of networks that say so, and of all others, which go one by one."""
    pairs = [pair((40, 34), colour, seed) for seed, colour in ((1, True), (2, False), (3, True))]
    try:
        for path in (method.use_reference_path, method.use_fast_path):
            path()
            for fused, (ir, vi) in zip(method.fuse_several(pairs), pairs, strict=True):
                alone = method.fuse(ir, vi)
                assert fused.dtype == alone.dtype
                difference = np.abs(fused - alone)  # random weights amplify float32 noise at single pixels
                assert difference.max() <= (2e-3 if method.several else 0) and difference.mean() <= 1e-5
    finally:
        method.use_reference_path()


@pytest.mark.parametrize("name", [name for name in RUNNABLE if "official" in CARDS[name].recipe])
def test_several_at_once_by_the_authors_script(name):
    with patch.object(network, "require_weights", lambda *_: []), torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        method = find(name)(weights=None, protocol="official")
    pairs = [pair((40, 34), True, seed) for seed in range(2)]
    for fused, (ir, vi) in zip(method.fuse_several(pairs), pairs, strict=True):
        np.testing.assert_allclose(fused, method.fuse(ir, vi), atol=1.01 / 255)


def test_threads_do_not_change_the_picture(method, small):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(threads, 2))
        np.testing.assert_allclose(method.fuse(*pair((32, 32), True)), small, atol=2e-3)
    finally:
        torch.set_num_threads(threads)


def snapshot() -> dict:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - the global state is what is looked at
    return {
        "numpy": (kind, keys.tobytes(), *rest), "python": random.getstate(),
        "torch": torch.get_rng_state().numpy().tobytes(), "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(), "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(), "errors": np.geterr(),
    }


@pytest.mark.parametrize("name", RUNNABLE)
def test_global_state_is_left_alone(name):
    before = snapshot()
    construct(name).fuse(*pair((32, 32), True))
    assert snapshot() == before


@pytest.mark.parametrize("name", CARDS)
def test_card_is_complete(name):
    card = CARDS[name]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", card.name) and card.name == name and card.title
    assert card.kind in ("source", "classic", "baseline", "ours", "precomputed")
    assert card.task and set(card.task) <= {"ivf", "mif"} and card.version >= 1
    assert "released" in card.recipe and set(card.recipe) <= set(PROTOCOLS) and all(card.recipe.values())
    assert card.parity
    if card.kind in ("baseline", "ours", "precomputed"):
        assert card.paper and card.licence
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{7,40}", card.repository)
        assert bool(card.venue) == bool(card.year)
    if card.venue:
        assert f"{card.venue} {card.year}" in card.paper
    if card.kind == "baseline":
        assert card.weights


@pytest.mark.parametrize(("name", "item"), [(name, item) for name, card in CARDS.items() for item in card.weights],
                         ids=lambda value: getattr(value, "file", value))
def test_weight_files_are_pinned(name, item):
    assert item.file and "/" not in item.file
    assert item.sha256 == "" or re.fullmatch(r"[0-9a-f]{64}", item.sha256)
    if item.repository:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", item.repository) and item.path
        assert re.fullmatch(r"[0-9a-f]{40}", item.commit), "a repository is pinned by its whole commit"
    else:
        assert item.url.startswith("https://")
    names = [other.file for other in CARDS[name].weights]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if any(not w.optional for w in card.weights)])
def test_missing_weights_are_named_with_a_remedy(name, tmp_path):
    with pytest.raises(MethodError) as caught:
        load_method(name, weights=tmp_path / name)
    assert name in str(caught.value)
    assert re.search(r"run_all.py fetch|published at https://|no public download", str(caught.value))


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if any(w.sha256 for w in card.weights)])
def test_wrong_hash_and_truncated_checkpoint_are_refused(name, tmp_path):
    for item in CARDS[name].weights:
        (tmp_path / item.file).write_bytes(b"not this file")
    with pytest.raises(MethodError, match="differs from the pinned"):
        load_method(name, weights=tmp_path)
    needed = [item for item in CARDS[name].weights if not item.optional]
    if len(needed) == 1:
        with pytest.raises(MethodError, match=re.escape(needed[0].file)):
            load_method(name, weights=tmp_path / needed[0].file)

"""What surrounds the further networks: pickled checkpoints, one-token attention, the scripts' colour and rounding."""

import os
import sys
import types

import numpy as np
import pytest
import torch
from filled_weights import fill
from torch import nn

from baselines import network
from baselines._checkpoint import load_pickled
from baselines._one_token_transformer import OneTokenAttention, Transformer
from baselines._windows import WindowAttention
from baselines.caf import CAFNetwork
from baselines.gifnet import TO_RGB, TO_YCBCR, TwinAttention
from fusion import images
from fusion.method import MethodError, find

SIZE = (40, 48)


@pytest.fixture
def echo(monkeypatch):
    """A method whose network gives back the visible luma, times a factor; what it was given is kept in `.seen`."""
    monkeypatch.setattr(network, "require_weights", lambda *_: [])

    def make(name: str, protocol: str, factor: float = 1.0):
        method = find(name)(protocol=protocol)
        method.seen = []

        def run(ir: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            method.seen.append((ir[0, 0].numpy().copy(), y[0, 0].numpy().copy()))
            return y * factor

        method.run = run
        return method

    return make


@pytest.fixture
def pair():
    rng = np.random.default_rng(5)
    return rng.random(SIZE, dtype=np.float32), images.to_unit(rng.integers(30, 226, (*SIZE, 3), dtype=np.uint8))


def luma8(vi: np.ndarray) -> np.ndarray:
    return images.grey8(images.to_8bit(vi))


class Marker:
    """Leaves a folder behind when a pickle is run."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def save_as(monkeypatch, path, content, name="Ours", module="models"):
    """Save with the network's class under the authors' name, which exists nowhere when the file is read."""
    holder = types.ModuleType(module)
    renamed = type(name, (CAFNetwork,), {"__module__": module, "__qualname__": name})
    setattr(holder, name, renamed)
    monkeypatch.setitem(sys.modules, module, holder)
    model = content["fuse"]
    model.__class__ = renamed
    torch.save(content, path)
    monkeypatch.delitem(sys.modules, module)


def test_a_pickled_network_is_read_without_its_class(tmp_path, monkeypatch):
    model = fill(CAFNetwork())
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_as(monkeypatch, tmp_path / "net.pth", {"fuse": model})
    found = load_pickled(tmp_path / "net.pth", "models.Ours", "fuse")
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_nothing_in_a_pickled_network_is_run(tmp_path, monkeypatch):
    model = CAFNetwork()
    model.extra = Marker(tmp_path / "was_run")
    save_as(monkeypatch, tmp_path / "net.pth", {"fuse": model})
    with pytest.raises(MethodError, match=r"net\.pth: cannot be read"):
        load_pickled(tmp_path / "net.pth", "models.Ours", "fuse")
    assert not (tmp_path / "was_run").exists()


def test_pickles_of_another_class_or_without_a_network_are_refused(tmp_path, monkeypatch):
    save_as(monkeypatch, tmp_path / "other.pth", {"fuse": CAFNetwork()}, name="Another")
    with pytest.raises(MethodError, match="Another"):
        load_pickled(tmp_path / "other.pth", "models.Ours", "fuse")
    torch.save({"fuse": {"weight": torch.zeros(2)}}, tmp_path / "state.pth")
    with pytest.raises(MethodError, match=r"expected a network of class models\.Ours; found dict"):
        load_pickled(tmp_path / "state.pth", "models.Ours", "fuse")


def test_attention_over_one_token_is_the_general_attention():
    attention = OneTokenAttention(16)
    general = WindowAttention(cross=False, width=16, heads=8, window=1)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.normal_()
        general.load_state_dict(attention.state_dict())
        tokens = torch.randn(50, 1, 16)
        torch.testing.assert_close(attention(tokens, tokens), general(tokens, tokens, None))


def test_tokens_are_runs_of_one_channel():
    """A change of one number reaches the sixteen of its run and no other."""
    transformer = fill(Transformer(16, 2)).eval()
    x = torch.rand(1, 16, 8, 8)
    changed = x.clone()
    changed[0, 3, 2, 5] += 1  # channel 3, number 21 of 64: the run 16..31
    with torch.no_grad():
        moved = (transformer(changed) - transformer(x))[0].flatten(1) != 0
    assert moved[3, 16:32].all() and moved.sum() == 16


def test_shifted_windows_begin_outside_the_picture():
    """Two pixels of one plain window, in different shifted ones: the shifted attention does not connect them."""
    x = torch.rand(1, 98, 16, 16)
    changed = x.clone()
    changed[0, :, 0, 0] += 1
    for shifted, reached in ((False, True), (True, False)):
        attention = fill(TwinAttention(shifted)).eval()
        with torch.no_grad():
            before, after = attention(x, x)[1], attention(changed, changed)[1]
        assert bool((before != after)[0, :, 7, 7].any()) is reached


def test_sage_takes_half_for_the_centre_of_8_bit_chroma(echo, pair):
    """The script's chroma is half a level high: Cr by 1.403/510 in red, Cb by 1.773/510 in blue."""
    ir, vi = pair
    method = echo("sage", "official")
    fused = method.fuse(ir, vi)
    infrared, luma = method.seen[0]
    np.testing.assert_array_equal(luma, images.to_unit(luma8(vi)))
    np.testing.assert_array_equal(infrared, images.to_unit(images.to_8bit(ir)))
    shift = (fused - vi).mean((0, 1))
    np.testing.assert_allclose(shift, (np.array([1.403, -0.714 - 0.344, 1.773]) / 510), atol=2e-4)
    np.testing.assert_array_equal(echo("sage", "released").fuse(ir, vi), images.recolour(images.luma(vi), vi))


@pytest.mark.parametrize("name", ["caf", "pfcfuse"])
def test_scripts_that_cast_luma_and_put_8_bit_chroma_back(echo, pair, name):
    """Float luma goes in, comes out rounded down; the picture is back within a level and a half, on average darker."""
    ir, vi = pair
    method = echo(name, "official")
    fused = method.fuse(ir, vi)
    np.testing.assert_array_equal(method.seen[0][1], images.luma(vi))
    assert np.abs(fused - vi).max() < 2.5 / 255
    levels = 255 * images.luma(fused)
    assert np.abs(levels - levels.round()).max() < 0.05
    assert -1 < (levels - 255 * images.luma(vi)).mean() < 0
    grey = method.fuse(ir, vi[..., 0])
    np.testing.assert_array_equal(images.to_8bit(grey), np.floor(vi[..., 0] * np.float32(255)).astype(np.uint8))


def test_gifnet_keeps_the_fused_luma_unrounded(echo, pair):
    """The visible luma is cut to 8 bit before the network, the fused one is not; the script's matrices are inverse."""
    ir, vi = pair
    method = echo("gifnet", "official", factor=0.5)
    fused = method.fuse(ir, vi)
    exact = images.to_8bit(vi) @ TO_YCBCR.T
    luma = method.seen[0][1]
    np.testing.assert_array_equal(luma, images.to_unit(np.floor(exact[..., 0]).astype(np.uint8)))
    np.testing.assert_allclose(fused @ images.LUMA, luma / 2, atol=2e-3)
    assert np.abs(TO_RGB @ TO_YCBCR - np.eye(3)).max() < 2e-3
    grey = method.fuse(ir, vi[..., 0])
    np.testing.assert_array_equal(images.to_8bit(grey), images.to_8bit(vi[..., 0]) // 2)


def test_decfusion_stretches_the_whole_coloured_picture(echo, pair):
    ir, vi = pair
    fused = echo("decfusion", "official", factor=0.5).fuse(ir, vi)
    assert fused.shape == (*SIZE, 3) and fused.min() == 0 and fused.max() == 1
    coloured = images.recolour(images.luma(vi) / 2, vi).clip(0, 1)
    stretched = (coloured - coloured.min()) / (coloured.max() - coloured.min())
    np.testing.assert_array_equal(images.to_8bit(fused), np.floor(stretched * np.float32(255)).astype(np.uint8))


@pytest.mark.parametrize("name", ["datfuse", "ydtr", "itfuse"])
def test_grey_scripts_round_down(monkeypatch, pair, name):
    monkeypatch.setattr(network, "require_weights", lambda *_: [])
    ir, vi = pair

    class Visible(nn.Module):
        def forward(self, ir: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return y * 0.501 - 0.1

    method = find(name)(protocol="official")
    method.network = Visible()
    expected = (images.to_unit(luma8(vi)) * np.float32(0.501) - np.float32(0.1)).clip(0) * 255
    np.testing.assert_array_equal(images.to_8bit(method.fuse(ir, vi)), np.floor(expected).astype(np.uint8))

"""The registered method: which weights it takes, what it says about them, how it refuses damaged ones."""

import numpy as np
import pytest
import torch

from fusion import images
from fusion.method import MethodError, load_method, weights_of
from fusion.methods.smfnet import SLIM, SMFNetMethod
from fusion.smfnet import weights
from fusion.smfnet.network.smfnet import SMFNet, parts
from fusion.smfnet.settings import NetworkSettings


@pytest.fixture(scope="module")
def pair():
    generator = np.random.default_rng(2)
    return generator.random((50, 63), dtype=np.float32), generator.random((50, 63, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def checkpoint() -> dict:
    """A checkpoint in the authors' layout with random values."""
    torch.manual_seed(0)
    return {name: {f"module.{key}": value for key, value in module.state_dict().items()}
            for name, module in parts(SMFNet()).items()}


def test_without_a_checkpoint_the_slim_network_says_so(pair):
    method = load_method("smfnet")
    assert method.title != method.card.title and "slim" in method.title and "not the paper's" in method.note
    assert method.weight_files == (SLIM,)
    ir, vi = pair
    fused = method.fuse(ir, vi)
    assert fused.shape == vi.shape and fused.dtype == np.float32
    y = method.fuse(ir, images.luma(vi))
    assert (y.min(), y.max()) == (0, 1)  # the stretch
    np.testing.assert_array_equal(fused, images.recolour(y, vi))


def test_slim_weights_are_small_and_half():
    from safetensors import safe_open

    assert SLIM.stat().st_size < 8e6
    with safe_open(SLIM, "pt") as handle:
        assert handle.get_tensor("DIDF_Encoder.patch_embed.proj.weight").dtype == torch.float16


def test_fast_and_reference_agree(pair):
    ir, vi = pair
    fast, reference = SMFNetMethod(), SMFNetMethod(fast=False)
    np.testing.assert_allclose(fast.fuse(ir, vi), reference.fuse(ir, vi), atol=1e-4)  # stretched


def folder_of(tmp_path, kind):
    folder = tmp_path / "smfnet"
    if kind != "absent":
        folder.mkdir()
    if kind.endswith(".pth") or kind.endswith("DS_Store"):
        (folder / kind).write_bytes(b"x")
    elif kind == "deeper":
        (folder / "checkpoints").mkdir()
    return folder


@pytest.mark.parametrize("kind", ["absent", "empty", "SMFNet.pth", "model_vif.pth", ".DS_Store", "deeper"])
def test_a_named_folder_without_a_fitting_file_is_an_error(tmp_path, kind):
    """The slim network never stands in for weights that the user meant to bring."""
    folder = folder_of(tmp_path, kind)
    with pytest.raises(MethodError, match=rf"{folder}: .*model_VIF\.pth.*weights\.safetensors"):
        load_method("smfnet", weights=folder)
    root_sees = weights_of("smfnet", tmp_path)  # what a run gives it
    assert root_sees == (None if kind == "absent" else folder)


def test_only_methods_that_can_do_without_get_no_folder(tmp_path):
    assert weights_of("tardal", tmp_path) == tmp_path / "tardal"
    with pytest.raises(MethodError, match="missing"):
        load_method("tardal", weights=weights_of("tardal", tmp_path))


@pytest.mark.parametrize("name", ["model_VIF.pth", "models/model_VIF.pth", "model_IVF.pth"])
def test_released_checkpoint(checkpoint, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    torch.save(checkpoint, tmp_path / name)
    method = load_method("smfnet", weights=tmp_path)
    assert (method.title, method.note, method.weight_files) == ("SMFNet", "", (tmp_path / name,))
    loaded = method.network.DIDF_Decoder.output[4].weight
    assert torch.equal(loaded, checkpoint["DIDF_Decoder"]["module.output.4.weight"])


def damage(checkpoint: dict, how: str):
    if how == "part":
        return {key: value for key, value in checkpoint.items() if key != "GraphModel"}
    decoder = dict(checkpoint["DIDF_Decoder"])
    if how == "missing":
        del decoder["module.output.4.weight"]
    elif how == "unexpected":
        decoder["module.extra"] = torch.zeros(1)
    elif how == "shape":
        decoder["module.output.4.weight"] = torch.zeros(1, 8, 3, 3)
    return {**checkpoint, "DIDF_Decoder": decoder}


@pytest.mark.parametrize(("how", "message"), [("part", "GraphModel missing"), ("missing", r"output\.4\.weight"),
                                              ("unexpected", "extra"), ("shape", r"output\.4\.weight")])
def test_wrong_checkpoints_are_refused(checkpoint, tmp_path, how, message):
    path = tmp_path / "model_VIF.pth"
    torch.save(damage(checkpoint, how), path)
    with pytest.raises(MethodError, match=message):
        load_method("smfnet", weights=path)


def test_damaged_files_are_refused(checkpoint, tmp_path):
    whole = tmp_path / "whole.pth"
    torch.save(checkpoint, whole)
    for name, content in (("truncated.pth", whole.read_bytes()[:100_000]), ("empty.pth", b""),
                          ("text.pth", b"<html>not found</html>"), ("broken.safetensors", b"\x08" * 50)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(MethodError, match=name):
            load_method("smfnet", weights=path)
    torch.save([1, 2], tmp_path / "list.pth")
    for path in (tmp_path / "list.pth", tmp_path / "absent.pth"):
        with pytest.raises(MethodError, match=path.name):
            load_method("smfnet", weights=path)


def test_own_weights_and_paper_protocol(pair, tmp_path):
    with pytest.raises(MethodError, match="recipe paper"):
        load_method("smfnet", weights=tmp_path, protocol="paper")
    weights.save(tmp_path / "weights.safetensors", SMFNet(NetworkSettings(width=8, heads=2, coupling="parallel")))
    method = load_method("smfnet", weights=tmp_path, protocol="paper")
    assert method.title == "SMFNet (trained here)"
    assert method.network.settings.coupling == "parallel"
    assert method.fuse(*pair).shape == pair[1].shape


def test_constant_pictures():
    flat = np.full((32, 32), 0.5, np.float32)
    assert np.isfinite(load_method("smfnet").fuse(flat, flat)).all()

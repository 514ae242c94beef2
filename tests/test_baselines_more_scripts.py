"""What the scripts around the networks, and the steps without weights, of SeAFusion to Res2Fusion do."""

from pathlib import Path

import numpy as np
import pytest
import torch
from filled_weights import fill
from PIL import Image
from tf_writer import write_v2

from baselines import network, res2fusion
from baselines.auif import blurred, laplacian
from baselines.lrrnet import shrunk
from baselines.mfeif import edges
from baselines.sdnet import SDNetNetwork
from baselines.stdfusionnet import ENDINGS, NAME, PAPER_NAME, PAPER_SCOPE, SCOPE, STDFusionNetNetwork
from fusion import images
from fusion.method import find, load_method
from suite.memory import Peak

SIZE = (34, 41)
FLIPPED = 2e-3  # share of pixels whose truncation may go the other way: float noise beside a level, 2 of 1,394


@pytest.fixture
def build(monkeypatch):
    """A method with filled weights."""
    monkeypatch.setattr(network, "require_weights", lambda *_: [])

    def make(name: str, protocol: str = "released"):
        method = find(name)(protocol=protocol)
        fill(method.network)
        return method

    return make


def pair(*, colour: bool) -> tuple[np.ndarray, np.ndarray]:
    """Infrared and visible picture on the 8-bit grid."""
    rng = np.random.default_rng(5)
    ir, vi = rng.integers(30, 200, SIZE), rng.integers(20, 240, (*SIZE, 3) if colour else SIZE)
    return images.to_unit(ir.astype(np.uint8)), images.to_unit(vi.astype(np.uint8))


def run(method, ir: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The network alone."""
    with torch.inference_mode():
        return method.network(torch.from_numpy(ir)[None, None], torch.from_numpy(y)[None, None])[0, 0].numpy()


def levels(picture: np.ndarray) -> np.ndarray:
    """In 0..255, which must be on the 8-bit grid."""
    scaled = picture.astype(np.float64) * 255
    np.testing.assert_allclose(scaled, np.round(scaled), atol=1e-4)
    return np.round(scaled)


@pytest.mark.parametrize("protocol", ["released", "official"])
def test_seafusion_stretches_the_whole_colour_picture(build, protocol):
    method = build("seafusion", protocol)
    ir, vi = pair(colour=True)
    luma, (_, cb, cr) = run(method, ir, images.luma(vi)), images.split_ycbcr(vi)
    colours = np.stack([luma + 1.403 * cr, luma - 0.714 * cr - 0.344 * cb, luma + 1.773 * cb], -1).clip(0, 1)
    expected = (colours - colours.min()) / np.ptp(colours)
    fused = method.fuse(ir, vi)
    if protocol == "official":
        assert (levels(fused) != np.floor(expected * 255)).mean() < FLIPPED
    else:
        np.testing.assert_allclose(fused, expected, atol=1e-5)


def test_lrrnet_official_is_the_script(build):
    """Min-max with its epsilon on 0..255, the same at the output, and a cast to 8 bit."""
    method = build("lrrnet", "official")
    ir, vi = pair(colour=True)
    grey = images.grey8(images.to_8bit(vi)).astype(np.float32)
    inputs = [(x - x.min()) / (x.max() - x.min() + 1e-5) for x in ((ir * 255).round(), grey)]
    out = run(method, *(x.astype(np.float32) for x in inputs)).astype(np.float64)
    expected = ((out - out.min()) / (np.ptp(out) + 1e-5) * 255).astype(np.uint8)
    assert expected.max() == 254  # the epsilon keeps the brightest pixel below 255
    fused = levels(method.fuse(ir, vi))
    assert fused.max() == 254 and (fused != expected).mean() < FLIPPED


def test_lrrnet_shrinks_by_channel(build):
    thresholds = build("lrrnet").reference.get_ls1.lamj
    code = torch.randn(1, 256, 5, 6, generator=torch.Generator().manual_seed(1))
    before = code.clone()
    with torch.no_grad():
        thresholds[0, 7] = -0.01
        found, lam = shrunk(code, thresholds), thresholds[0, :, None, None]
        expected = torch.where(before[0] > lam, before[0] - lam, torch.where(before[0] < -lam, before[0] + lam, 0))
        expected[7] = before[0, 7] + 0.01 * before[0, 7].sign()
        torch.testing.assert_close(found[0], expected)
    assert torch.equal(code, before)


@pytest.mark.parametrize("name", ["sdnet", "stdfusionnet"])
def test_tensorflow_scripts_read_luma_as_pillow_makes_it(build, name):
    method = build(name, "official")
    ir, vi = pair(colour=True)
    luma = np.asarray(Image.fromarray(images.to_8bit(vi)).convert("YCbCr").convert("F"), np.float32)
    out = run(method, (ir * 255 - 127.5) / 127.5, (luma - 127.5) / 127.5)
    np.testing.assert_allclose(method.fuse(ir, vi), (out - out.min()) / np.ptp(out), atol=2e-5)


def test_sdnet_decomposes_its_own_picture():
    """The half that does not run at fusion: shapes and range; each of its layers has an effect."""
    sdnet = fill(SDNetNetwork())
    fused = torch.rand(1, 1, 12, 15, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        before = sdnet.decompose(fused)
        assert all(part.shape == fused.shape and part.abs().max() < 1 for part in before)
        for name in ("layer6_sept", "layer7_ir", "layer8_ir", "layer9_ir"):
            parameter = next(sdnet.fusion_model[name].parameters())
            parameter.mul_(1.5)
            assert not torch.allclose(sdnet.decompose(fused)[0], before[0], atol=1e-4)
            parameter.div_(1.5)


def test_stdfusionnet_paper_has_the_weights_of_2021(tmp_path, monkeypatch):
    """Another checkpoint with other names of the same network; both load from one folder."""
    files = [NAME + ending for ending in ENDINGS]
    monkeypatch.setattr(network, "require_weights", lambda _, folder, names: [folder / f for f in names or files])
    state = fill(STDFusionNetNetwork()).state_dict()
    for prefix, scope, factor in ((NAME, SCOPE, 1), (PAPER_NAME, PAPER_SCOPE, 2)):
        write_v2(tmp_path / prefix, {
            name.replace(SCOPE, scope).replace(".", "/"):
                (value * factor).numpy().transpose((2, 3, 1, 0) if value.ndim == 4 else None)
            for name, value in state.items()})
    for protocol, factor in (("released", 1), ("official", 1), ("paper", 2)):
        loaded = find("stdfusionnet")(weights=Path(tmp_path), protocol=protocol).network
        assert all(torch.equal(value, state[name.replace(PAPER_SCOPE, SCOPE)] * factor)
                   for name, value in loaded.state_dict().items())


def test_mfeif_edges_are_half_central_differences():
    ramp = torch.arange(6.0).repeat(5, 1)[None, None]
    assert torch.equal(edges(ramp)[0, 0], torch.ones(5, 6))  # the border's own slope is 1/2; its neighbour's is larger
    assert torch.equal(edges(3 * ramp.transpose(2, 3))[0, 0], 3 * torch.ones(6, 5))
    both = torch.arange(5.0)[:, None] * 3 + torch.arange(6.0) * 4
    torch.testing.assert_close(edges(both[None, None])[0, 0, 2, 2], torch.tensor(5.0))


def test_auif_filters_split_a_picture():
    picture = torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(3))
    flat = torch.full((1, 1, 30, 40), 0.7)
    torch.testing.assert_close(blurred(flat), flat)
    torch.testing.assert_close(laplacian(flat), torch.zeros_like(flat), atol=1e-6, rtol=0)
    window = picture[0, 0, 5:16, 9:20]
    torch.testing.assert_close(blurred(picture)[0, 0, 10, 14], window.mean())
    window = picture[0, 0, 1:20, 5:24]
    expected = (window.sum() - 361 * picture[0, 0, 10, 14]) / 720  # kornia's weights: 1, centre 1 - 361, absolute sum 1
    torch.testing.assert_close(laplacian(picture)[0, 0, 10, 14], expected)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_res2fusion_attention_does_not_depend_on_its_parts(monkeypatch, rows):
    generator = torch.Generator().manual_seed(4)
    queries, keys = torch.rand(50, 6, generator=generator), torch.rand(9, 6, generator=generator)
    products = queries @ keys.T
    stretched = (products - products.min()) / (products.max() - products.min())
    monkeypatch.setattr(res2fusion, "ELEMENTS", rows * len(keys))
    torch.testing.assert_close(res2fusion.attended(queries, keys), stretched.softmax(1) @ keys)


def test_res2fusion_survives_flat_features():
    flat = torch.full((1, 4, 16, 16), 0.3)
    torch.testing.assert_close(res2fusion.merged(flat, flat), flat)


def test_mfeif_and_auif_released_files_lie_in_parts(reference):
    for name, files in (("mfeif", 1), ("auif", 3)):
        method = load_method(name, weights=reference / "weights_more" / name)
        assert len(method.weight_files) == files
        assert all(not torch.equal(value, fresh) for value, fresh in zip(
            method.network.parameters(), find(name).architecture().parameters()) if value.ndim > 1)


def test_res2fusion_never_holds_the_whole_attention_matrix():
    queries, keys = torch.rand(40_000, 4), torch.rand(4_000, 4)  # 640 MB of products
    quiet = Peak().mib()
    peak = Peak()
    res2fusion.attended(queries, keys)
    assert peak.mib() - quiet < 200

"""SMFNet's network, reference and fast path, against the authors' numbers under filled weights."""

import dataclasses
import json

import filled_weights
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusion.fast.conv3 import Winograd
from fusion.fast.maps import Maps
from fusion.smfnet.complexity import complexity
from fusion.smfnet.fast.detail import detail_fusion
from fusion.smfnet.fast.network import FastSMFNet, supports
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import PAPER, RELEASED, NetworkSettings

# ten times the largest float32 - float64 difference of the authors' net (the golden's README): out, recon, graph,
# fused base, fused detail; the other features share the base's
TOLERANCE = {"out": 3.4e-5, "recon": 1.6e-5, "graph": 3.2e-5, "fused_detail": 7.4e-4}


def tolerance(name: str) -> float:
    return next((value for key, value in TOLERANCE.items() if name.startswith(key)), 1.6e-4)


@pytest.fixture(scope="module")
def golden(reference):
    return np.load(reference / "golden/methods/smfnet/parity.npz")


@pytest.fixture(scope="module")
def filled(reference) -> SMFNet:
    """The network under filled weights, loaded as the released checkpoint would be."""
    layout = json.loads((reference / "golden/methods/smfnet/state.json").read_text())["parts"]
    network = SMFNet().eval().requires_grad_(False)
    for part in layout:
        module = getattr(network, part["path"][0])
        names = [name.removeprefix("module.") for name, _, _ in part["tensors"]]
        assert names == list(module.state_dict()), f"{part['path']}: other names or another order"
        module.load_state_dict(filled_weights.state(module), strict=True)
    return network


def inputs(golden, case: str) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(golden[f"{case}__ir"]), torch.from_numpy(golden[f"{case}__vi"])


def stretch(image: torch.Tensor) -> torch.Tensor:
    return (image - image.min()) / (image.max() - image.min())


def check(golden, case: str, name: str, value: torch.Tensor) -> None:
    key, value = f"{case}__{name}", value.numpy()
    if key in golden:
        compared = {key: value}
    else:
        compared = {f"{key}__ch": value[:, ::8], f"{key}__mean": value.mean((2, 3)), f"{key}__std": value.std((2, 3))}
    for full, array in compared.items():
        np.testing.assert_allclose(array, golden[full], rtol=0, atol=tolerance(name), err_msg=full)


def test_every_intermediate(golden, filled):
    features = filled.encode(*inputs(golden, "A"))
    for modality, encoded in (("vi", features.vi), ("ir", features.ir)):
        for name in ("shallow", "feature", "base", "detail"):
            check(golden, "A", f"{modality}_{name}", getattr(encoded, name))
    detail, base, graph = filled.fuse_features(features)
    for name, value in {"graph": graph, "graph_ir": features.graph_ir, "graph_vi": features.graph_vi,
                        "fused_base": base, "fused_detail": detail,
                        "decoder_feature": filled.DIDF_Decoder.feature(detail, base, graph)}.items():
        check(golden, "A", name, value)


@pytest.mark.parametrize("case", "ABC")
def test_outputs(golden, filled, case):
    ir, vi = inputs(golden, case)
    features = filled.encode(ir, vi)
    out = filled.decode(*filled.fuse_features(features))
    recon_ir, recon_vi = filled.reconstruct(features)
    for name, value in {"out": out, "out_minmax": stretch(out), "recon_vi": recon_vi, "recon_ir": recon_ir}.items():
        check(golden, case, name, value)


@pytest.mark.parametrize(("case", "chunk_pixels"), [("A", 600), ("B", 8192), ("B", 600), ("C", 8192)])
def test_fast_path(golden, filled, case, chunk_pixels):
    ir, vi = inputs(golden, case)
    out = FastSMFNet(filled, chunk_pixels=chunk_pixels)(ir, vi)
    check(golden, case, "out", out)
    check(golden, case, "out_minmax", stretch(out))
    torch.testing.assert_close(out, filled(ir, vi), rtol=0, atol=1e-5)


def test_every_intermediate_of_the_fast_path(golden, filled):
    images = dict(zip(("ir", "vi"), inputs(golden, "A")))
    fast, maps = FastSMFNet(filled), Maps(*images["ir"].shape[2:], 8, torch.empty(0))
    features = {name: fast._shallow(image, maps) for name, image in images.items()}
    detail, base = ({name: part(x, maps) for name, x in features.items()} for part in (fast._detail, fast._base))
    graph = fast.graph(features["ir"], features["vi"], maps)
    for part, values in {"feature": features, "detail": detail, "base": base}.items():
        for name, value in values.items():
            check(golden, "A", f"{name}_{part}", value.permute(0, 3, 1, 2))
    fused_base = fast.base_fusion(base["ir"] + base["vi"], maps)
    fused_detail = detail_fusion(fast.detail_grdb, fast.detail_layers, detail["ir"] + detail["vi"], maps)
    for name, value in {"graph": graph, "fused_base": fused_base, "fused_detail": fused_detail,
                        "decoder_feature": fast.decoder(graph + fused_base + fused_detail, maps)}.items():
        check(golden, "A", name, value.permute(0, 3, 1, 2))


def randomised(settings: NetworkSettings) -> SMFNet:
    """A network whose zero and constant initial values (gamma, norms, statistics) do not hide anything."""
    torch.manual_seed(3)
    network = SMFNet(settings).eval().requires_grad_(False)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim <= 1:
            tensor.copy_(0.1 * torch.randn_like(tensor) + (1 if name.endswith(("weight", "var")) else 0))
    return network


@pytest.mark.parametrize("changes", [{}, {"base_residual": False}, {"graph": False}, {"exchange_fusion": True},
                                     {"leff_residual": False}])
def test_fast_path_of_ablations_without_goldens(changes):
    network = randomised(NetworkSettings(**{"width": 8, "heads": 2, **changes}))
    ir, vi = torch.rand(1, 1, 41, 37), torch.rand(1, 1, 41, 37)
    torch.testing.assert_close(FastSMFNet(network, chunk_pixels=400)(ir, vi), network(ir, vi), rtol=0, atol=1e-5)


@pytest.mark.parametrize("height", [3, 16, 33, 70])
def test_fast_path_with_winograd(height):
    network = randomised(NetworkSettings(width=32, heads=4))  # from 32 channels on
    ir, vi = torch.rand(1, 1, height, 21), torch.rand(1, 1, height, 21)
    torch.testing.assert_close(FastSMFNet(network, chunk_pixels=100)(ir, vi), network(ir, vi), rtol=0, atol=1e-5)


def test_fast_encoder_takes_both_modalities_in_one_batch():
    fast = FastSMFNet(randomised(NetworkSettings(width=8, heads=2)))
    images, maps = torch.rand(2, 1, 41, 37), Maps(41, 37, 8, torch.empty(0))
    for part in (lambda x: fast._shallow(x, maps), lambda x: fast._detail(fast._shallow(x, maps), maps),
                 lambda x: fast._base(fast._shallow(x, maps), maps)):
        torch.testing.assert_close(part(images), torch.cat([part(image) for image in images.split(1)]))


def test_fast_path_on_one_image_after_another():
    network = randomised(NetworkSettings(width=8, heads=2))
    fast = FastSMFNet(network, chunk_pixels=400)
    for height in (41, 41, 20, 41):  # maps are used again for the second, not for the others
        ir, vi = torch.rand(1, 1, height, 37), torch.rand(1, 1, height, 37)
        torch.testing.assert_close(fast(ir, vi), network(ir, vi), rtol=0, atol=1e-5)


@pytest.mark.parametrize("height", [1, 4, 7, 16])
def test_winograd_is_a_convolution(height):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(1, height + 2, 11, 5), torch.randn(6, 5, 3, 3), torch.randn(6)
    expected = F.conv2d(x.permute(0, 3, 1, 2).double(), weight.double(), bias.double(), padding=(0, 1))
    torch.testing.assert_close(Winograd(weight, bias)(x).double(), expected.permute(0, 2, 3, 1), rtol=0, atol=5e-5)


def test_fast_path_refuses_what_it_does_not_cover():
    assert not supports(PAPER)
    with pytest.raises(ValueError, match="does not cover"):
        FastSMFNet(SMFNet(NetworkSettings(width=8, heads=2, detail="inn")))


def test_size_in_both_conventions():
    counted = complexity()
    assert counted.parameters == 3_148_818
    assert counted.thop_parameters == 4_504_464  # Table V
    assert counted.macs / 1e9 == pytest.approx(1467.7, rel=0.01)


def test_settings_are_checked():
    assert NetworkSettings() == RELEASED
    for wrong in ({"width": 6}, {"width": 16, "heads": 3}, {"coupling": "both"}):
        with pytest.raises(ValueError):
            NetworkSettings(**wrong)


def test_paper_variant_runs():
    network = SMFNet(dataclasses.replace(PAPER, width=8, heads=2))
    out = network(torch.rand(1, 1, 33, 40), torch.rand(1, 1, 33, 40))
    assert out.shape == (1, 1, 33, 40)
    assert not network.DIDF_Encoder.GRDB_module.GRDB.sobelconv.convx.weight.requires_grad

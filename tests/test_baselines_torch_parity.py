"""The seven PyTorch networks against the authors' code: names, filled weights on three inputs, features in between.

Allowed is ten times the float32 noise of each network (its golden README: the largest difference between a float32 and
a float64 run), relative to the largest value where that is above 1.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from filled_weights import filled
from filled_weights import state as filled_state

from baselines._windows import Layout
from baselines.cddfuse import CDDFuseNetwork
from baselines.defusion import DeFusionDeepNetwork, DeFusionNetwork
from baselines.didfuse import DIDFuseNetwork
from baselines.network import min_max
from baselines.reconet import ReCoNetNetwork
from baselines.ship import SHIPNetwork
from baselines.swinfusion import SwinFusionNetwork, mirror
from baselines.tardal import TarDALNetwork, use_batch_statistics

NETWORKS = {"cddfuse": CDDFuseNetwork, "didfuse": DIDFuseNetwork, "swinfusion": SwinFusionNetwork, "ship": SHIPNetwork,
            "defusion": DeFusionNetwork, "defusion_deep": DeFusionDeepNetwork, "tardal": TarDALNetwork,
            "reconet": ReCoNetNetwork}
NOISE = {"cddfuse": 1.8e-6, "didfuse": 2.2e-7, "swinfusion": 9.6e-7, "ship": 2.1e-5, "defusion": 1.5e-6,
         "defusion_deep": 1.5e-6, "tardal": 1.6e-7, "reconet": 1.3e-7}
FEATURE_NOISE = {"cddfuse": 1.8e-5, "defusion": 1.7e-6, "defusion_deep": 1.7e-6, "swinfusion": 1.8e-6}
TARDAL_TRAIN_NOISE = 1.4e-6
GOLDEN = Path(__file__).parent / "golden" / "baselines_torch.json"
CASES = "ABC"


@pytest.fixture(scope="module", autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def networks():
    made = {}
    return lambda name: made.setdefault(name, filled(NETWORKS[name]()))


def arrays(reference: Path, name: str) -> dict[str, np.ndarray]:
    method, _, variant = name.partition("_")
    return np.load(reference / "golden" / "methods" / method / f"parity{'_' if variant else ''}{variant}.npz")


def inputs(golden, case: str) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(golden[f"{case}__ir"]), torch.from_numpy(golden[f"{case}__vi"])


def close(found: torch.Tensor, expected: np.ndarray, tolerance: float) -> None:
    """Within `tolerance`, relative to the largest value where that is above 1."""
    assert found.shape == expected.shape
    assert np.abs(found.numpy() - expected).max() <= tolerance * max(1, np.abs(expected).max())


def check_features(name: str, golden, found: dict[str, torch.Tensor]) -> None:
    """Every 8th or 16th channel of a feature map, and mean and deviation over the picture of all channels."""
    tolerance = 10 * FEATURE_NOISE.get(name, NOISE[name])
    for key, feature in found.items():
        if f"A__{key}" in golden:
            close(feature, golden[f"A__{key}"], tolerance)
            continue
        kept = golden[f"A__{key}__ch"]
        close(feature[:, ::-(-feature.shape[1] // kept.shape[1])], kept, tolerance)
        close(feature.mean((2, 3)), golden[f"A__{key}__mean"], tolerance)
        close(feature.std((2, 3), correction=0), golden[f"A__{key}__std"], tolerance)


def digest(network: torch.nn.Module) -> str:
    """sha256 of the sorted names and shapes of a state dict."""
    lines = sorted(f"{name} {list(tensor.shape)}" for name, tensor in network.state_dict().items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_output_have_not_moved(networks, name):
    """Without the reference folder: digest of the names, and every 12th value of the output for generated noise."""
    expected = json.loads(GOLDEN.read_text())[name]
    network = networks(name)
    assert digest(network) == expected["names"]
    ir, vi = (np.random.Generator(np.random.PCG64(seed)).random((1, 1, 48, 64)).astype(np.float32)
              for seed in (1001, 1002))
    out = network(torch.from_numpy(ir), torch.from_numpy(vi))[0, 0, ::12, ::12]
    close(out, np.array(expected["out"]), 10 * NOISE[name] + 1e-7)


@pytest.mark.parametrize("name", NETWORKS)
def test_names_are_the_released_files(reference, name):
    method, _, variant = name.partition("_")
    file = f"state{'_' if variant else ''}{variant}.json"
    parts = json.loads((reference / "golden" / "methods" / method / file).read_text())["parts"]
    expected = {(index, name.removeprefix("module.")): shape for index, part in enumerate(parts)
                for name, shape, _ in part["tensors"] if not name.endswith("attn_mask")}
    network = NETWORKS[name]()
    modules = list(network.children()) if hasattr(network, "decoder") else [network]
    found = {(index, key): list(tensor.shape) for index, module in enumerate(modules)
             for key, tensor in module.state_dict().items()}
    assert found == expected


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["cddfuse", "didfuse", "reconet", "ship", "swinfusion"])
def test_raw_output(reference, networks, name, case):
    golden = arrays(reference, name)
    key = "net_out" if name == "swinfusion" else "out"
    close(networks(name)(*inputs(golden, case)), golden[f"{case}__{key}"], 10 * NOISE[name])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["defusion", "defusion_deep"])
def test_defusion_output(reference, networks, name, case):
    golden, network = arrays(reference, name), networks(name)
    padded = (F.pad(image, (16,) * 4, "reflect") for image in inputs(golden, case))
    close(network(*padded)[..., 16:-16, 16:-16], golden[f"{case}__out"], 10 * NOISE[name])
    if f"{case}__net_out" in golden:
        close(network(*inputs(golden, case)), golden[f"{case}__net_out"], 10 * NOISE[name])


@pytest.mark.parametrize("case", CASES)
def test_tardal_in_both_modes(reference, networks, case):
    golden = arrays(reference, "tardal")
    close(networks("tardal")(*inputs(golden, case)), golden[f"{case}__eval__out"], 10 * NOISE["tardal"])
    network = use_batch_statistics(filled(TarDALNetwork()))
    for _ in range(2):  # a run leaves no trace
        close(network(*inputs(golden, case)), golden[f"{case}__train__out"], 10 * TARDAL_TRAIN_NOISE)


def test_tardal_pictures_of_a_batch_depend_on_one_another(reference):
    golden = arrays(reference, "tardal")
    network = use_batch_statistics(filled(TarDALNetwork()))
    ir, vi = inputs(golden, "A")
    close(network(torch.cat([ir, vi]), torch.cat([vi, ir])), golden["batch2__train__out"], 10 * TARDAL_TRAIN_NOISE)
    running = {name: value for name, value in network.state_dict().items() if "running" in name}
    before = filled_state(TarDALNetwork())
    assert all(torch.equal(value, before[name]) for name, value in running.items())


def test_cddfuse_features(reference, networks):
    golden, network = arrays(reference, "cddfuse"), networks("cddfuse")
    found = {}
    for key, image in zip(("ir", "vi"), inputs(golden, "A")):
        found.update(zip((f"{key}_base", f"{key}_detail", f"{key}_feature"), network.encoder(image)))
    found["fused_base"] = network.base(found["vi_base"] + found["ir_base"])
    found["fused_detail"] = network.detail(found["vi_detail"] + found["ir_detail"])
    found["out_no_skip"], found["decoder_reduced"] = network.decoder(None, found["fused_base"], found["fused_detail"])
    check_features("cddfuse", golden, found)
    out = network(*inputs(golden, "A"))
    stretched = 1 / float(out.max() - out.min())  # the stretch enlarges the noise
    close(min_max(out), golden["A__out_minmax"], 20 * stretched * NOISE["cddfuse"])
    for key, image in zip(("ir", "vi"), inputs(golden, "A")):
        picture, _ = network.decoder(image, found[f"{key}_base"], found[f"{key}_detail"])
        close(picture, golden[f"A__recon_{key}"], 10 * NOISE["cddfuse"])


def test_didfuse_features(reference, networks):
    golden, network = arrays(reference, "didfuse"), networks("didfuse")
    found = {}
    for key, image in zip(("ir", "vi"), inputs(golden, "A")):
        features = network.encoder(image)
        found.update(zip((f"{key}_{part}" for part in ("f1", "f2", "base", "detail")), features))
        found[f"recon_{key}"] = network.decoder(*features)
    check_features("didfuse", golden, found)


@pytest.mark.parametrize("case", CASES)
def test_reconet_loops(reference, networks, case):
    golden, network = arrays(reference, "reconet"), networks("reconet")
    ir, vi = inputs(golden, case)
    fused = torch.maximum(ir, vi)
    for loop in (1, 2, 3):
        fused, att_ir, att_vi = network.loop(ir, vi, fused)
        for key, value in (("f", fused), ("att_ir", att_ir), ("att_vi", att_vi)):
            close(value, golden[f"{case}__{key}{loop}"], 10 * NOISE["reconet"])


def test_ship_features(reference, networks):
    golden, network = arrays(reference, "ship"), networks("ship")
    ir, vi = inputs(golden, "A")
    vis, inf = network.vis(vi), network.inf(ir)
    found = {"vis": vis, "inf": inf}
    found.update(zip(("interaction1_spatial_vi", "interaction1_spatial_ir"), network.interaction1.spatial(vis, inf)))
    for order in (1, 2, 3):
        vis, inf = network.get_submodule(f"interaction{order}")(vis, inf)
        found.update({f"interaction{order}_vi": vis, f"interaction{order}_ir": inf})
    found["postprocess"] = network.postprocess(torch.cat([found[f"interaction{order}_vi"] for order in (1, 2, 3)], 1))
    check_features("ship", golden, found)


@pytest.mark.parametrize("case", "AB")
def test_swinfusion_with_the_scripts_padding(reference, networks, case):
    golden = arrays(reference, "swinfusion")
    ir, vi = inputs(golden, case)
    height, width = ir.shape[-2:]
    out = networks("swinfusion")(mirror(ir), mirror(vi))[..., :height, :width]
    close(out, golden[f"{case}__out"], 10 * NOISE["swinfusion"])


def test_swinfusion_features(reference, networks):
    golden, network = arrays(reference, "swinfusion"), networks("swinfusion")
    ir, vi = inputs(golden, "A")
    layout = Layout(48, 64, ir.device)
    ex_ir = network.extract(ir, network.layers_Ex_A, network.norm_Ex_A, layout)
    ex_vi = network.extract(vi, network.layers_Ex_B, network.norm_Ex_B, layout)
    check_features("swinfusion", golden, {"ex_ir": ex_ir, "ex_vi": ex_vi, "fused": network.fuse(ex_ir, ex_vi, layout)})


@pytest.mark.parametrize("name", ["defusion", "defusion_deep"])
def test_defusion_features(reference, networks, name):
    golden, network = arrays(reference, name), networks(name)
    ir, vi = inputs(golden, "A")
    common, upper, lower = network.embeddings(ir, vi)
    found = {"dec_common": common, "dec_ir": upper, "dec_vi": lower}
    if name == "defusion":
        upper, lower = network.encode(ir), network.encode(vi)
        found |= {"enc_ir": upper[0], "enc_vi": lower[0], "deep_ir": upper[3], "deep_vi": lower[3],
                  "common": network.common_encoder(torch.cat((upper[3], lower[3]), 1))}
        projection = network.decoder_upper_projection_layer[0]
        found |= {f"{key}_pre": projection(found[f"dec_{key}"]) for key in ("common", "ir", "vi")}
    found["net_pre"] = network.fusion_rule[0](found["dec_ir"] + found["dec_vi"] + found["dec_common"])
    check_features(name, golden, found)

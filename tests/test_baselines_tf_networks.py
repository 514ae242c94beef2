"""DenseFuse, U2Fusion, PMGI and MURF against the authors' outputs, raw and after scaling to 8 bit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from baselines._tf_network import load_variables
from baselines.densefuse import DenseFuseTF
from baselines.murf import MURFNetwork
from baselines.network import pillow_luma
from baselines.pmgi import PMGINetwork
from baselines.u2fusion import U2FusionNetwork
from fusion import images
from fusion.method import MethodError, load_method

NETWORKS = {"densefuse": DenseFuseTF, "u2fusion": U2FusionNetwork, "pmgi": PMGINetwork, "murf": MURFNetwork}
# each README's own difference between a float32 and a float64 run; ten times that is allowed
NOISE = {"densefuse": 3.9e-4, "u2fusion": 1.7e-7, "pmgi": 2.5e-7, "murf": 4.0e-7}
MURF_OFFSET_NOISE = 1.9e-8
PARAMETERS = {"densefuse": 74_193, "u2fusion": 659_217, "pmgi": 42_401, "murf": 116_123}  # Table V, plain counts


def method(reference: Path, name: str, protocol: str = "official"):
    return load_method(name, weights=reference / "weights" / name, protocol=protocol)


def golden(reference: Path, name: str, file: str):
    return np.load(reference / "golden" / "methods" / name / file)


def run(network: torch.nn.Module, *inputs: np.ndarray):
    with torch.inference_mode():
        return network(*(torch.from_numpy(x) for x in inputs))


def close(found, expected, tolerance):
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NETWORKS)
def test_variables_are_the_authors(name):
    turned = {4: (3, 2, 0, 1), 2: (1, 0)}
    names = json.loads((Path(__file__).parent / "golden" / "tf_variables.json").read_text())[name]
    expected = {key.replace("/", "."): [shape[i] for i in turned.get(len(shape), range(len(shape)))]
                for key, shape in names.items()}
    state = NETWORKS[name]().state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == expected
    assert sum(value.numel() for value in state.values()) == PARAMETERS[name]


@pytest.mark.parametrize("case", "ABC")
@pytest.mark.parametrize("name", ["densefuse", "pmgi"])
def test_raw_network(reference, name, case):
    arrays = golden(reference, name, "parity.npz")
    out = run(method(reference, name).network, arrays[f"{case}__ir"], arrays[f"{case}__vi"])
    close(out, arrays[f"{case}__out"], 10 * NOISE[name])


def test_raw_u2fusion_in_both_orders(reference):
    arrays = golden(reference, "u2fusion", "parity.npz")
    network = method(reference, "u2fusion").network
    for case in "ABC":
        out = run(network, arrays[f"{case}__vi"], arrays[f"{case}__ir"])
        close(out, arrays[f"{case}__out"], 10 * NOISE["u2fusion"])
    close(run(network, arrays["A__ir"], arrays["A__vi"]), arrays["A__out_ir_first"], 10 * NOISE["u2fusion"])


def test_densefuse_features(reference):
    arrays = golden(reference, "densefuse", "parity.npz")
    network = method(reference, "densefuse").reference
    for side in ("ir", "vi"):
        features = run(network.encoder, arrays[f"A__{side}"])
        close(features[:, ::8], arrays[f"A__enc_{side}__ch"], 10 * NOISE["densefuse"])
        close(features.mean((2, 3)), arrays[f"A__enc_{side}__mean"], 10 * NOISE["densefuse"])


def test_u2fusion_features(reference):
    arrays = golden(reference, "u2fusion", "parity.npz")
    encoder = method(reference, "u2fusion").reference.Generator["encoder"]
    code = run(encoder, np.concatenate([arrays["A__vi"], arrays["A__ir"]], 1))
    close(code[:, ::16], arrays["A__code__ch"], 10 * NOISE["u2fusion"])


@pytest.mark.parametrize("case", "ABC")
def test_raw_murf(reference, case):
    arrays = golden(reference, "murf", "parity.npz")
    network = method(reference, "murf").network
    luma, offset, warped = run(network.f2m_net, arrays[f"{case}__vi"], arrays[f"{case}__ir"])
    close(offset, arrays[f"{case}__offset"], 10 * MURF_OFFSET_NOISE)
    close(luma, arrays[f"{case}__out_y"], 10 * NOISE["murf"])
    close(run(network, arrays[f"{case}__ir"], arrays[f"{case}__vi"]), arrays[f"{case}__out"], 10 * NOISE["murf"])
    if case == "A":
        close(warped, arrays["A__warped"], 10 * NOISE["murf"])


def sources(reference: Path, name: str):
    arrays = np.load(reference / "golden" / "methods" / "real_inputs.npz")
    return arrays[f"{name}__ir"], arrays[f"{name}__vi"]


def differing(found: np.ndarray, expected: np.ndarray) -> int:
    """Number of pixels that are off by one level; more than one level fails."""
    difference = np.abs(found.astype(int) - expected.astype(int))
    assert difference.max() <= 1
    return int((difference > 0).sum())


@pytest.mark.parametrize("name", ["densefuse", "u2fusion", "pmgi"])
def test_real_picture_before_scaling(reference, name):
    ir, vi = (images.to_unit(image) for image in sources(reference, "tno_07"))
    inputs = {"densefuse": (ir * 255, vi * 255), "u2fusion": (vi, ir), "pmgi": (ir * 2 - 1, vi * 2 - 1)}[name]
    out = run(method(reference, name).network, *(x[None, None] for x in inputs))[0, 0]
    close(out, golden(reference, name, "real.npz")["tno_07__out"], 10 * NOISE[name])


# measured on a CPU, of 149296 pixels: DenseFuse 26, U2Fusion 6, PMGI 2 are off by one level
@pytest.mark.parametrize(("name", "key"), [("densefuse", "u8"), ("u2fusion", "u8_minmax"), ("pmgi", "u8")])
def test_real_picture_in_8_bit(reference, name, key):
    ir, vi = (images.to_unit(image) for image in sources(reference, "road_FLIR_00211"))
    fused = images.to_8bit(method(reference, name).fuse(ir, vi))
    assert differing(fused, golden(reference, name, "real.npz")[f"road_FLIR_00211__{key}"]) < fused.size / 1000


def test_pmgi_luma_is_pillows(reference):
    _, vi = sources(reference, "road_FLIR_00211")
    luma = golden(reference, "pmgi", "real.npz")["road_FLIR_00211__vi_luma"]
    np.testing.assert_allclose(pillow_luma(images.to_unit(vi)) * 255, luma, rtol=0, atol=1e-4)


def test_murf_real_pictures(reference):
    fuser, real = method(reference, "murf"), golden(reference, "murf", "real.npz")
    for image in ("tno_07", "road_FLIR_00211"):
        ir, vi = sources(reference, image)
        fused = fuser.fuse_at(ir, vi, int(real[f"{image}__n"]))
        if f"{image}__out" in real:
            # a coordinate beside a cell's border may fall on either side: the README states 5.4e-5 at single pixels
            difference = np.abs(fused[..., 0] - real[f"{image}__out"])
            assert difference.max() < 1e-4 and difference.mean() < 10 * NOISE["murf"]
        assert differing(images.to_8bit(fused / fused.max()), real[f"{image}__u8"]) < fused.size / 1000


def test_a_file_of_another_network_is_refused(reference):
    with pytest.raises(MethodError, match=r"CGAN.model-1: no variable 'f2m_net"):
        load_variables(MURFNetwork(), reference / "weights" / "pmgi" / "CGAN.model-1")


def test_shape_and_surplus_are_refused(tmp_path):
    from tf_writer import write_v2

    state = DenseFuseTF().state_dict()
    variables = {name.replace(".", "/"): value.numpy().transpose((2, 3, 1, 0) if value.ndim == 4 else None)
                 for name, value in state.items()}
    adam = {"beta1_power": np.ones((), np.float32), "decoder/conv2_1/bias/Adam_1": np.zeros(64, np.float32)}
    write_v2(tmp_path / "m", variables | adam)
    load_variables(DenseFuseTF(), tmp_path / "m")
    write_v2(tmp_path / "m", variables | {"encoder/conv7/bias": np.zeros(2, np.float32)})
    with pytest.raises(MethodError, match=r"m: 1 variables that DenseFuseTF does not have \(encoder/conv7/bias\)"):
        load_variables(DenseFuseTF(), tmp_path / "m")
    write_v2(tmp_path / "m", variables | {"decoder/conv2_4/bias": np.zeros(3, np.float32)})
    with pytest.raises(MethodError, match=r"'decoder/conv2_4/bias' has shape \(3,\).*needs \(1,\)"):
        load_variables(DenseFuseTF(), tmp_path / "m")


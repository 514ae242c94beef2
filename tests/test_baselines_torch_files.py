"""Checkpoints of the PyTorch baselines: released layouts load, everything else is refused by name; parameter counts."""

import numpy as np
import pytest
import torch
from filled_weights import filled
from filled_weights import state as filled_state

from baselines._checkpoint import load_state, restore
from baselines.cddfuse import CDDFuseNetwork
from baselines.defusion import DeFusionDeepNetwork, DeFusionNetwork
from baselines.didfuse import DIDFuseNetwork
from baselines.reconet import ReCoNetNetwork
from baselines.swinfusion import SwinFusionNetwork
from fusion.method import MethodError, find, load_method
from results.published import published

# plain parameters, and Table V's count (thop: bare parameters and unused layers left out, one part called twice twice);
# of DeFusion Table V counts the network that was trained: 8,043,817, 870 of them in layers that do not run
COUNTS = {"cddfuse": (1_188_272, 1_783_456), "didfuse": (260_935, 372_873), "swinfusion": (973_681, 927_451),
          "ship": (547_509, 525_985), "tardal": (296_577, 296_577), "reconet": (7_527, 7_527),
          "defusion": (7_874_473, 8_042_947)}
PARTS = {"DIDF_Encoder": "encoder", "DIDF_Decoder": "decoder", "BaseFuseLayer": "base", "DetailFuseLayer": "detail"}


def parallel(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {f"module.{name}": tensor for name, tensor in filled_state(module).items()}


def write_cddfuse(folder):
    network = CDDFuseNetwork()
    content = {key: parallel(network.get_submodule(part)) for key, part in PARTS.items()}
    torch.save(content, folder / "CDDFuse_IVF.pth")


def write_swinfusion(folder):
    state = filled_state(SwinFusionNetwork())
    state["layers_Re.0.residual_group.blocks.1.attn_mask"] = torch.zeros(256, 64, 64)
    torch.save(state, folder / "10000_E.pth")


def write_defusion(folder, network=DeFusionNetwork):
    torch.save({"state_dict": filled_state(network()), "epoch": 3}, folder / "DeFusion.pth")


def picture(method) -> np.ndarray:
    rng = np.random.default_rng(3)
    return method.fuse(rng.random((33, 40), dtype=np.float32), rng.random((33, 40), dtype=np.float32))


@pytest.mark.parametrize(("name", "write"), [("cddfuse", write_cddfuse), ("swinfusion", write_swinfusion),
                                             ("defusion", write_defusion)])
def test_released_layout_of_unpublished_hashes(tmp_path, name, write):
    write(tmp_path)
    method = load_method(name, weights=tmp_path)
    expected = filled(find(name).architecture()).state_dict()
    found = method.reference.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert np.ptp(picture(method)) > 0


def test_defusion_recognises_the_network_that_was_trained(tmp_path):
    write_defusion(tmp_path, DeFusionDeepNetwork)
    assert isinstance(load_method("defusion", weights=tmp_path).reference, DeFusionDeepNetwork)


def test_defusion_official_lies_on_the_8_bit_grid(tmp_path):
    write_defusion(tmp_path)
    fused = picture(load_method("defusion", weights=tmp_path, protocol="official")) * 255
    assert fused.shape == (33, 40, 3) and np.abs(fused - fused.round()).max() < 1e-4


def test_swinfusion_under_params(tmp_path):
    torch.save({"params": filled_state(SwinFusionNetwork())}, tmp_path / "any_name.pth")
    load_method("swinfusion", weights=tmp_path / "any_name.pth")


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_of_table_v(name):
    counted = find(name).complexity(64, 64)
    assert (counted.parameters, counted.thop_parameters) == COUNTS[name]


@pytest.mark.long
def test_table_v_prints_the_papers_parameters():
    for _, row in published(5).iterrows():
        counted = find(row["method"].lower()).complexity(64, 64)
        assert round(counted.thop_parameters / 1000) == row["params_k"], row["method"]


def reconet_file(folder, change=lambda state: state):
    torch.save(change(filled_state(ReCoNetNetwork())), folder / "mine.pth")
    return folder / "mine.pth"


def test_a_file_that_the_user_names_needs_no_hash(tmp_path):
    assert load_method("reconet", weights=reconet_file(tmp_path)).weight_files == (tmp_path / "mine.pth",)


def test_wrong_hash_and_missing_file(tmp_path):
    reconet_file(tmp_path).rename(tmp_path / "params.pth")
    with pytest.raises(MethodError, match=r"params\.pth: sha256 .* differs from the pinned d4f013c85e48"):
        load_method("reconet", weights=tmp_path)
    with pytest.raises(MethodError, match=r"SHIP_model\.pth is missing.*fetch ship"):
        load_method("ship", weights=tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
def test_truncated_checkpoint(tmp_path, kept):
    path = reconet_file(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:kept if isinstance(kept, int) else int(kept * len(data))])
    with pytest.raises(MethodError, match=r"mine\.pth: cannot be read as a checkpoint"):
        load_method("reconet", weights=path)


class Harm:
    def __reduce__(self):
        return print, ("executed",)


def test_a_checkpoint_cannot_run_code(tmp_path, capsys):
    torch.save({"weight": Harm()}, tmp_path / "mine.pth")
    with pytest.raises(MethodError, match=r"mine\.pth: cannot be read"):
        load_method("reconet", weights=tmp_path / "mine.pth")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: {k: v for k, v in s.items() if not k.startswith("att_")},
     r"mine\.pth: .*2 missing \(att_a_conv\.weight, att_b_conv\.weight\)"),
    (lambda s: s | {f"extra{i}": torch.zeros(1) for i in range(9)},
     r"9 unexpected \(extra0, extra1, extra2, extra3, \.\.\.\)"),
    (lambda s: s | {"att_a_conv.weight": torch.zeros(1, 3, 3, 3)},
     r"1 of another shape \(att_a_conv\.weight \(1, 3, 3, 3\) instead of \(1, 2, 3, 3\)\)"),
    (lambda s: {"state": s}, r"mine\.pth: expected a dict of tensors; found state"),
    (lambda s: torch.zeros(3), r"mine\.pth: expected a dict of tensors; found Tensor"),
])
def test_checkpoint_of_something_else(tmp_path, change, message):
    with pytest.raises(MethodError, match=message):
        load_method("reconet", weights=reconet_file(tmp_path, change))


def test_missing_entry_names_what_was_found(tmp_path):
    torch.save({"weights": {}, "epoch": 1}, tmp_path / "file.pkl")
    with pytest.raises(MethodError, match=r"file\.pkl: no entry 'weight' in the checkpoint; found weights, epoch"):
        load_state(tmp_path / "file.pkl", "weight")


def test_parallel_prefix_is_taken_off(tmp_path):
    network = DIDFuseNetwork()
    torch.save({"weight": parallel(network.encoder)}, tmp_path / "file.pkl")
    restore(network.encoder, load_state(tmp_path / "file.pkl", "weight"), tmp_path / "file.pkl")
    expected = filled_state(network.encoder)
    assert all(torch.equal(value, expected[name]) for name, value in network.encoder.state_dict().items())

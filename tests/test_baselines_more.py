"""Networks of further methods against the authors' code, with filled and with released weights.

One golden a method, `golden/methods_more/<method>.npz`; its README says what the arrays are and how they were made. A
golden that is added there is tested here by existing.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from filled_weights import filled

from baselines.weights import status
from fusion.method import find, load_method, methods

GOLDEN = Path(__file__).parent / "golden" / "methods_more"
FILES = sorted(GOLDEN.glob("*.npz"))
NAMES = [file.stem for file in FILES]
RELEASED = [file.stem for file in FILES if "noise" in np.load(file).files]
PAIRS = range(3)
MARGIN = 10  # times the float32 noise


@pytest.fixture(scope="module", autouse=True)
def inference():
    with torch.inference_mode():
        yield


def check(network: torch.nn.Module, name: str, prefix: str) -> None:
    """The network's outputs for the golden's three pairs: within the noise, relative to the largest value above 1."""
    golden = np.load(GOLDEN / f"{name}.npz")
    for pair in PAIRS:
        expected = golden[f"{prefix}out_{pair}"]
        found = network(*(torch.from_numpy(golden[f"{side}_{pair}"]) for side in ("ir", "vi"))).numpy()
        assert found.shape == expected.shape
        allowed = MARGIN * float(golden[f"{prefix}noise"]) * max(1, np.abs(expected).max())
        assert np.abs(found - expected).max() <= allowed, f"pair {pair}"


@pytest.mark.parametrize("name", NAMES)
def test_filled_weights(name):
    check(filled(find(name).architecture()), name, "filled_")


@pytest.mark.parametrize("name", RELEASED)
def test_released_weights(reference, name):
    check(load_method(name, weights=reference / "weights_more" / name).network, name, "")


@pytest.mark.parametrize("name", NAMES)
def test_golden_can_tell_networks_apart(name):
    """The arrays are what the README says: small, of three sizes, not flat, and the noise far below the contrast."""
    file = GOLDEN / f"{name}.npz"
    golden = np.load(file)
    assert file.stat().st_size <= 100 * 1024
    assert all(golden[key].dtype == np.float32 for key in golden.files)
    assert len({golden[f"ir_{pair}"].shape for pair in PAIRS}) == len(PAIRS)
    for prefix in ("filled_", "") if name in RELEASED else ("filled_",):
        for pair in PAIRS:
            assert golden[f"{prefix}out_{pair}"].std() > 100 * MARGIN * golden[f"{prefix}noise"]


def test_every_pinned_file_is_the_reference_file(reference):
    cards = [card for card in methods().values() if (reference / "weights_more" / card.name).is_dir()]
    assert {card.name for card in cards} >= set(RELEASED)
    wrong = [state for state in status(cards, reference / "weights_more") if state.state == "wrong-hash"]
    assert wrong == []

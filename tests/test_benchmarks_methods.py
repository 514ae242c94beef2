"""The benchmark of methods: every network has its row of the authors' table, and the three forms can be compared.

Times are not looked at. The authors' code is not at hand here: a checkout is made up whose modules are ours.
"""

import sys
from pathlib import Path

import pytest
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from benchmarks.authors import AuthorsError, AuthorsNetwork, why_not  # noqa: E402 - of a folder, not of a package
from benchmarks.authors_table import NETWORKS, NONE, RANDOM, SQUARE  # noqa: E402
from benchmarks.method_forms import FORMS, networks  # noqa: E402
from benchmarks.method_table import HEADER, Measured, markdown  # noqa: E402
from benchmarks.method_timing import Conditions, Sample, in_own_process, measure, reason  # noqa: E402
from fusion.method import find  # noqa: E402

SIZE = (16, 24)
ONCE = Conditions(threads=1, repeats=1)


def test_every_network_is_in_the_table_or_has_a_reason():
    own = [name for name in networks() if find(name).__module__.startswith(("baselines.", "fusion."))]  # no plugins
    assert sorted([*NETWORKS, *NONE]) == own
    assert all(NONE.values()) and {*RANDOM, *SQUARE} <= set(NETWORKS)


@pytest.mark.parametrize("name", ["reconet", "u2fusion"])
def test_plain_and_ours_give_the_same_picture(name):
    plain, ours = (measure(name, which, *SIZE, ONCE) for which in ("plain", "ours"))
    assert plain.picture.shape == SIZE and plain.picture.std() > 1e-3, "a flat picture would compare nothing"
    assert len(plain.seconds) == 1 and plain.mib >= 0
    row = Measured(name, SIZE, 10**9, {"authors": [Sample(failed="none")], "plain": [plain], "ours": [ours]})
    assert row.difference("ours") <= 1e-5
    assert row.ratio("plain", "ours")[0] == plain.seconds[0] / ours.seconds[0]
    assert row.ratio("authors", "ours") is None and row.difference("authors") is None
    text = markdown([row], "Here")
    assert text.startswith("Here.") and "* authors: none (" in text
    assert [line.count("|") for line in text.splitlines() if line.startswith("|")] == 3 * [len(HEADER) + 1]


@pytest.mark.long
def test_a_checkout_of_the_authors_is_imported_filled_and_compared(tmp_path):
    folder = tmp_path / "IVIF-DIDFuse"
    folder.mkdir()
    (folder / "DIDFuse.py").write_text("from baselines.didfuse import Decoder as AE_Decoder, Encoder as AE_Encoder\n")
    conditions = Conditions(threads=1, repeats=1, authors=tmp_path)
    assert why_not(tmp_path, "didfuse", *SIZE) == ""
    found = {which: [in_own_process("didfuse", which, *SIZE, conditions)] for which in FORMS}
    assert [samples[0].failed for samples in found.values()] == ["", "", ""]
    row = Measured("didfuse", SIZE, 1, found)
    assert row.difference("authors") == 0 and row.difference("ours") < 1e-5
    (folder / "DIDFuse.py").write_text("import not_installed_here\n")
    failed = in_own_process("didfuse", "authors", *SIZE, conditions).failed
    assert "needs not_installed_here" in failed


def test_why_there_is_no_form_of_the_authors(tmp_path):
    assert why_not(None, "didfuse", *SIZE) == "no --authors"
    assert "Zhaozixiang1228+IVIF-DIDFuse" in why_not(tmp_path, "didfuse", *SIZE)
    assert why_not(tmp_path, "u2fusion", *SIZE) == "TensorFlow 1"
    assert "square" in why_not(tmp_path, "matr", *SIZE) and "square" not in why_not(tmp_path, "matr", 24, 24)
    assert "GiB" in reason(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 512)


def test_weights_that_do_not_fit_are_refused():
    network = AuthorsNetwork(nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)}), lambda first, _: first)
    state = network.parts.state_dict()
    network.load({**state, "a.attn_mask": state["a.bias"]})  # a table that both compute
    with pytest.raises(AuthorsError, match="1 missing"):
        network.load({name: tensor for name, tensor in state.items() if name != "b.bias"})
    with pytest.raises(AuthorsError, match="1 unknown"):
        network.load({**state, "c.bias": state["a.bias"]})
    with pytest.raises(AuthorsError, match="size mismatch"):
        network.load({**state, "b.bias": state["a.weight"]})

"""A unit's peak memory is its own, whatever was done before in the same worker."""

import numpy as np
import pytest

from suite import memory

BIG = 200 * 2**20


def use(size: int) -> None:
    np.ones(size, np.uint8).sum()


@pytest.mark.long
@pytest.mark.parametrize("how", ["reset", "sampled"])
def test_what_came_before_does_not_count(how, monkeypatch):
    if how == "sampled":
        monkeypatch.setattr(memory, "_reset", lambda: False)
        monkeypatch.setattr(memory, "_INTERVAL", 0.001)
    use(BIG)
    quiet = memory.Peak()
    use(2**20)
    before = quiet.mib()
    loud = memory.Peak()
    for _ in range(10):
        use(BIG)
    assert loud.how in (how, "sampled")
    assert loud.mib() - before > 150
    after = memory.Peak()
    use(2**20)
    assert abs(after.mib() - before) < 50


@pytest.mark.parametrize(("holds", "given"), [(memory.MUCH - 1, 0), (memory.MUCH + 1, 1)])
def test_what_is_not_used_goes_back_where_it_is_much(holds, given, monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "_resident", lambda: holds)
    monkeypatch.setattr(memory, "give_back", lambda: calls.append(1))
    memory.give_back_if_much()
    assert len(calls) == given

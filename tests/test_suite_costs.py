"""What units cost, how long they are with what waits for them, and the memory that is free."""

from pathlib import Path

import pytest

from core.plugins import load_folders
from fusion.dataset_cards import find_dataset
from fusion.method import Method, find
from fusion.pairs import Pair, PairSet
from suite import memory
from suite.costs import SCORING, chains, cost
from suite.dry_run import Look, _remembered, can_be_looked_at, sizes_for
from suite.stages.fuse import Fusing
from suite.stages.score import Scoring
from suite.unit import Unit

load_folders([Path(__file__).parent / "plugins"])
from ivfbench_plugins.nap import nap  # noqa: E402 - there once the plug-ins are loaded

PAIRS = PairSet(find_dataset("tno"), tuple(Pair(name, Path("ir"), Path("vi"), *size)
                                           for name, size in (("a", (48, 64)), ("b", (480, 640)))), "m", "")


def fuse(method, **how):
    return Unit("fuse", method, "tno", 0, 1, "", Fusing(PAIRS, **how))


def test_a_fuse_unit_costs_the_method_s_own_count_over_the_set_s_pixels():
    expected = find("densefuse").complexity(480, 640).macs * 1.01
    assert cost(fuse("densefuse")) == pytest.approx(expected)
    assert cost(fuse("mine", network="densefuse")) == pytest.approx(expected)
    assert cost(fuse("average")) == 0


def test_a_score_unit_costs_less_than_any_network():
    unit = Unit("score", "densefuse", "tno", 0, 1, "", Scoring(PAIRS, "ivf", "smfnet", (("EN", ""), ("SD", ""))))
    assert cost(unit) == 2 * SCORING * 1.01 * 480 * 640 < cost(fuse("reconet"))


def test_an_object_s_count_that_fails_costs_nothing():
    class Broken(Method):
        card = find("average").card

        def fuse(self, ir, vi):
            return ir

        @classmethod
        def complexity(cls, height=480, width=640):
            raise RuntimeError("no count")

    assert cost(fuse("broken", instance=Broken())) == 0


def test_a_chain_is_as_long_as_the_longest_way_through_it():
    a, b = nap("a"), nap("b")
    c = nap("c", a, b)
    d = nap("d", a)
    found = chains([a, b, c, d], {a.key: 1, c.key: 5, d.key: 7})
    assert [found[unit.key] for unit in (a, b, c, d)] == [8, 5, 5, 7]


def test_a_dry_run_is_on_small_noise_of_the_set_s_shape():
    assert sizes_for((480, 640)) == ((120, 160), (240, 320)) and sizes_for((48, 64)) == ((64, 64), (64, 64))
    assert can_be_looked_at(fuse("densefuse"))
    assert not can_be_looked_at(fuse("mine", network="densefuse")) and not can_be_looked_at(nap("a"))


def test_memory_grows_on_the_line_through_both_looks_and_never_falls_below_them():
    look = Look(((10, 10), (20, 20)), (150, 450))
    assert look.at(40, 40) == 450 + 1200 and look.at(20, 20) == 450 and look.at(1, 1) == 450
    assert Look(((64, 64), (64, 64)), (3, 5)).at(48, 48) == 5


@pytest.mark.parametrize("entry", [None, [], [[[1, 2], [3, 4]], [5]], [[[1, 2], [3, "x"]], [5, 6]], {"a": 1}, 7,
                                   [[[1, 2], [3, 4]], [5, float("inf")]]])
def test_what_is_no_dry_run_is_not_remembered_as_one(entry):
    assert _remembered(entry) is None
    assert _remembered([[[1, 2], [3, 4]], [5, 6]]) == Look(((1, 2), (3, 4)), (5, 6))


@pytest.mark.parametrize("limit, free", [("max", 1000), (900, 300), (10**18, 1000)])
def test_free_memory_is_what_a_container_leaves(tmp_path, monkeypatch, limit, free):
    for name, text in (("memory.max", limit), ("memory.current", 700), ("memory.stat", "anon 5\ninactive_file 100\n")):
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1000}))
    assert memory.free_memory() == free

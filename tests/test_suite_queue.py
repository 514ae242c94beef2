"""The order in which units may begin."""

from pathlib import Path

from core.plugins import load_folders
from suite.executors.queue import Demand, Queue, by_length
from suite.stages import Outcome

load_folders([Path(__file__).parent / "plugins"])
from ivfbench_plugins.nap import nap as unit  # noqa: E402 - there once the plug-ins are loaded

DONE, FAILED, STOPPED = Outcome("done"), Outcome("failed", "no luck"), Outcome("stopped")


def test_plan_order_and_needs():
    a, b = unit("a"), unit("b")
    c = unit("c", a, b)
    queue = Queue([a, b, c], set())
    assert [queue.next(), queue.next(), queue.next()] == [a, b, None]
    assert list(queue.ended(a, DONE)) == [] and queue.next() is None
    assert list(queue.ended(b, DONE)) == [] and queue.next() is c


def test_what_was_done_before_is_not_waited_for():
    a = unit("a")
    assert Queue([unit("b", a)], {a.key}).next().method == "b"


def test_a_failure_blocks_what_needs_it_once_and_all_the_way():
    a, b = unit("a"), unit("b")
    c = unit("c", a, b)
    d = unit("d", c)
    queue = Queue([a, b, c, d], set())
    assert queue.next() is a and queue.next() is b
    blocked = list(queue.ended(a, FAILED))
    assert [u.method for u, _ in blocked] == ["c", "d"] and all(o.status == "failed" for _, o in blocked)
    assert "no luck" in blocked[1][1].reason
    assert list(queue.ended(b, FAILED)) == [] and queue.next() is None


def test_a_stopped_unit_blocks_nobody():
    a = unit("a")
    queue = Queue([a, unit("b", a)], set())
    assert list(queue.ended(queue.next(), STOPPED)) == []


def test_a_measurement_is_alone():
    slow, timed, after = unit("slow"), unit("timed", stage="measure"), unit("after", stage="measure")
    queue = Queue([timed, slow, after], set())
    assert queue.next() is slow and queue.next() is None
    list(queue.ended(slow, DONE))
    assert queue.next() is timed and queue.next() is None
    list(queue.ended(timed, DONE))
    assert queue.next() is after


def test_the_longest_begins_first_and_equal_ones_in_plan_order():
    units = [unit(name) for name in "abcd"]
    demands = {units[2].key: Demand(length=5), units[3].key: Demand(length=9)}
    queue = Queue(units, set(), demands)
    assert [queue.next().method for _ in units] == ["d", "c", "a", "b"]
    assert [u.method for u in by_length(units, demands)] == ["d", "c", "a", "b"]


def test_what_memory_does_not_hold_together_does_not_run_together():
    big, second, small = unit("big"), unit("second"), unit("small")
    demands = {big.key: Demand(3, 6), second.key: Demand(2, 5), small.key: Demand(1, 4)}
    queue = Queue([big, second, small], set(), demands, room=10)
    assert queue.next() is big and queue.next() is small and queue.next() is None
    list(queue.ended(small, DONE))
    assert queue.next() is None
    list(queue.ended(big, DONE))
    assert queue.next() is second and list(queue.refused()) == []


def test_what_does_not_even_fit_alone_is_refused_with_what_needs_it():
    big, small, timed = unit("big"), unit("small"), unit("timed", stage="measure")
    needs_it = unit("needs_it", big)
    queue = Queue([big, needs_it, small, timed], set(), {big.key: Demand(9, 11, "needs 11 bytes")}, room=10)
    assert queue.next() is small and queue.next() is None
    refused = list(queue.refused())
    assert [u for u, _ in refused] == [big, needs_it] and all(o.status == "failed" for _, o in refused)
    assert refused[0][1].reason == "needs 11 bytes" and "needs 11 bytes" in refused[1][1].reason
    list(queue.ended(small, DONE))
    assert queue.next() is timed and list(queue.refused()) == []

"""The benchmark of pictures a second, on a CPU and where a device takes several at once."""

import sys
from pathlib import Path

import pytest
from device_scenes import Roomy

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import throughput


@pytest.mark.parametrize(("memory", "at_once"), [(None, "1"), (Roomy(), "32")])
def test_table(monkeypatch, memory, at_once):
    monkeypatch.setattr(throughput, "memory_of", lambda _: memory)
    lines = throughput.table(["sage"], "cpu", (32, 40), None, 0).splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [(row[1], row[3], row[4], row[5]) for row in cells] == [
        ("one by one", "–", "1", "–"), ("at once, float32", "–", at_once, "–"), ("at once, bf16", "–", at_once, "–")]
    assert all(float(row[2]) > 0 for row in cells)


def test_what_fails_is_said():
    def broken(_):
        raise RuntimeError("needs more\nthan there is")

    form = throughput.Running("authors", "cpu", lambda: 1, broken)
    form.spend(0, ())
    assert form.failed == "needs more" and not form.rate

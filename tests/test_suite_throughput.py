"""A run's order and memory: longest first with the same rows and tables, no unit that memory cannot hold."""

import json

import pytest
from suite_scenes import run_cli, write_pairs

from fusion.fast import how

HUNGRY = '''
import os, signal
import numpy as np
from fusion.method import Card, Method, register

class Taking(Method):
    def fuse(self, ir, vi):
        np.ones(200 * 2**20, np.uint8).sum()
        return ir

@register
class Hungry(Taking):
    card = Card(name="hungry", title="Hungry", kind="baseline", task=("ivf",), paper="none", recipe={"released": "-"})

@register
class Doomed(Taking):
    card = Card(name="doomed", title="Doomed", kind="baseline", task=("ivf",), paper="none", recipe={"released": "-"})

    def fuse(self, ir, vi):
        os.kill(os.getpid(), signal.SIGKILL)

@register
class Wrong(Taking):
    card = Card(name="wrong", title="Wrong", kind="baseline", task=("ivf",), paper="none", recipe={"released": "-"})

    def fuse(self, ir, vi):
        raise ValueError("no luck")
'''


def ivf(tmp_path, out, *more):
    return run_cli("--suite", "ivf", "--data", tmp_path, "--datasets", "tno", "--metrics", "EN,SD", "--out",
                   tmp_path / out, *more)


@pytest.mark.long
def test_a_unit_that_memory_cannot_hold_is_refused_and_the_others_are_done(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hungry.py").write_text(HUNGRY)
    words = ("--plugins", tmp_path / "plugins", "--methods", "hungry,doomed,wrong,average", "--jobs", "2")
    made = ivf(tmp_path, "out", *words, "--memory", "1.23")  # 1200 MiB of it are the two workers' own
    lines = made.stderr.splitlines()
    refused = next(line for line in lines if line.startswith("failed fuse hungry"))
    assert made.returncode == 1 and "needs about 20" in refused and "MiB for a picture of 64x48" in refused
    assert "60 MiB are free" in refused and "--memory GIB" in refused
    assert any(line.startswith("failed score hungry") and "what it needs failed" in line for line in lines)
    assert any(line.startswith("failed fuse doomed") and "more memory than there was" in line for line in lines)
    assert any(line.startswith("failed fuse wrong") and "no luck" in line for line in lines)
    assert any(line.startswith("done score average") for line in lines)
    again = ivf(tmp_path, "out", *words, "--memory", "50")
    assert "done fuse hungry" in again.stderr and "SIGKILL" in again.stderr


@pytest.mark.long
def test_the_order_of_work_changes_neither_rows_nor_tables(tmp_path):
    write_pairs(tmp_path)
    longest_first = ivf(tmp_path, "one", "--methods", "average,laplacian", "--jobs", "1")
    done = [line.split()[2] for line in longest_first.stderr.splitlines() if line.startswith("done fuse")]
    others = ivf(tmp_path, "two", "--methods", "average,laplacian", "--jobs", "2", "--memory", "1.2")
    assert longest_first.returncode == others.returncode == 0 and sorted(done) == sorted(set(done))
    for name in ("rows.csv", "tables/table1.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    rows = (tmp_path / "one" / "rows.csv").read_text()
    assert rows.index(",average,") < rows.index(",laplacian,")


def test_a_unit_says_how_its_network_ran(tmp_path, reference):
    write_pairs(tmp_path)
    made = ivf(tmp_path, "out", "--methods", "sdnet", "--weights", reference / "weights_more", "--jobs", "1")
    assert made.returncode == 0, made.stderr
    (record,) = (tmp_path / "out" / "fuse" / "sdnet").rglob("result.json")
    assert json.loads(record.read_text())["provenance"]["network"] == how()

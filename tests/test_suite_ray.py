"""The Ray executor: a cluster of two nodes loses one during the run and ends with the local executor's rows."""

import os
import subprocess
import sys
import time

import pytest
from suite_scenes import ROOT, run_cli, write_pairs

NAMES = tuple(f"{number:02}" for number in range(12))
PIXELS = (480, 640)  # large enough that a node dies in the middle of something


def arguments(root, out, *more):
    return ["--suite", "ivf", "--profile", "paper", "--data", root, "--methods", "visible,infrared,average,laplacian",
            "--datasets", "tno", "--out", out, *more]


@pytest.fixture
def cluster(monkeypatch):
    """A head without CPUs, so that all work is done by the nodes that are added."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield started
    started.shutdown()


@pytest.mark.long
def test_a_lost_node_changes_no_row(tmp_path, cluster):
    root = write_pairs(tmp_path / "data", NAMES, PIXELS)
    local = tmp_path / "local"
    assert run_cli(*arguments(root, local, "--jobs", "2")).returncode == 0
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    out = tmp_path / "ray"
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, ROOT / "run_all.py", *map(str, arguments(root, out, "--executor", "ray", "--address",
                                                                      cluster.address))], stderr=stream, cwd=ROOT)
        try:
            while len(at_work(out)) < 2:
                assert process.poll() is None, log.read_text()
                time.sleep(0.01)
            cluster.remove_node(nodes[0], allow_graceful=False)
            lost_with = at_work(out)
            code = process.wait(timeout=200)
        finally:
            process.kill()
    assert len(lost_with) == 2, "the node had nothing to lose"
    assert code == 0, log.read_text()
    assert (out / "rows.csv").read_bytes() == (local / "rows.csv").read_bytes()
    assert (out / "tables/table1.csv").read_bytes() == (local / "tables/table1.csv").read_bytes()


def at_work(out):
    """Units that have begun and not ended: a folder without result."""
    patterns = ("fuse/*/*/*/images", "score/*/*/*/partial.jsonl")
    begun = {path.parent for pattern in patterns for path in out.glob(pattern)}
    return {folder for folder in begun if not (folder / "result.json").exists()}

"""rows.csv hangs neither on the number of threads nor on the executor."""

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_limits
from tiny_run import make, without_reports, write_pairs

import metrics
from suite.profile import choose_profile
from suite.threads import one_thread

# what a sum's order reaches: without the rule these moved by some 1e-16 between one thread and four (240x320, noise)
SENSITIVE = (("MI", "smfnet"), ("Nabf", "smfnet"), ("MI", "zoo"), ("Qw", "mefb"), ("Q_E", "liu"))
METHODS = ("visible", "average", "laplacian")


def scores(threads: int) -> dict[tuple[str, str], float]:
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 255, (240, 320), dtype=np.uint8) for _ in range(3)]
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(threads)
        with threadpool_limits(threads), one_thread():
            return {(name, variant): metrics.evaluate(*pictures, metrics=[name], variant=variant)[name]
                    for name, variant in SENSITIVE}
    finally:
        cv2.setNumThreads(before)


def test_scores_are_those_of_one_thread():
    assert scores(4) == scores(2) == scores(1)


def test_the_rule_ends_with_its_block():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    with one_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 2
    cv2.setNumThreads(before)


@pytest.mark.long
def test_every_executor_gives_the_same_rows(tmp_path, monkeypatch):
    without_reports(monkeypatch)
    root = write_pairs(tmp_path / "data", size=(240, 320))
    profile = choose_profile("paper", with_data=True, suites=("ivf",), datasets=("tno",), metrics=None, variant=None)
    profile = replace(profile.narrowed(("tno",)), suites=("ivf",))

    def rows(name: str, threads: int, **more: object) -> str:
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        with threadpool_limits(threads):
            return make(root, tmp_path / name, METHODS, profile=profile, **more)

    one = rows("inprocess", 1, jobs=0)
    assert one.count("\n") == 1 + 3 * 3 * 9
    assert rows("inprocess4", 4, jobs=0) == one
    assert rows("local1", 4, jobs=1) == one
    assert rows("local2", 2, jobs=2) == one
    pytest.importorskip("ray")
    with tempfile.TemporaryDirectory(prefix="ivf") as short:  # Ray's sockets stand below OUT, and their paths are short
        tmp_path = Path(short)
        assert rows("ray", 2, jobs=2, executor="ray") == one

"""Variant pyiqa: loaded when asked for, never listed; what it says when pyiqa or its weights are missing.

pyiqa itself is not needed here: a stand-in takes its place; what we hand over and how we fail is what is tested.
"""

import sys
import types

import numpy as np
import pytest

import metrics
from metrics import learned

FUSED = np.full((20, 24), 51, np.uint8)


@pytest.fixture
def pyiqa(monkeypatch):
    """A stand-in: PIQE is ten times the mean, NIQE cannot be downloaded."""
    module, seen = types.ModuleType("pyiqa"), []

    def create_metric(name, device):
        assert device == "cpu"
        if name != "piqe":
            raise OSError("no route to host")

        def score(image):
            seen.append(image)
            return image.mean() * 10
        return score

    module.create_metric, module.seen = create_metric, seen
    monkeypatch.setitem(sys.modules, "pyiqa", module)
    learned._metric.cache_clear()
    yield module
    learned._metric.cache_clear()


def test_it_is_no_default_and_not_listed():
    assert "pyiqa" not in metrics.variants()
    assert metrics.names("pyiqa") == ("BRISQUE", "NIQE", "PIQE")
    assert "pyiqa" not in metrics.variants()
    assert all(metrics.get(name, "pyiqa").arrow == "↓" for name in metrics.names("pyiqa"))


def test_what_is_handed_over(pyiqa):
    values = metrics.evaluate(FUSED, FUSED, FUSED, variant="pyiqa", metrics=["PIQE"])
    assert values == {"PIQE": pytest.approx(2.0)}
    assert pyiqa.seen[0].shape == (1, 3, 20, 24)


def test_weights_that_cannot_be_had(pyiqa):
    with pytest.raises(metrics.MetricError, match=r"NIQE \(pyiqa\): its weights .* \(no route to host\)"):
        metrics.evaluate(FUSED, FUSED, FUSED, variant="pyiqa", metrics=["NIQE"])


def test_pyiqa_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    learned._metric.cache_clear()
    with pytest.raises(metrics.MetricError, match=r'pip install "ivfbench\[learned\]"'):
        metrics.evaluate(FUSED, FUSED, FUSED, variant="pyiqa", metrics=["PIQE"])

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import metrics
from metrics import definitions, registry

ROOT = Path(__file__).parents[1]
LOWER = {"MSE", "Nabf"}


def test_names_stand_in_the_order_of_table_1():
    assert list(metrics.TABLE_METRICS) == ["EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM"]
    assert list(metrics.TEXT_METRICS) == [*metrics.TABLE_METRICS, "SCD"]
    assert metrics.names() == (*metrics.TEXT_METRICS, "MSE", "CC", "PSNR", "Nabf")
    assert metrics.variants() == ("smfnet", "smfnet-ablation", "cddfuse", "tang", "vifb")
    assert metrics.names("vifb") == ("EN", "SD", "SF", "MI", "Qabf", "AG", "SSIM", "PSNR")
    assert set(metrics.names("cddfuse")) == set(metrics.names()) - {"Nabf"}


@pytest.mark.parametrize("variant", ["smfnet", "smfnet-ablation", "cddfuse", "tang", "vifb"])
def test_every_metric_says_what_it_is(variant):
    for name in metrics.names(variant):
        metric = metrics.get(name, variant)
        assert (metric.name, metric.variant) == (name, variant)
        assert metric.higher_is_better is (name not in LOWER)
        assert metric.arrow == ("↓" if name in LOWER else "↑")
        assert metric.title and metric.bounds[0] < metric.bounds[1] and metric.smallest >= 1
        assert "@" in metric.source and metric.function.func.__doc__


@pytest.mark.parametrize("call, message", [
    (lambda: metrics.get("ViF"), "did you mean VIF"),
    (lambda: metrics.get("EN", "cdfuse"), "unknown metric variant 'cdfuse'; did you mean cddfuse"),
    (lambda: metrics.get("VIF", "vifb"), "not defined by variant 'vifb', only by smfnet"),
    (lambda: metrics.get("banana"), "unknown metric 'banana'; known: EN, SD"),
    (lambda: metrics.evaluate(*[np.zeros((50, 50))] * 3, metrics="EN"), "list of names"),
])
def test_unknown_names_are_answered_with_the_nearest(call, message):
    with pytest.raises(metrics.MetricError, match=message):
        call()


NEW_METRIC = '''
from metrics.registry import Definition, register

def brightness(fused, ir, vi):
    """Mean of the fused image."""
    return fused.mean()

register("Brightness", title="Mean", higher_is_better=True, function=brightness,
         variants={"own": Definition("nobody/nothing@0", (0, 255))})
'''


def test_a_new_metric_is_one_new_file(tmp_path, monkeypatch):
    (tmp_path / "brightness.py").write_text(NEW_METRIC)
    monkeypatch.setattr(definitions, "__path__", [*definitions.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "_METRICS", dict(registry._METRICS))
    monkeypatch.setattr(registry, "_discovered", False)
    assert metrics.names("own") == ("Brightness",)
    fused = np.full((4, 4), 7, np.uint8)
    assert metrics.evaluate(fused, fused, fused, variant="own") == {"Brightness": 7.0}
    sys.modules.pop("metrics.definitions.brightness")


def test_two_files_cannot_register_the_same_metric(monkeypatch):
    metrics.names()
    monkeypatch.setattr(registry, "_METRICS", dict(registry._METRICS))

    def imposter(fused, ir, vi):
        return 0.0

    with pytest.raises(metrics.MetricError, match=r"EN \(smfnet\) is registered by metrics.definitions.en and again"):
        registry.register("EN", title="", higher_is_better=True, function=imposter,
                          variants={"smfnet": registry.Definition("", (0, 1))})


def test_importing_and_using_metrics_loads_neither_torch_nor_another_room():
    code = ("import sys, metrics; light = set(sys.modules); metrics.names(); import metrics.statistics;"
            "rooms = {'torch', 'torchvision', 'ultralytics', 'fusion', 'baselines', 'downstream', 'results', 'reports',"
            " 'suite', 'skimage', 'sklearn'};"
            "print(sorted(rooms & set(sys.modules)), sorted({'cv2', 'scipy', 'pandas'} & light))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"

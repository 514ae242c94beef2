import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import metrics
from metrics import definitions, registry

ROOT = Path(__file__).parents[1]
LOWER = {"MSE", "Nabf", "CE", "RMSE", "Qcv", "Q_CV"}


def test_names_stand_in_the_order_of_table_1():
    assert list(metrics.TABLE_METRICS) == ["EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM"]
    assert list(metrics.TEXT_METRICS) == [*metrics.TABLE_METRICS, "SCD"]
    assert metrics.names() == (*metrics.TEXT_METRICS, "MSE", "CC", "PSNR", "Nabf")
    assert set(metrics.variants()) >= {"smfnet", "smfnet-ablation", "cddfuse", "tang", "vifb"}
    assert metrics.variants()[0] == "smfnet"
    assert set(metrics.names("cddfuse")) == set(metrics.names()) - {"Nabf"}


@pytest.mark.parametrize("variant", metrics.variants())
def test_every_metric_says_what_it_is(variant):
    for name in metrics.names(variant):
        metric = metrics.get(name, variant)
        assert (metric.name, metric.variant) == (name, variant)
        assert metric.higher_is_better is (name not in LOWER)
        assert metric.arrow == ("↓" if name in LOWER else "↑") or metric.target is not None
        assert metric.title and metric.bounds[0] < metric.bounds[1] and metric.smallest >= 1
        assert "@" in metric.source and metric.plain.__doc__


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


def load(path: Path, name: str):
    """A user's file, loaded as a plug-in is: no package, not in sys.modules."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def own_registry(monkeypatch):
    """What a test registers is gone after it."""
    metrics.names()
    for table in ("_METRICS", "_FAST"):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))


def test_a_metric_outside_the_package_with_its_fast_path(tmp_path, own_registry):
    fast = ("from metrics.registry import fast_path_of\n\n@fast_path_of(brightness)\n"
            "def fast(fused, ir, vi):\n    return float(fused.image.mean())\n")
    (tmp_path / "mine.py").write_text(NEW_METRIC + fast)
    load(tmp_path / "mine.py", "a_users_file")
    metric = metrics.get("Brightness", "own")
    assert metric.modules == ("a_users_file",) and metric.fast is not None
    fused = np.full((4, 4), 7, np.uint8)
    for evaluate in (metrics.evaluate, metrics.evaluate_plainly):
        assert evaluate(fused, fused, fused, variant="own") == {"Brightness": 7.0}
    load(tmp_path / "mine.py", "a_users_file_again")  # the same file twice is no conflict


def test_two_files_cannot_register_the_same_metric(tmp_path, own_registry):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(NEW_METRIC)
    load(tmp_path / "one.py", "one")
    taken = r"Brightness \(own\) is registered by .*one\.py and again by .*two\.py"
    with pytest.raises(metrics.MetricError, match=taken):
        load(tmp_path / "two.py", "two")
    (tmp_path / "two.py").write_text(NEW_METRIC.replace('"Brightness"', '"EN"').replace('"own"', '"smfnet"'))
    with pytest.raises(metrics.MetricError, match=r"EN \(smfnet\) is registered by .*definitions.en\.py and again by"):
        load(tmp_path / "two.py", "two")


def test_a_metric_names_the_modules_that_compute_it():
    assert metrics.get("VIF").modules == ("metrics.definitions.vif", "metrics.fast.vif")
    for variant in metrics.variants():
        for name in metrics.names(variant):
            metric = metrics.get(name, variant)
            assert all(module in sys.modules for module in metric.modules)
            assert (metric.fast is None) == (len(metric.modules) == 1)


def test_toolboxes_that_agree_share_one_definition():
    shared = registry.agreed({"vifb": "a@1 x.m", "mefb": "b@2 y.m"}, (0, 8))
    assert shared["vifb"] is shared["mefb"]
    assert [shared[variant].source_of(variant) for variant in shared] == ["a@1 x.m", "b@2 y.m"]


def test_importing_and_using_metrics_loads_neither_torch_nor_another_room():
    code = ("import sys, metrics; light = set(sys.modules); metrics.names(); import metrics.statistics;"
            "rooms = {'torch', 'torchvision', 'ultralytics', 'fusion', 'baselines', 'downstream', 'results', 'reports',"
            " 'suite', 'skimage', 'sklearn'};"
            "print(sorted(rooms & set(sys.modules)), sorted({'cv2', 'scipy', 'pandas'} & light))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"

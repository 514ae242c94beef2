"""Every value of the authors' evaluator on the ten golden triples, by the fast and by the plain path."""

import csv
import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import metrics

HERE = Path(__file__).parent / "golden" / "metrics"
TRIPLES = ("constant_fused", "identical", "mri_pet11_mean", "noise_odd", "ramp_disc", "road_FLIR_00211_max",
           "road_FLIR_00977_max", "tno01_smfnet", "tno02_smfnet", "tno03_smfnet")
# Large pictures of a kind that another triple has already: left out of a quick look.
MORE = ("road_FLIR_00977_max", "tno02_smfnet", "tno03_smfnet")
# golden name -> (metric, variants that define it so); all others are smfnet's, by the same name
ALIASES = {"AG_half": ("AG", ["cddfuse"]), "SSIM_range2": ("SSIM", ["smfnet-ablation", "cddfuse"])}
ASKED = {"smfnet": None, "smfnet-ablation": ["SSIM"], "cddfuse": ["AG", "SSIM"]}


def _rows(path: Path) -> list[dict]:
    with path.open() as handle:
        return list(csv.DictReader(handle))


VALUES = {(row["triple"], row["metric"]): float(row["value"]) for row in _rows(HERE / "values.csv")}
# The goldens were made from float32 images. Where that shows, the bound is looser, and bounds.csv says why.
BOUNDS = {row["metric"]: float(row["bound"]) for row in _rows(HERE / "bounds.csv")}


def grey(path: Path) -> np.ndarray:
    """As the authors read every image: float32 luma by OpenCV, rounded half to even."""
    return np.round(cv2.cvtColor(cv2.imread(str(path)).astype("float32"), cv2.COLOR_BGR2GRAY))


def load(reference: Path, triple: str) -> list[np.ndarray]:
    folder = reference / "golden" / "metrics" / triple
    return [grey(next(folder.glob(f"{role}.*"))) for role in ("fused", "ir", "vi")]


def same(got: float, expected: float, bound: float) -> bool:
    if math.isnan(expected):
        return math.isnan(got)
    if expected == 0 or math.isinf(expected):
        return got == expected
    return abs(got - expected) <= bound * abs(expected)


def test_the_copied_values_are_the_golden_ones(reference):
    assert (HERE / "values.csv").read_bytes() == (reference / "golden" / "metrics" / "values.csv").read_bytes()
    assert {triple for triple, _ in VALUES} == set(TRIPLES) and len(VALUES) == 150


@pytest.mark.parametrize("path", ["fast", "plain"])
@pytest.mark.parametrize("triple", TRIPLES)
def test_golden_values(reference, triple, path):
    fused, ir, vi = load(reference, triple)
    evaluate = metrics.evaluate if path == "fast" else metrics.evaluate_plainly
    results = {variant: evaluate(fused, ir, vi, metrics=names, variant=variant) for variant, names in ASKED.items()}
    wrong = []
    for (name, metric), expected in VALUES.items():
        if name != triple:
            continue
        of, variants = ALIASES.get(metric, (metric, ["smfnet"]))
        for variant in variants:
            got = results[variant][of]
            if not same(got, expected, BOUNDS.get(metric, 1e-6)):
                wrong.append(f"{metric} ({variant}): {got!r}, golden {expected!r}")
    assert not wrong, "\n".join(wrong)


def test_a_constant_image_keeps_the_sign_of_its_entropy(reference):
    assert math.copysign(1, VALUES["constant_fused", "EN"]) == -1
    assert math.copysign(1, metrics.evaluate(*load(reference, "constant_fused"), metrics=["EN"])["EN"]) == -1


@pytest.mark.parametrize("triple", [pytest.param(triple, marks=[pytest.mark.long] * triple.startswith(("tno", "road")))
                                    for triple in TRIPLES[:8]])  # one of the TNO pictures is enough here
def test_fast_and_plain_path_agree(reference, triple):
    fused, ir, vi = load(reference, triple)
    for variant in ("smfnet", "smfnet-ablation", "vifb", "tang"):
        fast = metrics.evaluate(fused, ir, vi, variant=variant)
        plain = metrics.evaluate_plainly(fused, ir, vi, variant=variant)
        for name in plain:
            assert fast[name] == pytest.approx(plain[name], rel=0, abs=1e-9, nan_ok=True), (variant, name)


@pytest.mark.long
def test_the_calibration_page_is_up_to_date(reference):
    script = Path(__file__).parents[1] / "tools" / "metrics_calibration.py"
    done = subprocess.run([sys.executable, script, reference, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

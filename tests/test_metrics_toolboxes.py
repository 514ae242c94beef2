"""What the toolboxes themselves return on the ten golden triples, by the fast and by the plain path; colour; orders.

tests/golden/metrics/toolbox_metrics.csv says which of our definitions each value belongs to, how near it must be and
why not nearer, or why a value belongs to none; toolbox_exceptions.csv the same of single values, with an empty bound
where nothing can be expected of them; `processors` marks those whose digits hang on the processor.
"""

import csv
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from test_metrics_golden import HERE, MORE, load

import metrics
from metrics.colour import view
from metrics.toolboxes import TOOLBOXES, toolbox


def _rows(path: Path) -> list[dict]:
    with path.open() as handle:
        return list(csv.DictReader(handle))


VALUES = {(row["triple"], row["toolbox"], row["metric"]): float(row["value"]) for row in _rows(HERE / "toolboxes.csv")}
RULES = {(row["toolbox"], row["golden"]): row for row in _rows(HERE / "toolbox_metrics.csv")}
EXCEPTIONS = {(row["triple"], row["toolbox"], row["golden"]): row for row in _rows(HERE / "toolbox_exceptions.csv")}
CASES = [case for case in VALUES if RULES[case[1:]]["variant"] and EXCEPTIONS.get(case, {"bound": "some"})["bound"]]


@pytest.fixture(scope="module")
def ours(reference):
    """(triple, variant, metric, path) -> our value; a triple's pictures are read, and its metrics computed, once."""
    images, found = {}, {}

    def value(triple: str, variant: str, metric: str, path: str) -> float:
        if triple not in images:
            images[triple] = load(reference, triple)
        if (triple, variant, metric, path) not in found:
            evaluate = metrics.evaluate if path == "fast" else metrics.evaluate_plainly
            score = evaluate(*images[triple], variant=variant, metrics=[metric], undefined="nan")
            found[triple, variant, metric, path] = score[metric]
        return found[triple, variant, metric, path]

    return value


def test_the_copied_values_are_the_golden_ones(reference):
    golden = reference / "golden" / "toolboxes" / "toolboxes.csv"
    assert (HERE / "toolboxes.csv").read_bytes() == golden.read_bytes()


def test_every_golden_value_belongs_to_a_definition_or_says_why_not():
    assert set(RULES) == {(of, golden) for _, of, golden in VALUES}
    for row in RULES.values():
        if row["variant"]:
            metrics.get(row["metric"], row["variant"])
            assert (row["bound"] == "1e-9" and row["floor"] == "0") or row["reason"], row
        else:
            assert row["reason"], row
    assert set(EXCEPTIONS) <= set(VALUES) and all(row["reason"] for row in EXCEPTIONS.values())


@pytest.mark.parametrize("path", ["fast", "plain"])
@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.long] * (case[0] in MORE), id="-".join(case))
                                  for case in CASES])
def test_toolbox_value(ours, case, path):
    rule, expected = RULES[case[1:]] | EXCEPTIONS.get(case, {}), VALUES[case]
    got = ours(case[0], rule["variant"], rule["metric"], path)
    if math.isnan(expected) or math.isinf(expected):
        np.testing.assert_equal(got, expected)
    else:
        assert got == pytest.approx(expected, rel=float(rule["bound"]), abs=float(rule["floor"])), rule["reason"]


def test_a_saturating_joint_histogram():
    """Levels 254 and 255 are one for tang, but in the joint histogram alone."""
    fused = np.array([[254, 255, 254, 255]], np.uint8)
    ir, vi = np.array([[0, 1, 0, 1]], np.uint8), np.array([[9, 9, 9, 9]], np.uint8)
    values = {variant: metrics.evaluate(fused, ir, vi, variant=variant, metrics=["MI"])["MI"]
              for variant in ("zoo", "tang")}
    assert values == {"zoo": 1.0, "tang": pytest.approx(2.0)}  # H(F) + H(S) - H: ir 1 + 1 - 1, vi 1 + 0 - 0


# ---- lists and colour

@pytest.mark.parametrize("variant", TOOLBOXES)
def test_a_variant_is_its_toolboxs_list_in_its_order(variant):
    assert metrics.names(variant) == toolbox(variant).order
    assert len(set(toolbox(variant).order)) == len(toolbox(variant).order)


def test_toolboxes_that_agree_share_one_definition():
    """Two metrics of one plain function and equal parameters are one Definition under two names."""
    seen = {}
    for variant in metrics.variants():
        for name in metrics.names(variant):
            metric = metrics.get(name, variant)
            key = metric.plain, repr(sorted(metric.definition.parameters.items()))
            assert seen.setdefault(key, metric.definition) is metric.definition, (name, variant)
            assert metric.source
    assert metrics.get("EN", "vifb").definition is metrics.get("EN", "smfnet").definition


def picture(seed: int, *, grey: bool = False, size: tuple[int, int] = (64, 70)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (*size, 1)) // 2
    image = base + rng.integers(0, 128, (*size, 3))
    return (image[..., 0] if grey else image).astype(np.uint8)


COLOURED = picture(1), picture(2, grey=True), picture(3)  # fused, infrared, visible


@pytest.mark.parametrize("evaluate", [metrics.evaluate, metrics.evaluate_plainly])
def test_vifb_averages_channels_but_sees_them_side_by_side_in_sf(evaluate):
    fused, ir, vi = COLOURED
    names = [name for name in metrics.names("vifb") if name != "SF"]
    got = evaluate(fused, ir, vi, variant="vifb")
    channels = [evaluate(fused[..., k], ir, vi[..., k], variant="vifb", metrics=names) for k in range(3)]
    for name in names:
        assert got[name] == pytest.approx(sum(values[name] for values in channels) / 3, rel=1e-13), name
    wide = np.concatenate([fused[..., k] for k in range(3)], axis=1).astype(float)
    seams = math.sqrt((np.sum(np.diff(wide, axis=0) ** 2) + np.sum(np.diff(wide, axis=1) ** 2)) / wide.size)
    assert got["SF"] == pytest.approx(seams, rel=1e-13)
    mefb = evaluate(fused, ir, vi, variant="mefb", metrics=["SF"])["SF"]
    alone = [evaluate(fused[..., k], ir, vi[..., k], variant="mefb", metrics=["SF"])["SF"] for k in range(3)]
    assert mefb == pytest.approx(sum(alone) / 3, rel=1e-13) and mefb != pytest.approx(seams, rel=1e-6)


@pytest.mark.parametrize("variant, rule", [("smfnet", "luma"), ("cddfuse", "luma"), ("tang", "matlab"),
                                           ("huili", "matlab"), ("liu", "matlab"), ("zoo", "pillow")])
def test_other_toolboxes_take_grey_by_their_own_rule(variant, rule):
    grey = [view(image, rule) for image in COLOURED]
    names = metrics.names(variant)[:4]
    assert metrics.evaluate(*COLOURED, variant=variant, metrics=names) == metrics.evaluate(
        *grey, variant=variant, metrics=names)


def test_grey_rules_are_those_of_the_libraries():
    image = picture(5, size=(200, 200))
    assert (view(image, "pillow") == np.asarray(Image.fromarray(image).convert("L"))).all()
    opencv = np.round(cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY))
    assert (view(image, "luma") == opencv).mean() > 0.998  # halves: OpenCV's float32 falls on either side
    assert abs(view(image, "luma").astype(int) - opencv).max() <= 1
    # the factors that MATLAB's documentation gives to four digits
    weighted = image @ np.array([0.2989, 0.5870, 0.1140])
    assert abs(view(image, "matlab") - weighted).max() < 0.53


def test_a_grey_fused_picture_and_grey_sources_stay_grey():
    fused, ir, vi = COLOURED
    one = fused[..., 0]
    got = metrics.evaluate(one, ir, vi, variant="vifb", metrics=["MI"])
    assert got == metrics.evaluate(one, ir, view(vi, "matlab"), variant="vifb", metrics=["MI"])
    # mefb: a colour picture fused from grey sources counts as its first channel
    got = metrics.evaluate(fused, ir, vi[..., 0], variant="mefb", metrics=["CE", "PSNR"])
    assert got == metrics.evaluate(one, ir, vi[..., 0], variant="mefb", metrics=["CE", "PSNR"])


def test_equal_channels_score_as_one():
    grey = [picture(seed, grey=True) for seed in (1, 2, 3)]
    stacked = [np.stack([image] * 3, axis=2) for image in grey]
    for variant in ("smfnet", "vifb", "tang"):
        names = [name for name in metrics.names(variant) if name != "SF"]  # vifb's has seams
        assert metrics.evaluate(*stacked, variant=variant, metrics=names) == pytest.approx(
            metrics.evaluate(*grey, variant=variant, metrics=names), rel=1e-13)


def test_a_scorer_of_colour_sources_gives_what_evaluate_gives():
    fused, ir, vi = COLOURED
    scorer = metrics.Scorer(ir, vi, variant="vifb")
    for image in (fused, vi, fused[..., 1], fused):
        assert scorer.score(image) == metrics.evaluate(image, ir, vi, variant="vifb")


# ---- evaluate_pair and small pictures

@pytest.mark.parametrize("variant", ["smfnet", "vifb"])
@pytest.mark.parametrize("colour", [True, False])
def test_evaluate_pair_is_what_a_run_computes(variant, colour):
    from fusion import images

    rng = np.random.default_rng(4)
    fused = rng.uniform(-0.01, 1.01, (50, 60, 3) if colour else (50, 60)).astype(np.float32)
    ir, vi = picture(2, grey=True, size=(50, 60)), picture(3, grey=not colour, size=(50, 60))
    saved = images.to_8bit(fused)
    if variant == "smfnet":
        expected = metrics.evaluate(images.grey8(saved), ir, images.grey8(vi))
    else:
        expected = metrics.evaluate(saved, ir, vi, variant=variant)
    assert metrics.evaluate_pair(fused, ir, vi, variant=variant) == expected
    assert metrics.evaluate_pair(saved, ir, vi, variant=variant) == expected
    assert metrics.evaluate_pair(fused, images.to_unit(ir), images.to_unit(vi), variant=variant) == expected


@pytest.mark.parametrize("fused, message", [
    (np.full((50, 60), 128.0), "look like 0..255; expected 0..1, divide by 255"),
    (np.full((50, 60), np.nan), "nan or infinite values; the method"),
    (np.zeros((50, 60), int), "dtype int64; expected a numpy array, uint8 or float in 0..1"),
    ([[0.5]], "list; expected a numpy array"),
    (np.zeros((50, 61)), "shapes differ"),
])
def test_evaluate_pair_refuses_what_is_no_fused_picture(fused, message):
    source = np.zeros((50, 60), np.uint8)
    with pytest.raises(metrics.MetricError, match=message):
        metrics.evaluate_pair(fused, source, source)


def test_what_is_undefined_for_a_small_picture_can_be_asked_and_counts_as_nan():
    assert metrics.undefined(None, "smfnet", (40, 60)) == {
        "VIF": "needs at least 41x41 pixels; the images have 60x40"}
    assert metrics.undefined(["EN"], "smfnet", (1, 1)) == metrics.undefined(None, "smfnet", (41, 41, 3)) == {}
    images = [picture(seed, grey=True, size=(40, 60)) for seed in (1, 2, 3)]
    for evaluate in (metrics.evaluate, metrics.evaluate_plainly):
        with pytest.raises(metrics.MetricError, match=r"VIF \(smfnet\) needs at least 41x41 .*undefined="):
            evaluate(*images)
        values = evaluate(*images, undefined="nan")
        assert [name for name, value in values.items() if math.isnan(value)] == ["VIF"]
    assert metrics.Scorer(*images[1:], undefined="nan").score(images[0]).keys() == values.keys()
    with pytest.raises(metrics.MetricError, match="undefined='skip'; expected 'raise' or 'nan'"):
        metrics.evaluate(*images, undefined="skip")

"""Degenerate and wrong images: what the definition says, nan where it says nothing, and clear errors; no warnings."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metrics

RNG = np.random.default_rng(0)
NOISE = [RNG.integers(0, 256, (48, 52)).astype(np.uint8) for _ in range(3)]
BLACK, WHITE, GREY = (np.full((48, 52), level, np.uint8) for level in (0, 255, 128))
CASES = {
    "all black": (BLACK, BLACK, BLACK), "all white": (WHITE, WHITE, WHITE), "constants": (GREY, BLACK, WHITE),
    "black fused": (BLACK, *NOISE[:2]), "constant fused": (GREY, *NOISE[:2]), "black ir": (NOISE[0], BLACK, NOISE[1]),
    "constant sources": (NOISE[0], GREY, WHITE), "identical": (NOISE[0],) * 3,
    "fused is vi": (NOISE[1], NOISE[0], NOISE[1]),
    "two levels": tuple((image > 127).astype(np.uint8) * 255 for image in NOISE),
}


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("variant", metrics.variants())
def test_no_crash_no_warning_and_both_paths_alike(case, variant):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = metrics.evaluate(*CASES[case], variant=variant, undefined="nan")
        plain = metrics.evaluate_plainly(*CASES[case], variant=variant, undefined="nan")
    for name, value in fast.items():
        assert value == pytest.approx(plain[name], rel=0, abs=1e-9, nan_ok=True), name
        low, high = metrics.get(name, variant).bounds
        assert math.isnan(value) or low - 1e-9 <= value <= high + 1e-9, (name, value)


def test_what_the_definitions_say():
    constant = metrics.evaluate(*CASES["constant fused"])
    assert math.copysign(1, constant["EN"]) == -1 and constant["EN"] == 0
    assert [constant[name] for name in ("SD", "SF", "AG", "MI", "VIF", "Nabf")] == [0] * 6
    assert math.isnan(constant["CC"])

    identical = metrics.evaluate(*CASES["identical"])
    assert identical["SSIM"] == 2 and identical["MSE"] == identical["Nabf"] == 0 and identical["PSNR"] == math.inf
    assert math.isnan(identical["SCD"]) and identical["CC"] == pytest.approx(1)
    assert identical["VIF"] == pytest.approx(2, abs=1e-9) and identical["MI"] == pytest.approx(
        2 * math.log(2) * identical["EN"])

    black = metrics.evaluate(*CASES["all black"])
    assert {name for name, value in black.items() if math.isnan(value)} == {"SCD", "CC", "PSNR", "Qabf"}
    assert black["VIF"] == 2  # a source without structure counts 1
    assert math.isnan(metrics.evaluate(*CASES["all black"], variant="tang")["VIF"])
    assert metrics.evaluate(*CASES["black fused"])["PSNR"] == -math.inf
    assert math.isnan(metrics.evaluate(*CASES["black ir"])["SCD"])


def test_a_constant_float_image_is_constant():
    level = np.full((48, 52), 0.1 * 255 / 3)  # not a binary fraction: its mean need not come out equal
    values = metrics.evaluate(level, NOISE[0], NOISE[1])
    assert math.isnan(values["CC"]) and values["MI"] == 0 and values["VIF"] == 0


@pytest.mark.parametrize("variant", metrics.variants())
def test_smallest_sizes(variant):
    ir, vi = (RNG.integers(0, 256, (170, 180)) for _ in range(2))
    related = [image.astype(np.uint8) for image in ((3 * ir + vi) // 4, ir, vi)]  # to noise, similarity may be negative
    for name in metrics.names(variant):
        smallest = metrics.get(name, variant).smallest
        images = [image[:smallest, :smallest + 3] for image in related]
        assert np.isfinite(metrics.evaluate(*images, metrics=[name], variant=variant)[name])
        assert np.isfinite(metrics.evaluate_plainly(*images, metrics=[name], variant=variant)[name])
        if smallest > 1:
            for evaluate in (metrics.evaluate, metrics.evaluate_plainly):
                with pytest.raises(metrics.MetricError, match=f"{name}.*at least {smallest}x{smallest}"):
                    evaluate(*[image[:smallest - 1] for image in images], metrics=[name], variant=variant)


WRONG = {
    "shapes differ": (NOISE[0], NOISE[1], NOISE[2][:-1]),
    r"\(48, 52, 4\); expected": (np.zeros((48, 52, 4), np.uint8), NOISE[0], NOISE[1]),
    "dtype int64": (NOISE[0].astype(int), NOISE[1], NOISE[2]),
    "dtype bool": (NOISE[0] > 0, NOISE[1], NOISE[2]),
    "dtype uint16": (NOISE[0], NOISE[1].astype(np.uint16), NOISE[2]),
    "numpy array": (NOISE[0].tolist(), NOISE[1], NOISE[2]),
    "look like 0..1": (NOISE[0] / 255, NOISE[1], NOISE[2]),
    "expected 0..255": (NOISE[0] * 1.1, NOISE[1], NOISE[2]),
    "values -1": (NOISE[0], NOISE[1] - 1.0, NOISE[2]),
    "nan or infinite": (np.where(NOISE[0] > 9, NOISE[0], np.nan), NOISE[1], NOISE[2]),
    "infinite": (np.where(NOISE[0] > 9, NOISE[0], np.inf), NOISE[1], NOISE[2]),
}


@pytest.mark.parametrize("message", WRONG)
@pytest.mark.parametrize("evaluate", [metrics.evaluate, metrics.evaluate_plainly])
def test_wrong_images_are_clear_errors(evaluate, message):
    assert issubclass(metrics.MetricError, ValueError)
    with pytest.raises(metrics.MetricError, match=message):
        evaluate(*WRONG[message], metrics=["EN", "MSE"])


def test_a_scorer_refuses_wrong_images_too():
    scorer = metrics.Scorer(NOISE[0], NOISE[1])
    with pytest.raises(metrics.MetricError, match="shapes differ"):
        scorer.score(NOISE[2].T)
    with pytest.raises(metrics.MetricError, match="shapes differ"):
        metrics.Scorer(NOISE[0], NOISE[1][:-1])


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 7), st.integers(41, 50), st.integers(41, 50))
def test_bounds_and_paths_on_random_few_level_images(seed, bits, height, width):
    rng = np.random.default_rng(seed)
    images = [(rng.integers(0, 2**bits + 1, (height, width)) * 255 // 2**bits).astype(np.uint8) for _ in range(3)]
    for variant in metrics.variants():
        fast = metrics.evaluate(*images, variant=variant, undefined="nan")
        plain = metrics.evaluate_plainly(*images, variant=variant, undefined="nan")
        for name, value in fast.items():
            low, high = metrics.get(name, variant).bounds
            assert math.isnan(value) or low - 1e-9 <= value <= high + 1e-9, (variant, name)
            assert value == pytest.approx(plain[name], rel=0, abs=1e-9, nan_ok=True), (variant, name)

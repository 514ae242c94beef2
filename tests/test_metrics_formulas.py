"""The metrics of the older toolboxes: against independent computations, in their degenerate cases, and path by path.

tests/golden/metrics/formula.csv holds values of an independent program for all ten golden triples, also where the
toolbox is too slow to be run; formula_metrics.csv and formula_exceptions.csv say what each is compared with.
"""

import csv
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import structural_similarity
from test_metrics_golden import HERE, MORE, load

import metrics
from metrics.definitions import ms_ssim, q_p
from metrics.fmi_features import MEYER, edges, wavelet


def _rows(path: Path) -> list[dict]:
    with path.open() as handle:
        return list(csv.DictReader(handle))


VALUES = {(row["triple"], row["metric"]): float(row["value"]) for row in _rows(HERE / "formula.csv")}
RULES = {row["golden"]: row for row in _rows(HERE / "formula_metrics.csv")}
EXCEPTIONS = {(row["triple"], row["golden"]): row for row in _rows(HERE / "formula_exceptions.csv")}
CASES = [case for case in VALUES if RULES[case[1]]["variant"] and EXCEPTIONS.get(case, {"bound": "some"})["bound"]]
# each definition once; those of other variants are the same object or differ by a parameter
NAMES = {
    "vifb": ["Qcb", "Qcv"],
    "mefb": ["FMI", "Qncie", "TE", "Qp", "Qc", "Qw", "Qy", "MEF_SSIM", "Qcb", "VIF"],
    "liu": ["Q_TE_nava", "Q_M", "Q_SF", "Q_S", "Q_W", "Q_E", "Q_C", "Q_Y"],
    "tang": ["FMI_dct", "FMI_w"],
    "haghighat": ["FMI_none", "FMI_gradient"],
    "zoo": ["QNCIE", "TE", "Qcb", "MS_SSIM"],
    "smfnet-unused": ["MS_SSIM"],
}


def one(name: str, variant: str, *images: np.ndarray, path: str = "fast") -> float:
    evaluate = metrics.evaluate if path == "fast" else metrics.evaluate_plainly
    return evaluate(*images, variant=variant, metrics=[name], undefined="nan")[name]


# ---- against independent computations

def test_the_copied_values_are_the_golden_ones(reference):
    assert (HERE / "formula.csv").read_bytes() == (reference / "golden" / "toolboxes" / "formula.csv").read_bytes()
    assert set(RULES) == {name for _, name in VALUES} and set(EXCEPTIONS) <= set(VALUES)
    assert all(row["variant"] or row["reason"] for row in RULES.values())


@pytest.mark.parametrize("case", [pytest.param(case, marks=[pytest.mark.long] * (case[0] in MORE), id="-".join(case))
                                  for case in CASES])
def test_formula_value(reference, case):
    rule, expected = RULES[case[1]] | EXCEPTIONS.get(case, {}), VALUES[case]
    got = one(rule["metric"], rule["variant"], *load(reference, case[0]))
    assert got == pytest.approx(expected, rel=float(rule["bound"]), abs=float(rule["floor"]), nan_ok=True)


@pytest.mark.parametrize("triple", ["constant_fused", "identical", "mri_pet11_mean", "noise_odd", "ramp_disc",
                                    pytest.param("road_FLIR_00211_max", marks=pytest.mark.long)])
def test_fast_and_plain_path_agree_on_golden_pictures(reference, triple):
    images = load(reference, triple)
    for variant, names in NAMES.items():
        fast = metrics.evaluate(*images, variant=variant, metrics=names, undefined="nan")
        plain = metrics.evaluate_plainly(*images, variant=variant, metrics=names, undefined="nan")
        assert fast == pytest.approx(plain, rel=1e-9, abs=1e-9, nan_ok=True), variant


def related(height: int, width: int, seed: int = 0) -> list[np.ndarray]:
    """Smooth pictures with noise, the first a mean of the others, uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / 9
    ir = 120 + 60 * np.sin(rows) * np.cos(columns) + 15 * rng.standard_normal(rows.shape)
    vi = 110 + 50 * np.cos(rows + columns / 2) + 15 * rng.standard_normal(rows.shape)
    return [np.clip(np.round(image), 0, 255).astype(np.uint8) for image in ((ir + vi) / 2, ir, vi)]


def window_information(a: np.ndarray, f: np.ndarray) -> float:
    """Q_S of FMI for one pair of 3 x 3 windows, number by number."""
    def shares(window):
        values = [float(value) for value in window.T.ravel()]
        low, high = min(values), max(values)
        values = [1.0] * 9 if low == high else [(value - low) / (high - low) for value in values]
        return [value / sum(values) for value in values]

    def entropy(values):
        return -sum(value * math.log2(abs(value)) for value in values if value)

    if (a == f).all():
        return 1.0
    a, f = shares(a), shares(f)
    mean_a, mean_f = sum(a) / 9, sum(f) / 9
    common = sum((x - mean_a) * (y - mean_f) for x, y in zip(a, f))
    c = common / math.sqrt(sum((x - mean_a)**2 for x in a) * sum((y - mean_f)**2 for y in f)) if common else 0.0
    upto_a, upto_f = [0.0, *np.cumsum(a)], [0.0, *np.cumsum(f)]

    def bound(i, j):
        return min(upto_a[i], upto_f[j]) if c >= 0 else max(upto_a[i] + upto_f[j] - 1, 0)

    def variance(p):
        return sum(k * k * x for k, x in enumerate(p, 1)) - sum(k * x for k, x in enumerate(p, 1))**2

    covariance = sum(bound(i, j) - upto_a[i] * upto_f[j] for i in range(1, 10) for j in range(1, 10))
    deviations = math.sqrt(max(variance(a), 0) * max(variance(f), 0))
    phi = c * deviations / covariance if c and deviations else 0.0
    joint = [phi * (bound(i, j) - bound(i - 1, j) - bound(i, j - 1) + bound(i - 1, j - 1))
             + (1 - phi) * a[i - 1] * f[j - 1] for i in range(1, 10) for j in range(1, 10)]
    information = entropy(a) + entropy(f) - entropy(joint)
    return 2 * information / (entropy(a) + entropy(f)) if information else 0.0


@pytest.mark.parametrize("path", ["fast", "plain"])
def test_fmi_is_what_loops_over_windows_give(path):
    fused, ir, vi = (image.astype(float) for image in related(10, 13))
    fused[2:6, 3:8] = ir[2:6, 3:8]  # identical windows
    vi[4:, 9:] = 7  # flat ones
    expected = np.mean([(window_information(ir[y:y + 3, x:x + 3], fused[y:y + 3, x:x + 3])
                         + window_information(vi[y:y + 3, x:x + 3], fused[y:y + 3, x:x + 3])) / 2
                        for y in range(8) for x in range(11)])
    assert one("FMI_none", "haghighat", fused, ir, vi, path=path) == pytest.approx(expected, rel=1e-12)


def test_edges_are_thin_and_off_the_border():
    step = np.zeros((9, 12))
    step[:, 6:] = 200
    assert edges(step)[1:-1].sum(axis=1).tolist() == [1] * 7  # one of the two pixels of equal strength
    assert not edges(step)[[0, -1]].any() and not edges(np.full((5, 5), 9.0)).any()
    assert (edges(step.T) == edges(step).T).all()


def test_the_meyer_filter_is_a_wavelets():
    assert len(MEYER) == 102 and MEYER.sum() == pytest.approx(math.sqrt(2), rel=1e-12)
    for shift in range(0, 102, 2):  # orthonormal as far as a finite filter is
        assert np.dot(MEYER[shift:], MEYER[:102 - shift]) == pytest.approx(float(shift == 0), abs=5e-6)
    assert wavelet(np.full((5, 7), 3.0)).shape == (2 * 53, 2 * 54)


def test_ms_ssim_is_made_of_scikit_images_similarities():
    images = [image.astype(float) for image in related(176, 192)]  # even on all scales
    expected = 0.0
    for source in images[1:]:
        fused, product = images[0], 1.0
        for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
            # a huge C1 takes the means out of the similarity
            luminance = {} if scale == 4 else {"K1": 1e9}
            product *= structural_similarity(fused, source, data_range=1, gaussian_weights=True, sigma=1.5,
                                             use_sample_covariance=False, **luminance) ** weight
            if scale < 4:
                fused, source = (image.reshape(len(image) // 2, 2, -1, 2).mean(axis=(1, 3))
                                 for image in (fused, source))
        expected += product
    assert one("MS_SSIM", "zoo", *images) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shape", [(24, 30), (25, 31)])
def test_the_noise_threshold_is_that_of_the_filters_impulse_responses(shape):
    """Kovesi adds up products of the impulse responses of all pairs of scales."""
    for orientation in (0, 2, 5):
        filters = q_p.log_gabor(shape) * q_p.spread(shape, orientation)
        impulses = [np.fft.ifft2(one).real * math.sqrt(one.size) for one in filters]
        squares = sum(np.sum(one**2) for one in impulses)
        products = sum(np.sum(impulses[i] * impulses[j]) for i in range(4) for j in range(i + 1, 4))
        power = 1 / -math.log(0.5) / np.sum(filters[0] ** 2)  # of noise whose median of A^2 is 1
        tau = math.sqrt((2 * power * squares + 4 * power * products) / 2)
        expected = (tau * math.sqrt(math.pi / 2) + 2 * math.sqrt((2 - math.pi / 2) * tau**2)) / 1.7
        assert q_p.noise_factor(shape, orientation) == pytest.approx(expected, rel=1e-12)


# ---- relations that the formulas have

def test_with_one_source_twice_the_indices_are_similarities():
    fused, ir, _ = related(60, 71)
    ssim = one("SSIM", "vifb", fused, ir, ir) / 2
    assert one("Q_S", "liu", fused, ir, ir) == pytest.approx(ssim, rel=1e-12)
    assert one("Q_Y", "liu", fused, ir, ir) == pytest.approx(one("Qc", "mefb", fused, ir, ir), rel=1e-12)
    assert one("Q_E", "liu", fused, ir, ir) == pytest.approx(
        one("Q_W", "liu", fused, ir, ir) * one("Qw", "mefb", fused, ir, ir), rel=1e-14)


def test_activity_and_error_scale_as_they_should():
    flat = related(60, 71)[1].astype(float) / 4
    for factor in (0.5, 2.0):
        assert one("Q_SF", "liu", flat * factor, flat, flat) == pytest.approx(factor - 1, rel=1e-12)
    fused, ir, vi = related(60, 71)
    # the filter is linear and a picture is stretched by its own extremes: half the pattern is no error at all
    assert one("Qcv", "vifb", ir / 2, ir.astype(float), ir.astype(float)) < 0.5
    assert one("Qcv", "vifb", fused, ir, vi) > 1
    assert one("Q_NCIE", "liu", *(np.random.default_rng(n).integers(0, 256, (400, 400)).astype(np.uint8)
                                  for n in range(3))) == pytest.approx(1 - math.log2(3) / 8, abs=0.02)


@pytest.mark.parametrize("variant", ["vifb", "mefb", "liu", "tang", "zoo"])
def test_a_scorer_gives_every_method_what_it_gets_alone(variant):
    fused, ir, vi = related(161, 170)
    scorer = metrics.Scorer(ir, vi, variant=variant)
    for image in (fused, ir, fused):
        np.testing.assert_equal(scorer.score(image), metrics.evaluate(image, ir, vi, variant=variant))


# ---- degenerate pictures

SIZE = (48, 53)
CONSTANT, POWER, BLACK = (np.full(SIZE, level, np.uint8) for level in (77, 128, 0))
FUSED, IR, VI = related(*SIZE)
DOCUMENTED = [
    ("Q_S", "liu", (BLACK, BLACK, BLACK), 1), ("Q_S", "liu", (CONSTANT, CONSTANT, CONSTANT), 1),
    ("Q_W", "liu", (CONSTANT, CONSTANT, CONSTANT), 1), ("Q_W", "liu", (BLACK, BLACK, BLACK), 1),
    ("Q_E", "liu", (BLACK, BLACK, BLACK), 1), ("Qw", "mefb", (BLACK, BLACK, BLACK), 1),
    ("Q_C", "liu", (POWER, IR, VI), math.nan), ("Qc", "mefb", (POWER, IR, VI), math.nan),
    ("Qc", "mefb", (CONSTANT, IR, VI), 0), ("Q_C", "liu", (BLACK, IR, VI), math.nan),
    ("Q_Y", "liu", (FUSED, BLACK, BLACK), math.nan), ("Qy", "mefb", (FUSED, BLACK, BLACK), math.nan),
    ("Q_Y", "liu", (CONSTANT, IR, VI), 0), ("Q_Y", "liu", (IR, IR, IR), 1),
    ("Qcb", "vifb", (CONSTANT, IR, VI), math.nan), ("Qcb", "vifb", (FUSED, BLACK, VI), math.nan),
    ("Qcb", "vifb", (IR, IR, IR), 1), ("Qcv", "vifb", (IR, IR, IR), 0),
    ("Qcv", "vifb", (CONSTANT, IR, VI), math.nan), ("Qcv", "vifb", (FUSED, BLACK, BLACK), math.nan),
    ("Q_M", "liu", (FUSED, CONSTANT, BLACK), math.nan), ("Q_M", "liu", (IR, IR, IR), 3),
    ("Q_SF", "liu", (CONSTANT, IR, VI), -1), ("Q_SF", "liu", (FUSED, CONSTANT, BLACK), math.nan),
    ("Q_NCIE", "liu", (CONSTANT, IR, VI), math.nan), ("QNCIE", "zoo", (IR, IR, IR), math.nan),
    ("Q_NCIE", "liu", (BLACK, BLACK, BLACK), 1 - math.log2(3) / 8),
    ("Q_TE_cvejic", "liu", (CONSTANT, IR, VI), math.nan), ("Q_TE_nava", "liu", (BLACK, BLACK, BLACK), math.nan),
    ("TE", "zoo", (BLACK, BLACK, BLACK), 0),
    ("Q_P", "liu", (CONSTANT, IR, VI), math.nan), ("Q_P", "liu", (FUSED, IR, BLACK), math.nan),
    ("VIF", "mefb", (CONSTANT, CONSTANT, POWER), 1), ("VIF", "mefb", (IR, IR, IR), 1),
    ("VIF", "mefb", (CONSTANT, IR, VI), 0),
    ("MS_SSIM", "tang", (CONSTANT, POWER, BLACK), 1), ("MS_SSIM", "tang", (IR, IR, IR), 1),
    ("MS_SSIM", "smfnet-unused", (CONSTANT, CONSTANT, VI), 1), ("MS_SSIM", "zoo", (FUSED, IR, VI), math.nan),
    ("FMI_pixel", "tang", (IR, IR, IR), 1), ("FMI_pixel", "tang", (BLACK, CONSTANT, POWER), 1),
    ("FMI_dct", "tang", (BLACK, IR, VI), 0), ("FMI_none", "haghighat", (CONSTANT, IR, VI), 0),
    ("FMI_w", "tang", (IR, IR, IR), 1), ("Qy", "zoo", (IR, IR, IR), 1),
]


@pytest.mark.parametrize("path", ["fast", "plain"])
@pytest.mark.parametrize("name, variant, images, expected", DOCUMENTED)
def test_degenerate_pictures_give_what_the_docstring_says(name, variant, images, expected, path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = one(name, variant, *images, path=path)
    assert got == pytest.approx(expected, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
@pytest.mark.parametrize("variant", NAMES)
def test_small_and_odd_pictures(variant, size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = related(*size)
        fast = metrics.evaluate(*images, variant=variant, metrics=NAMES[variant], undefined="nan")
        plain = metrics.evaluate_plainly(*images, variant=variant, metrics=NAMES[variant], undefined="nan")
    assert fast == pytest.approx(plain, rel=1e-9, abs=1e-9, nan_ok=True)
    undefined = {name for name, value in fast.items() if math.isnan(value)}
    assert undefined == {name for name in NAMES[variant] if metrics.get(name, variant).smallest > min(size)}


def test_ms_ssim_of_opposites_is_undefined_for_smfnet_and_0_for_zoo():
    image = related(170, 180)[1].astype(float)
    assert math.isnan(ms_ssim.multiscale_similarity(255 - image, image, image))
    assert ms_ssim.multiscale_similarity(255 - image, image, image, rules=ms_ssim.ZOO_RULES) == 0

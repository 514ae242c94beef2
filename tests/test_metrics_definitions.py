"""The definitions against independent implementations: scikit-learn, scikit-image, and loops over pixels."""

import doctest
import importlib
import importlib.util
import math
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import structural_similarity

import metrics
from metrics import definitions
from metrics.fast import vif
from metrics.picture import Picture

ROOT = Path(__file__).parents[1]


def oracle():
    path = ROOT / "benchmarks" / "metrics_reference.py"
    spec = importlib.util.spec_from_file_location("metrics_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.METRICS


def scene(height, width, seed, whole=True):
    """Three related pictures with texture, edges, a flat and a saturated region."""
    rng = np.random.default_rng(seed)
    vi = 120 + 45 * ndimage.gaussian_filter(rng.standard_normal((height, width)), 1.5) / 0.19
    ir = 60 + 30 * ndimage.gaussian_filter(rng.standard_normal((height, width)), 4) / 0.07
    ir[height // 4:height // 2, width // 3:width // 2] += 120
    vi[-height // 5:] = 40
    fused = 0.4 * ir + 0.6 * vi + rng.normal(0, 3, ir.shape)
    fused[:height // 6, :width // 6] = 300
    pictures = [np.clip(image, 0, 255) for image in (fused, ir, vi)]
    return [np.round(image) for image in pictures] if whole else pictures


MODULES = [f"metrics.definitions.{module.name}" for module in pkgutil.iter_modules(definitions.__path__)]


@pytest.mark.parametrize("name", [*MODULES, *(f"metrics.{name}" for name in
                                                ("statistics", "registry", "scorer", "colour"))])
def test_doctests(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0 and result.attempted > 0


@pytest.mark.parametrize("shape", [(131, 97), (64, 120), (41, 41)])
def test_smfnet_equals_the_usual_evaluator(shape):
    images = scene(*shape, seed=shape[0])
    expected = {name: function(*images) for name, function in oracle().items()}
    for values in (metrics.evaluate(*images), metrics.evaluate_plainly(*images)):
        assert values == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.parametrize("variant", metrics.variants())
@pytest.mark.parametrize("whole", [True, False], ids=["8-bit", "float"])
def test_fast_and_plain_path_agree(variant, whole):
    images = scene(165, 173, seed=5, whole=whole)  # odd, and large enough for every metric
    plain = metrics.evaluate_plainly(*images, variant=variant)
    fast = metrics.evaluate(*images, variant=variant)
    assert list(fast) == list(plain) == list(metrics.names(variant))
    assert fast == pytest.approx(plain, rel=0, abs=1e-9)


def test_scorer_gives_every_method_what_it_gets_alone():
    fused, ir, vi = scene(80, 96, seed=1)
    scorer = metrics.Scorer(ir, vi)
    for image in (fused, ir, np.round((ir + vi) / 2), vi, fused):
        np.testing.assert_equal(scorer.score(image), metrics.evaluate(image, ir, vi))


@pytest.mark.parametrize("variant", ["smfnet", pytest.param("tang", marks=pytest.mark.long)])
def test_values_do_not_depend_on_the_number_of_threads(monkeypatch, variant):
    images = scene(300, 310, seed=1)  # large enough for several blocks of rows
    values = []
    for threads in ("1", "3", ""):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        values.append(metrics.evaluate(*images, variant=variant))
        values.append(metrics.Scorer(*images[1:], variant=variant).score(images[0]))
    assert all(other == values[0] for other in values)
    assert values[0] == pytest.approx(metrics.evaluate_plainly(*images, variant=variant), rel=0, abs=1e-9)


def test_scorer_keeps_nothing_of_a_scored_image():
    import gc
    import weakref

    fused, ir, vi = scene(60, 60, seed=1)
    scorer = metrics.Scorer(ir, vi)
    watch = weakref.ref(fused)
    scorer.score(fused)
    del fused
    gc.collect()
    assert watch() is None


def test_8bit_and_float_images_of_the_same_pixels_score_alike():
    images = scene(64, 64, seed=9)
    for dtype in (np.uint8, np.float32):
        assert metrics.evaluate(*[image.astype(dtype) for image in images]) == metrics.evaluate(*images)


# In smfnet and in tang's wrong order of arguments only the infrared image is asked; Q_G meets the visible one first.
ASYMMETRIC = {"smfnet": {"Nabf"}, "smfnet-ablation": {"Nabf"}, "smfnet-unused": {"MS_SSIM"}, "tang": {"Nabf"},
              "liu": {"Q_G", "Q_C"}, "mefb": {"Qc"}}


@pytest.mark.parametrize("variant", metrics.variants())
def test_order_of_ir_and_vi_matters_only_where_it_is_said(variant):
    fused, ir, vi = scene(70, 80, seed=2)
    one, other = (metrics.evaluate(fused, *pair, variant=variant, undefined="nan") for pair in ((ir, vi), (vi, ir)))
    differs = {name for name in one if one[name] != pytest.approx(other[name], abs=1e-11, nan_ok=True)}
    assert differs <= ASYMMETRIC.get(variant, set())


def test_relations_between_the_toolboxes():
    images = scene(60, 90, seed=3)
    smfnet, ablation, cddfuse, vifb, tang = (metrics.evaluate(*images, variant=variant) for variant in
                                             ("smfnet", "smfnet-ablation", "cddfuse", "vifb", "tang"))
    assert tang["MI"] == pytest.approx(smfnet["MI"] / math.log(2), rel=1e-14)  # no pixel reaches 254
    zoo, mefb, huili = (metrics.evaluate(*images, variant=variant, undefined="nan")
                        for variant in ("zoo", "mefb", "huili"))
    assert zoo["MI"] == pytest.approx(smfnet["MI"] / math.log(2), rel=1e-14)
    assert huili["MI"] == 2 * huili["EN"] and huili["EN"] == smfnet["EN"] > zoo["EN"]
    assert vifb["PSNR"] == mefb["PSNR"] == pytest.approx(20 * math.log10(255 / math.sqrt(vifb["RMSE"])), rel=1e-14)
    assert cddfuse["AG"] == pytest.approx(smfnet["AG"] / math.sqrt(2), rel=1e-14)
    assert vifb["AG"] == tang["AG"] == pytest.approx(cddfuse["AG"] * 60 * 90 / (59 * 89), rel=1e-14)
    assert tang["MSE"] == pytest.approx(smfnet["MSE"] / 255**2, rel=1e-14)
    assert {name for name in smfnet if smfnet[name] != ablation[name]} == {"SSIM"}
    assert ablation["SSIM"] == cddfuse["SSIM"] < smfnet["SSIM"]
    for name in ("EN", "SD", "Qabf"):
        assert smfnet[name] == ablation[name] == cddfuse[name] == vifb[name] == tang[name]


def test_ssim_with_data_range_2_is_scikit_images():
    images = scene(50, 60, seed=4)
    expected = sum(structural_similarity(images[0], source, data_range=2) for source in images[1:])
    got = metrics.evaluate(*images, variant="cddfuse", metrics=["SSIM"])["SSIM"]
    assert got == pytest.approx(expected, rel=0, abs=1e-9)


def test_vifb_ssim_is_scikit_images_gaussian_one():
    images = scene(50, 60, seed=4)
    expected = sum(structural_similarity(images[0], source, data_range=255, gaussian_weights=True, sigma=1.5,
                                         use_sample_covariance=False) for source in images[1:])
    got = metrics.evaluate(*images, variant="vifb", metrics=["SSIM"])["SSIM"]
    assert got == pytest.approx(expected, rel=0, abs=1e-10)


def test_tang_ssim_repeats_the_edge():
    fused, ir, vi = scene(30, 40, seed=6)
    axis = np.arange(-5, 6)
    window = np.exp(-(axis[:, None] ** 2 + axis**2) / 4.5)
    window /= window.sum()

    def local(image):
        return ndimage.correlate(image, window, mode="nearest")

    def similarity(x, y):
        mx, my = local(x), local(y)
        sx, sy, sxy = local(x * x) - mx * mx, local(y * y) - my * my, local(x * y) - mx * my
        return np.mean((2 * mx * my + 1e-4) * (2 * sxy + 9e-4) / ((mx**2 + my**2 + 1e-4) * (sx + sy + 9e-4)))

    expected = (similarity(fused, ir) + similarity(fused, vi)) / 2
    got = metrics.evaluate(fused, ir, vi, variant="tang", metrics=["SSIM"])["SSIM"]
    assert got == pytest.approx(expected, rel=0, abs=1e-8)  # this one does not know flat windows from rounding


def test_vifb_mutual_information_of_stretched_images():
    fused, ir, vi = (np.array(levels, float).reshape(2, 2) for levels in
                     ([10, 10, 20, 20], [0, 0, 3, 3], [7, 9, 7, 9]))
    # stretched or not, two levels that tell ir's apart exactly, and vi's not at all
    got = metrics.evaluate(fused, ir, vi, variant="vifb", metrics=["MI"])["MI"]
    assert got == pytest.approx(math.log(2), rel=1e-14)
    # 255 levels over a range of 2: .5 * 255 = 127.5 is rounded up, as MATLAB does
    assert definitions.mi.stretch(np.array([[0.0, 1.0, 2.0]])).tolist() == [[0, 128, 255]]


def test_vifb_spatial_frequency_and_psnr_by_hand():
    fused, ir, vi = np.array([[0.0, 3.0], [4.0, 7.0]]), np.zeros((2, 2)), np.full((2, 2), 7.0)
    values = metrics.evaluate(fused, ir, vi, variant="vifb", metrics=["SF", "PSNR"])
    assert values["SF"] == pytest.approx(math.sqrt((9 + 9 + 16 + 16) / 4))
    # both differences are (0, 3, 4, 7) in some order: norm sqrt(74)
    assert values["PSNR"] == pytest.approx(20 * math.log10(255 / math.sqrt(math.sqrt(74) / 4)))


def test_tang_nabf_pixel_by_pixel():
    images = scene(12, 14, seed=8)

    def edges(image):
        padded = np.pad(image, 1, mode="reflect")
        gv, gh = np.zeros_like(image), np.zeros_like(image)
        for i in range(image.shape[0]):
            for j in range(image.shape[1]):
                patch = padded[i:i + 3, j:j + 3]
                gv[i, j] = (patch[:, 2] - patch[:, 0]) @ [1, 2, 1] / 8
                gh[i, j] = (patch[2] - patch[0]) @ [1, 2, 1] / 8
        return gv, gh

    def angle(gv, gh):
        if gh == 0:
            return 0.0 if gv == 0 else math.copysign(math.pi / 2, gv)
        return math.atan(gv / gh)

    def quality(v, h, v_f, h_f):
        g, g_f = math.hypot(v, h), math.hypot(v_f, h_f)
        ratio = min(g, g_f) / max(g, g_f) if g and g_f else 0
        turn = abs(abs(angle(v, h) - angle(v_f, h_f)) - math.pi / 2) * 2 / math.pi
        return math.sqrt(0.9999 / (1 + math.exp(-19 * (ratio - 0.5))) * 0.9995 / (1 + math.exp(-22 * (turn - 0.5))))

    (vf, hf), (va, ha), (vb, hb) = map(edges, images)
    lost = weights = 0.0
    for at in np.ndindex(vf.shape):
        f, a, b = math.hypot(vf[at], hf[at]), math.hypot(va[at], ha[at]), math.hypot(vb[at], hb[at])
        wa, wb = (g**1.5 if g >= 2 else 0.001 for g in (a, b))
        weights += wa + wb
        if f > a and f > b:
            lost += (1 - quality(va[at], ha[at], vf[at], hf[at])) * wa
            lost += (1 - quality(vb[at], hb[at], vf[at], hf[at])) * wb
    got = metrics.evaluate(*images, variant="tang-defined", metrics=["Nabf"])["Nabf"]
    assert got == pytest.approx(lost / weights, rel=1e-9)
    fused, ir, vi = images  # as the toolbox calls it, its first argument is taken for the fused image
    called = metrics.evaluate(vi, fused, ir, variant="tang", metrics=["Nabf"])["Nabf"]
    assert called == pytest.approx(got, rel=1e-12)


def test_vif_of_nearly_flat_windows_is_not_rounding():
    """A saturated sky with single darker pixels: smoothed, its variances drown in what E[x^2] - E[x]^2 loses."""
    rng = np.random.default_rng(3)
    vi = np.full((200, 240), 255, np.uint8)
    vi[rng.integers(0, 200, 12), rng.integers(0, 240, 12)] = 254
    vi[150:] = rng.integers(0, 255, (50, 240))
    ir = rng.integers(0, 255, vi.shape).astype(np.uint8)
    fused = ((vi.astype(int) + ir) // 2).astype(np.uint8)
    counted = [Picture(vi).part(vif._as_source, slice(0, rows), rows, scale)[2][:, vif.NEARLY_FLAT_WINDOWS].sum()
               for scale, rows in ((1, 88), (2, 42))]
    assert min(counted) > 0
    found, plain = (evaluate(fused, ir, vi, metrics=["VIF"])["VIF"]
                    for evaluate in (metrics.evaluate, metrics.evaluate_plainly))
    assert abs(found - plain) < 1e-9  # by E[x^2] - E[x]^2 alone: 1e-7

"""The metrics of variant smfnet as evaluators are usually written: scipy, scikit-learn and scikit-image, one at a time,
nothing shared. What benchmarks/metrics.py compares with, and an independent check of the definitions.

Every function takes (fused, ir, vi), float64 [H,W] in 0..255, and returns a float.
"""

import numpy as np
from scipy import ndimage
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity
from sklearn.metrics import mutual_info_score


def en(fused, ir, vi):
    share = np.bincount(np.round(fused).astype(np.uint8).ravel(), minlength=256) / fused.size
    share = share[share > 0]
    return -np.sum(share * np.log2(share))


def sd(fused, ir, vi):
    return np.std(fused)


def sf(fused, ir, vi):
    return np.sqrt(np.mean(np.diff(fused, axis=0) ** 2) + np.mean(np.diff(fused, axis=1) ** 2))


def ag(fused, ir, vi):
    rows, columns = np.gradient(fused)
    return np.mean(np.sqrt(rows**2 + columns**2))


def mi(fused, ir, vi):
    return sum(mutual_info_score(fused.ravel().astype(int), source.ravel().astype(int)) for source in (ir, vi))


def mse(fused, ir, vi):
    return (np.mean((fused - ir) ** 2) + np.mean((fused - vi) ** 2)) / 2


def psnr(fused, ir, vi):
    return 10 * np.log10(np.max(fused) ** 2 / mse(fused, ir, vi))


def cc(fused, ir, vi):
    return (np.corrcoef(fused.ravel(), ir.ravel())[0, 1] + np.corrcoef(fused.ravel(), vi.ravel())[0, 1]) / 2


def scd(fused, ir, vi):
    return (np.corrcoef((fused - vi).ravel(), ir.ravel())[0, 1]
            + np.corrcoef((fused - ir).ravel(), vi.ravel())[0, 1])


def ssim(fused, ir, vi):
    return sum(structural_similarity(fused, source, data_range=255) for source in (ir, vi))


def vif(fused, ir, vi):
    return sum(_vif(source, fused) for source in (ir, vi))


def _vif(source, fused, noise=2.0, tiny=1e-10):
    shown = offered = 0.0
    for taps in (17, 9, 5, 3):
        axis = np.arange(taps) - taps // 2
        window = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * (taps / 5) ** 2))
        window /= window.sum()

        def local(image, window=window):
            return convolve2d(image, window, mode="valid")

        if taps < 17:
            source, fused = local(source)[::2, ::2], local(fused)[::2, ::2]
        mu_s, mu_f = local(source), local(fused)
        var_s = np.clip(local(source * source) - mu_s * mu_s, 0, None)
        var_f = np.clip(local(fused * fused) - mu_f * mu_f, 0, None)
        cov = local(source * fused) - mu_s * mu_f
        gain = cov / (var_s + tiny)
        rest = var_f - gain * cov
        flat_s, flat_f = var_s < tiny, var_f < tiny
        gain[flat_s | flat_f] = 0
        rest[flat_s] = var_f[flat_s]
        var_s[flat_s] = 0
        rest[flat_f] = 0
        rest[gain < 0] = var_f[gain < 0]
        gain[gain < 0] = 0
        rest[rest <= tiny] = tiny
        shown += np.sum(np.log10(1 + gain**2 * var_s / (rest + noise)))
        offered += np.sum(np.log10(1 + var_s / noise))
    return shown / offered if offered else 1.0


def qabf(fused, ir, vi):
    g_f, a_f = _qabf_edges(fused)
    kept = offered = 0.0
    for source in (ir, vi):
        g, a = _qabf_edges(source)
        ratio = np.zeros_like(g)
        ratio[g > g_f] = g_f[g > g_f] / g[g > g_f]
        ratio[g < g_f] = g[g < g_f] / g_f[g < g_f]
        ratio[g == g_f] = g_f[g == g_f]
        turn = 1 - np.abs(a - a_f) / (np.pi / 2)
        quality = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5))) * 0.9879 / (1 + np.exp(-22 * (turn - 0.8)))
        kept += np.sum(quality * g)
        offered += np.sum(g)
    return kept / offered


def _qabf_edges(image):
    x = convolve2d(image, np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), mode="same")
    y = convolve2d(image, np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]), mode="same")
    angle = np.full_like(x, np.pi / 2)
    angle[x != 0] = np.arctan(y[x != 0] / x[x != 0])
    return np.sqrt(x * x + y * y), angle


def nabf(fused, ir, vi):
    (g_f, a_f), (g_a, _) = _nabf_edges(fused), _nabf_edges(ir)
    lost = weights = 0.0
    for source in (ir, vi):
        g, a = _nabf_edges(source)
        with np.errstate(invalid="ignore"):
            ratio = np.where(g == 0, 0, np.minimum(g, g_f) / np.maximum(g, g_f))
        turn = np.abs(np.abs(a - a_f) - np.pi / 2) * 2 / np.pi
        quality = np.sqrt(0.9999 / (1 + np.exp(-19 * (ratio - 0.5))) * 0.9995 / (1 + np.exp(-22 * (turn - 0.5))))
        weight = np.where(g >= 2, 0.001 * g**1.5, 0.001)
        lost += np.sum(np.where(g_f > g_a, (1 - quality) * weight, 0))
        weights += np.sum(weight)
    return lost / weights


def _nabf_edges(image):
    y, x = ndimage.sobel(image, axis=0), ndimage.sobel(image, axis=1)
    return np.sqrt(x * x + y * y), np.arctan2(y, x)


METRICS = {"EN": en, "SD": sd, "SF": sf, "MI": mi, "VIF": vif, "Qabf": qabf, "AG": ag, "SSIM": ssim, "SCD": scd,
           "MSE": mse, "CC": cc, "PSNR": psnr, "Nabf": nabf}

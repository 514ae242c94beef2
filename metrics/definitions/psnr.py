"""PSNR: peak signal to noise ratio of the fused image against both sources, in dB.

Variants differ in the peak and in the error:

    smfnet, cddfuse   10 log10( max(F)^2 / MSE )     the fused image's own maximum, not 255
    tang, zoo         20 log10( 255 / sqrt(MSE) )    MSE on images in 0..1: 48.13 dB above the usual value
    vifb, mefb        20 log10( 255 / sqrt(E) )      E = ( ||F-A|| + ||F-B|| ) / (2 M N), norms instead of squared norms

Higher is better; inf where the images are the same, -inf for a black fused image, nan when all three are black.
Jagalingam, Hegde, "A review of quality metrics for fused image", Aquat. Procedia 2015.
"""

import math

import numpy as np

from metrics.definitions import mse
from metrics.registry import agreed, register
from metrics.toolboxes import CDDFUSE, MEFB, SMFNET, TANG, VIFB, ZOO


@np.errstate(divide="ignore", invalid="ignore")
def peak_ratio(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, error: str = "mse") -> float:
    """PSNR in dB of float64 [H,W] in 0..255.

    error: "mse" (peak: the fused image's maximum), "unit-mse" (tang, zoo) or "norm" (vifb, mefb).

    >>> image = np.full((2, 2), 255.0)
    >>> round(float(peak_ratio(image, image - 2.55, image - 2.55)), 9)
    40.0
    """
    if error == "norm":
        norms = np.sqrt(np.sum((ir - fused) ** 2)) + np.sqrt(np.sum((vi - fused) ** 2))
        return float(20 * np.log10(255 / np.sqrt(norms / (2 * fused.size))))
    if error == "unit-mse":
        return float(20 * np.log10(255 / np.sqrt(mse.mean_squared_error(fused, ir, vi, full_scale=255))))
    return float(10 * np.log10(fused.max() ** 2 / mse.mean_squared_error(fused, ir, vi)))


BOUNDS = (-math.inf, math.inf)
register("PSNR", title="Peak signal to noise ratio", higher_is_better=True, function=peak_ratio, variants={
    **agreed({"smfnet": f"{SMFNET} Evaluator.PSNR", "smfnet-ablation": f"{SMFNET} Evaluator.PSNR",
              "cddfuse": f"{CDDFUSE} Evaluator.PSNR"}, BOUNDS),
    **agreed({"vifb": f"{VIFB} metricsPsnr.m", "mefb": f"{MEFB} metricsPsnr.m"}, BOUNDS, {"error": "norm"}),
    **agreed({"tang": f"{TANG} PSNR_evaluation.m", "zoo": f"{ZOO} PSNR_function"}, BOUNDS, {"error": "unit-mse"}),
})

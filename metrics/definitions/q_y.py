"""Q_Y: Yang's fusion quality index, the weighted SSIM with both sources where they agree, elsewhere the larger of both.

    q = l SSIM(A, F) + (1 - l) SSIM(B, F)   where SSIM(A, B) >= .75,   l = s_A^2 / (s_A^2 + s_B^2)
    q = max( SSIM(A, F), SSIM(B, F) )       elsewhere
    Q_Y = mean q

SSIM on 7x7 Gaussian windows, sigma 1.5, inside the picture, both constants 2e-16.
Variants: where both sources are flat at a level of 0 or 2^n, l is 0/0: nan for the whole picture in liu, left out in
mefb (nan when no window is left). Where they are flat at other levels l = 1/2; the toolboxes leave it to rounding.
Range -1..1, higher is better; identical pictures without flat windows give 1, a constant fused picture some 1e-19.
Smallest picture 7x7. Yang, Zhang, Wang, Liu, "A novel similarity based quality metric for image fusion", Inf. Fusion
2008.
"""

import math

import numpy as np

from metrics.definitions.q_c import mean_of_defined
from metrics.registry import Definition, register
from metrics.toolboxes import LIU, MEFB
from metrics.windows import ALMOST_BARE, Local, share

ALIKE = 0.75  # similarity of the sources from which on both count


def similarity_based_quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *,
                             undefined_left_out: bool = False) -> float:
    """Q_Y of float64 [H,W] in 0..255.

    undefined_left_out: windows that are 0/0 do not count; otherwise one of them makes the result nan.

    >>> image = np.arange(100.0).reshape(10, 10)
    >>> round(float(similarity_based_quality(image, image, image)), 12)
    1.0
    """
    local_f, local_a, local_b = (Local(image, ALMOST_BARE) for image in (fused, vi, ir))
    kept_a, kept_b = local_a.similarity(local_f), local_b.similarity(local_f)
    weight = share(local_a.variance, local_b.variance)
    quality = np.where(local_a.similarity(local_b) >= ALIKE, weight * kept_a + (1 - weight) * kept_b,
                       np.maximum(kept_a, kept_b))
    quality[local_a.exact & local_b.exact] = math.nan
    return mean_of_defined(quality, undefined_left_out)


register("Q_Y", title="Yang's fusion quality index", higher_is_better=True, smallest=7,
         function=similarity_based_quality, variants={"liu": Definition(f"{LIU} metricYang.m", (-1, 1))})
register("Qy", title="Yang's fusion quality index", higher_is_better=True, smallest=7,
         function=similarity_based_quality,
         variants={"mefb": Definition(f"{MEFB} metricsQy.m", (-1, 1), {"undefined_left_out": True})})

"""VIFF: visual information fidelity for fusion, of the fused picture with whichever source says more in each window.

Scales, windows, gains g and variances as in VIF, with s_n^2 = .005 * 255^2. Per scale and window X is the source with
the smaller gain (the infrared one where both are equal):

    V = sum( log10( 1 + g^2 s_X^2 / (s_v^2 + s_n^2) ) + 1e-7 ) / sum( log10( 1 + s_X^2 / s_n^2 ) + 1e-7 )
    VIFF = (V_1 + 0 V_2 + .15 V_3 + V_4) / 2.15

Variants: mefb prints it as "VIF".
Range 0 upwards, higher is better. Identical pictures give 1, and so do three constants: 1e-7 over 1e-7. A constant
fused picture gives some 1e-6.
Smallest picture 41x41. Han, Cai, Cao, Xu, "A new image fusion performance metric based on visual information
fidelity", Inf. Fusion 2013.
"""

import math

import numpy as np

from metrics import filters
from metrics.definitions.vif import WINDOWS, channel
from metrics.registry import Definition, register
from metrics.toolboxes import MEFB

NOISE = 0.005 * 255**2
TINY = 1e-7  # added to what each window says
WEIGHTS = (1 / 2.15, 0.0, 0.15 / 2.15, 1 / 2.15)


def fusion_fidelity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """VIFF of float64 [H,W] in 0..255, H, W >= 41.

    >>> image = np.add.outer(np.arange(64.0), np.arange(64.0) ** 2 % 97)
    >>> round(fusion_fidelity(image, image, image), 6)
    1.0
    """
    result = 0.0
    for scale, (window, weight) in enumerate(zip(WINDOWS, WEIGHTS)):
        if scale:
            fused, ir, vi = (filters.plain_valid(image, window)[::2, ::2] for image in (fused, ir, vi))
        of_vi, of_ir = channel(vi, fused, window), channel(ir, fused, window)
        gain, variance, rest = (np.where(of_vi[0] < of_ir[0], one, other) for one, other in zip(of_vi, of_ir))
        kept = np.sum(np.log10(1 + gain**2 * variance / (rest + NOISE)) + TINY)
        result += weight * kept / np.sum(np.log10(1 + variance / NOISE) + TINY)
    return float(result)


register("VIF", title="Visual information fidelity for fusion", higher_is_better=True, smallest=41,
         function=fusion_fidelity, variants={"mefb": Definition(f"{MEFB} metricsVIF.m", (0, math.inf))})

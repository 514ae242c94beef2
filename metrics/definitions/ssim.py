"""SSIM: structural similarity of the fused image with each source, summed.

    S = (2 m_X m_Y + C1) (2 s_XY + C2) / ( (m_X^2 + m_Y^2 + C1) (s_X^2 + s_Y^2 + C2) ),   C1 = (.01 L)^2, C2 = (.03 L)^2
    SSIM = mean S(F, A) + mean S(F, B)

Variants, L being the data range:

    smfnet                     7x7 uniform window, sample covariance (48 for 49), windows inside the image, L = 255
    smfnet-ablation, cddfuse   the same with L = 2, scikit-image's silent default for float images before 0.20
    vifb                       11x11 Gaussian, sigma 1.5, windows inside the image, L = 255
    tang                       11x11 Gaussian, sigma 1.5, edge repeated, L = 1 (MATLAB's default for doubles, though
                               the images are in 0..255), and half the sum
    huili                      the same on images in 0..1, which is L = 255 here
    zoo                        11x11 Gaussian, sigma 1.5, windows inside the image, L = 1 (the toolbox multiplies images
                               in 0..255 by 255 and leaves L = 255); it computes in float32, which is not kept

Range -2..2 (tang, huili -1..1), higher is better. Identical images give 2 (tang, huili 1). Windows of a variance below
1e-9 count as flat. Smallest image 7x7, 11x11 for the Gaussians.
Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment", IEEE Trans. Image Process. 2004.
"""

from dataclasses import dataclass

import numpy as np

from metrics import filters
from metrics.registry import Definition, agreed, register
from metrics.toolboxes import CDDFUSE, HUILI, SMFNET, TANG, VIFB, ZOO


@dataclass(frozen=True)
class Window:
    """How local moments are taken."""

    gaussian: bool
    whole_image: bool = False

    @property
    def kernel(self) -> np.ndarray:
        # the uniform window is left unscaled: sums over 8-bit pixels are then exact
        return filters.gaussian(11, 1.5) if self.gaussian else np.ones(7)

    @property
    def weight(self) -> float:
        return 1.0 if self.gaussian else 49.0

    @property
    def correction(self) -> float:
        return 1.0 if self.gaussian else 49 / 48

    @property
    def offset(self) -> float:
        """Taken off the pixels first: covariances stay as they are and lose fewer digits."""
        return 128.0 if self.gaussian else 0.0


# Rounding leaves some 1e-11 in a flat window, which C2 = 9e-4 (L = 1) would not hide. 8-bit pixels have no variance
# between 0 and 1e-6.
FLAT = 1e-9
UNIFORM, GAUSSIAN, GAUSSIAN_WHOLE = Window(False), Window(True), Window(True, whole_image=True)


def structural_similarity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, window: Window = UNIFORM,
                          data_range: float = 255, halved: bool = False) -> float:
    """Summed SSIM of float64 [H,W] in 0..255.

    halved: half the sum.

    >>> image = np.arange(100.0).reshape(10, 10)
    >>> round(float(structural_similarity(image, image, image)), 12)
    2.0
    """
    smooth = filters.plain_replicate if window.whole_image else filters.plain_valid

    def average(image: np.ndarray) -> np.ndarray:
        return smooth(image, window.kernel) / window.weight

    def similarity(first: np.ndarray, second: np.ndarray) -> float:
        first, second = first - window.offset, second - window.offset
        mean_1, mean_2 = average(first), average(second)
        variance_1 = (average(first * first) - mean_1 * mean_1) * window.correction
        variance_2 = (average(second * second) - mean_2 * mean_2) * window.correction
        covariance = (average(first * second) - mean_1 * mean_2) * window.correction
        flat_1, flat_2 = variance_1 < FLAT, variance_2 < FLAT
        variance_1[flat_1], variance_2[flat_2], covariance[flat_1 | flat_2] = 0, 0, 0
        mean_1, mean_2 = mean_1 + window.offset, mean_2 + window.offset
        c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
        return float(np.mean((2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
                             / ((mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2))))

    total = similarity(fused, ir) + similarity(fused, vi)
    return total / 2 if halved else total


LEGACY = {"window": UNIFORM, "data_range": 2}
for smallest, variants in (
    (7, {
        "smfnet": Definition(f"{SMFNET} Evaluator.SSIM (data_range=255)", (-2, 2)),
        **agreed({"smfnet-ablation": f"{SMFNET} Evaluator.SSIM (data_range=2; found by running)",
                  "cddfuse": f"{CDDFUSE} Evaluator.SSIM"}, (-2, 2), LEGACY),
    }),
    (11, {
        "vifb": Definition(f"{VIFB} metricsSsim.m", (-2, 2), {"window": GAUSSIAN}),
        "zoo": Definition(f"{ZOO} SSIM_function", (-2, 2), {"window": GAUSSIAN, "data_range": 1}),
        "tang": Definition(f"{TANG} analysis_Reference.m", (-1, 1),
                           {"window": GAUSSIAN_WHOLE, "data_range": 1, "halved": True}),
        "huili": Definition(f"{HUILI} analysis_Reference.m", (-1, 1), {"window": GAUSSIAN_WHOLE, "halved": True}),
    }),
):
    register("SSIM", title="Structural similarity", higher_is_better=True, smallest=smallest,
             function=structural_similarity, variants=variants)

"""MEF-SSIM: multiscale structural similarity for fused exposures, with the block that the sources together ask for.

On 11 x 11 blocks inside the picture, x_S a source's block, m_S its mean, n_S = ||x_S - m_S||, e_S = n_S + .001:

    R = ( ||sum_S (x_S - m_S)|| + eps ) / ( sum_S n_S + eps ), at most 1       p = min( tan(pi R / 2), 10 )
    w_S = ( (e_S / 11)^p + eps ) / sum of those       d = sum_S w_S (x_S - m_S) / e_S, scaled to the norm max_S e_S
    q = (2 s_dF + C) / (s_d^2 + s_F^2 + C),   C = (.03 * 255)^2, moments under a Gaussian of sigma 1.5

Q = mean q on each of three scales, the smaller ones from means of 2 x 2 pixels, edge repeated, every second kept:

    MEF-SSIM = Q_1^v1 Q_2^v2 Q_3^v3,   v = (.0448, .2856, .3001) over their sum

Variants: tang and huili print it as "MS_SSIM", though it is not Wang's; mefb as "MEF_SSIM".
Range -1..1, where a negative mean on a scale gives nan; higher is better. Identical pictures give 1 less some 1e-11.
Flat pictures are no special case: three constants give 1.
Smallest picture 44x44: 11x11 on the third scale. Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure
image fusion", IEEE Trans. Image Process. 2015.
"""

import math

import numpy as np
from scipy import ndimage

from metrics import filters
from metrics.registry import agreed, register
from metrics.toolboxes import HUILI, MEFB, TANG

SIDE, PIXELS = 11, 121  # of a block
KERNEL = filters.gaussian(SIDE, 1.5)
C = (0.03 * 255) ** 2
EPS = float(np.finfo(np.float64).eps)
LIFT = 0.001  # added to norms
STEEPEST = 10.0  # p
WEIGHTS = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)


def exposure_similarity(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> float:
    """MEF-SSIM of float64 [H,W] in 0..255, H, W >= 44.

    >>> image = np.add.outer(np.arange(64.0), np.arange(64.0) ** 2 % 97)
    >>> round(exposure_similarity(image, image, image), 6)
    1.0
    """
    of_scales = []
    for scale in range(len(WEIGHTS)):
        if scale:
            fused, ir, vi = halved(fused), halved(ir), halved(vi)
        of_scales.append(np.mean(quality_map(fused, vi, ir)))
    return product(of_scales)


def product(of_scales: list[float]) -> float:
    """The weighted product of the scales; nan where one is negative."""
    return math.nan if min(of_scales) < 0 else float(np.prod(np.array(of_scales) ** WEIGHTS))


def halved(image: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels, the edge repeated: [H,W] -> [ceil(H/2),ceil(W/2)]."""
    image = np.pad(image, [(0, side % 2) for side in image.shape], mode="edge")
    return np.asarray((image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4)


def quality_map(fused: np.ndarray, vi: np.ndarray, ir: np.ndarray) -> np.ndarray:
    """q of every block of one scale."""
    squares = _squares(vi), _squares(ir)
    cross = (_squares(vi + ir) - squares[0] - squares[1]) / 2
    shares = desired_shares(*squares, cross)
    variances, covariance = (_moment(vi, vi), _moment(ir, ir)), _moment(vi, ir)
    variance_d = shares[0] ** 2 * variances[0] + 2 * shares[0] * shares[1] * covariance + shares[1] ** 2 * variances[1]
    covariance_df = shares[0] * _moment(vi, fused) + shares[1] * _moment(ir, fused)
    return np.asarray((2 * covariance_df + C) / (variance_d + _moment(fused, fused) + C))


def desired_shares(of_vi: np.ndarray, of_ir: np.ndarray, cross: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factors of both sources' centred blocks in the desired block, from the blocks' inner products."""
    norms = np.sqrt(of_vi), np.sqrt(of_ir)
    lifted = norms[0] + LIFT, norms[1] + LIFT
    together = np.sqrt(np.maximum(of_vi + 2 * cross + of_ir, 0))
    consistency = np.minimum((together + EPS) / (norms[0] + norms[1] + EPS), 1 - EPS)
    power = np.minimum(np.tan(np.pi / 2 * consistency), STEEPEST)
    weights = [(norm / SIDE) ** power + EPS for norm in lifted]
    factors = [weight / (weights[0] + weights[1]) / norm for weight, norm in zip(weights, lifted)]
    squared = factors[0] ** 2 * of_vi + 2 * factors[0] * factors[1] * cross + factors[1] ** 2 * of_ir
    norm = np.sqrt(np.maximum(squared, 0))
    scale = np.where(norm > 0, np.maximum(*lifted) / np.where(norm > 0, norm, 1), 0)
    return factors[0] * scale, factors[1] * scale


def _squares(image: np.ndarray) -> np.ndarray:
    """||x - m||^2 of every block; sums of multiples of 1/16 are exact."""
    def sums(values: np.ndarray) -> np.ndarray:
        for axis in (0, 1):
            values = ndimage.correlate1d(values, np.ones(SIDE), axis=axis, mode="nearest")
        return values[SIDE // 2:-(SIDE // 2), SIDE // 2:-(SIDE // 2)]

    return np.maximum(sums(image**2) - sums(image) ** 2 / PIXELS, 0)


def _moment(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Covariance under the Gaussian in every block."""
    def mean(image: np.ndarray) -> np.ndarray:
        return filters.plain_valid(image, KERNEL)

    return np.asarray(mean(first * second) - mean(first) * mean(second))


MA = agreed({"tang": f"{TANG} analysis_ms_ssim.m", "huili": f"{HUILI} analysis_ms_ssim.m",
             "mefb": f"{MEFB} metricsMEF_SSIM.m"}, (-1, 1))
TITLE = "Structural similarity for fused exposures"
register("MS_SSIM", title=TITLE, higher_is_better=True, smallest=44, function=exposure_similarity,
         variants={name: MA[name] for name in ("tang", "huili")})
register("MEF_SSIM", title=TITLE, higher_is_better=True, smallest=44, function=exposure_similarity,
         variants={"mefb": MA["mefb"]})

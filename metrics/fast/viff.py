"""VIFF's fast path: VIF's moments by blocks of rows, logarithms of products."""

import numpy as np

from metrics.definitions.vif import NEARLY_FLAT, WINDOWS
from metrics.definitions.vif import TINY as NO_VARIANCE
from metrics.definitions.viff import NOISE, TINY, WEIGHTS, fusion_fidelity
from metrics.fast.vif import Block, blocks, images, sum_of_logs
from metrics.picture import Picture
from metrics.registry import fast_path_of

TINY_IN_NATS = TINY * float(np.log(10))


@fast_path_of(fusion_fidelity)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    result = 0.0
    for scale, (window, weight) in enumerate(zip(WINDOWS, WEIGHTS)):
        if weight:
            image = fused.of(images)[scale]
            parts = [_sums(Block(image, rows, window), ir, vi, scale) for rows in blocks(image, window)]
            kept, available = np.sum(parts, axis=0)
            result += weight * kept / available
    return float(result)


def _sums(block: Block, ir: Picture, vi: Picture, scale: int) -> tuple[float, float]:
    """Over some rows of windows: ln of what the fused picture shows of the source with the smaller gain, and of what
    that source has to show."""
    variance_a, covariance_a, gain_a = _channel(block, vi, scale)
    variance_b, covariance_b, gain = _channel(block, ir, scale)
    from_a = gain_a < gain
    np.copyto(gain, gain_a, where=from_a)
    variance, covariance = np.where(from_a, variance_a, variance_b), covariance_b
    np.copyto(covariance, covariance_a, where=from_a)
    covariance *= gain
    noise = np.subtract(block.variance, covariance, out=covariance)
    np.maximum(noise, NO_VARIANCE, out=noise)
    noise += NOISE
    gain *= gain
    gain *= variance
    gain += noise
    lifted = TINY_IN_NATS * gain.size
    variance /= NOISE
    variance += 1
    return sum_of_logs(gain) - sum_of_logs(noise) + lifted, sum_of_logs(variance) + lifted


def _channel(block: Block, source: Picture, scale: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance of a source (not to be written to), covariance with it and gain. In flat windows there is no gain: what
    rounding leaves there must not decide which source counts."""
    variance, covariance, _ = block.beside(source, scale)
    # the weights of a 17x17 window leave whole numbers no variance between 0 and NEARLY_FLAT
    flat = variance < (NEARLY_FLAT if source.is_8bit and not scale else NO_VARIANCE)
    if flat.any():
        np.copyto(covariance, 0, where=flat)
    return variance, covariance, covariance / (variance + NO_VARIANCE)

"""Q_SF's fast path: the reference, which depends on the sources alone, once; whole numbers in 32 bits."""

import cv2
import numpy as np

from metrics.definitions.q_sf import WEIGHTS, differences, ratio, spatial_frequency_error
from metrics.picture import Picture
from metrics.registry import fast_path_of


@fast_path_of(spatial_frequency_error)
def fast(fused: Picture, ir: Picture, vi: Picture) -> float:
    return ratio(sum(weight * _squares(d) for weight, d in zip(WEIGHTS, differences(_signed(fused)))),
                 vi.of(_reference, ir))


def _reference(vi: Picture, ir: Picture) -> float:
    """Weighted sum of the squares of the larger differences."""
    return sum(weight * _squares(np.maximum(np.abs(d_a), np.abs(d_b)))
               for weight, d_a, d_b in zip(WEIGHTS, differences(_signed(vi)), differences(_signed(ir))))


def _signed(picture: Picture) -> np.ndarray:
    """Pixels whose differences cannot run over."""
    return picture.image.astype(np.int16) if picture.is_8bit else picture.image


def _squares(values: np.ndarray) -> float:
    return float(cv2.norm(np.ascontiguousarray(values), cv2.NORM_L2SQR))

"""Stretching a picture to 0..255 by its own extremes, as Zheng Liu's and Xingchen Zhang's toolboxes do before they
count levels or filter. `metrics.definitions.mi` has vifb's, which differs for a constant picture."""

import math

import numpy as np


def stretched(image: np.ndarray, *, rounded: bool = True) -> np.ndarray:
    """The picture with its minimum at 0 and its maximum at 255, rounded, halves up: float64 [H,W] -> [H,W].

    A black picture stays black; of any other constant picture that is 0/0: nan.
    """
    low, high = image.min(), image.max()
    if low == high:
        return np.full_like(image, 0 if high == 0 else math.nan)
    found: np.ndarray = (image - low) / (high - low) * 255
    return np.asarray(np.floor(found + 0.5)) if rounded else found

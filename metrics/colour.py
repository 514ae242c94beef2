"""What a variant does with colour pictures: the one-channel pictures that its metrics are computed from."""

from typing import Literal

import numpy as np

from metrics.toolboxes import Grey, Toolbox

LUMA = np.array([0.299, 0.587, 0.114])
# MATLAB's rgb2gray: the first row of the inverse of its NTSC matrix
RGB2GRAY = np.linalg.inv(np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]]))[0]
PILLOW = np.array([19595, 38470, 7471])  # of 65536

# One-channel views of a picture: grey by a rule, one of its channels, or the channels beside one another
View = Grey | Literal["beside", 0, 1, 2]


def views(toolbox: Toolbox, metric: str, fused: np.ndarray, ir: np.ndarray, vi: np.ndarray) -> tuple[View, ...]:
    """The views of the three pictures, each [H,W] or [H,W,3], whose values are averaged to the metric's."""
    if toolbox.colour != "channels":
        return (toolbox.colour,)
    if fused.ndim == 2 or metric in toolbox.in_grey:
        return ("matlab",)
    if toolbox.one_channel_of_grey and ir.ndim == vi.ndim == 2:
        return (0,)
    return ("beside",) if metric in toolbox.side_by_side else (0, 1, 2)


def view(image: np.ndarray, which: View) -> np.ndarray:
    """One view of a picture: [H,W] or [H,W,3] -> [H,W], "beside" [H,3W]. One channel stands for each of three."""
    if which == "beside":
        return np.concatenate([view(image, channel) for channel in (0, 1, 2)], axis=1)
    if image.ndim == 2:
        return image
    return grey(image, which) if isinstance(which, str) else np.ascontiguousarray(image[..., which])


def grey(image: np.ndarray, rule: Grey) -> np.ndarray:
    """One channel by a toolbox's rule: uint8 [H,W,3] RGB -> uint8 [H,W]; float64 stays unrounded.

    >>> [int(grey(np.uint8([[[10, 200, 90]]]), rule)[0, 0]) for rule in ("luma", "matlab", "pillow")]
    [131, 131, 131]
    """
    weighted: np.ndarray = image.astype(np.float64) @ {"luma": LUMA, "matlab": RGB2GRAY, "pillow": PILLOW / 65536}[rule]
    if image.dtype != np.uint8:
        return weighted
    if rule == "pillow":
        return np.asarray(image.astype(np.int64) @ PILLOW + 32768 >> 16, np.uint8)
    return np.asarray(np.floor(weighted + 0.5), np.uint8)

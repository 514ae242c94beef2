"""Class maps in colour, and Fig. 9's panels: missing objects yellow, wrong classes pink."""

import numpy as np

# one colour per class of labels.CLASSES, RGB; MFNet's demo palette
PALETTE = np.array([(0, 0, 0), (64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 0, 192), (128, 128, 0), (64, 64, 128),
                    (192, 128, 128), (192, 64, 0)], dtype=np.uint8)
MISSING = (255, 255, 0)
WRONG = (255, 105, 180)


def colour_map(ids: np.ndarray) -> np.ndarray:
    """ids [H,W] in 0..8 -> uint8 RGB [H,W,3]."""
    return PALETTE[ids]


def overlay(picture: np.ndarray, ids: np.ndarray, opacity: float = 0.6) -> np.ndarray:
    """The picture (uint8 [H,W] or [H,W,3]) with its objects tinted by class; class 0 stays as it is."""
    base = _rgb(picture)
    blended = np.rint((1 - opacity) * base + opacity * colour_map(ids)).astype(np.uint8)
    return np.where((ids > 0)[..., None], blended, base)


def error_panel(picture: np.ndarray, predicted: np.ndarray, truth: np.ndarray, opacity: float = 0.6) -> np.ndarray:
    """One panel of Fig. 9, uint8 RGB [H,W,3].

    The predicted objects are tinted over the picture; then, opaque: yellow where the truth has an object and the
    prediction has none (missing), pink where the prediction says an object that the truth does not (wrong).

    Args:
        picture: uint8 [H,W] or [H,W,3].
        predicted, truth: class ids [H,W].
    """
    if not picture.shape[:2] == predicted.shape == truth.shape:
        raise ValueError(f"picture {picture.shape}, prediction {predicted.shape}, truth {truth.shape}: sizes differ")
    panel = overlay(picture, predicted, opacity)
    panel[(truth > 0) & (predicted == 0)] = MISSING
    panel[(predicted > 0) & (predicted != truth)] = WRONG
    return panel


def _rgb(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture

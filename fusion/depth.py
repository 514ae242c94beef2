"""Pictures of more than 8 bits per sample: how many they have, and the declared rule by which 16 become 8.

Nothing here guesses: what a 16-bit number means (temperature, counts of a 14-bit sensor, 8 bits times 257) decides
every metric, so that the data set's own file says it: `[pairs] sixteen_bit` (fusion.dataset_cards).
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from core.files import read_bytes

Rule = str | tuple[float, float] | None  # "minmax", "percentile", (low, high); None: refused

FULL = 65535
PERCENTILES = (1.0, 99.0)
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # TIFF


def bits(image: Image.Image) -> int:
    """Bits per sample that the file stores, 8 where it has fewer; from the header of an image not decoded yet."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(8, *image.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
    if image.mode in ("I", "F"):
        return 32
    # of 16-bit colour Pillow keeps the upper bytes; only the raw mode says so, and only before decoding
    raw = " ".join(str(tile[3]) for tile in image.tile) if isinstance(image, ImageFile.ImageFile) else ""
    return 16 if image.mode.startswith("I;16") or ";16" in raw else 8


def samples16(path: Path, image: Image.Image) -> np.ndarray | None:
    """uint16 [H,W], [H,W,3] RGB or [H,W,4]; None where the samples are no unsigned integers of at most 16 bits."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if bits(image) > 16 or tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return None
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode not in ("LA", "RGB", "RGBA"):
        return None
    decoded = cv2.imdecode(np.frombuffer(read_bytes(path), np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3:
        return None
    return cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA if decoded.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def to_8bit(samples: np.ndarray, rule: Rule) -> np.ndarray:
    """uint16 -> uint8 of the same shape: low and below become 0, high and above 255, linear and rounded in between.

    rule: "minmax" and "percentile" take low and high from this picture, over all its channels; (low, high) are the same
    for all. A picture of one value becomes 0.
    """
    if isinstance(rule, tuple):
        low, high = rule
    else:
        # of values that occur: grey stored as colour holds each three times and must give the same
        low, high = np.percentile(samples, (0, 100) if rule == "minmax" else PERCENTILES, method="inverted_cdf")
    scaled = (samples.astype(np.float64) - low) / max(high - low, 1e-9)
    return np.floor(np.clip(scaled, 0, 1) * 255 + 0.5).astype(np.uint8)


def described(rule: Rule) -> str:
    """The rule in words, for notes."""
    if isinstance(rule, tuple):
        return f"{rule[0]:g}..{rule[1]:g} become 0..255"
    if rule == "minmax":
        return "each picture's least and largest value become 0 and 255"
    return f"each picture's {PERCENTILES[0]:g}th and {PERCENTILES[1]:g}th percentile become 0 and 255"

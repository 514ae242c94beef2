"""The one place that knows colour and range: reading, grey, Y/Cb/Cr, recombination, 8-bit writing.

Inside the benchmark a picture is float32 in 0..1, [H,W] (one channel) or [H,W,3] (RGB); on disk it is 8 bit.
Colour is full-range BT.601 with OpenCV's three-digit factors, the rule of the paper's Table I: methods fuse the visible
image's luma in float, its chroma is put back in float, the result is clipped, rounded and saved as an 8-bit PNG.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import IvfbenchError
from core.files import aside

LUMA = np.array([0.299, 0.587, 0.114])
# Table I's digits are reached with these rounded factors (cv2's), not with JFIF's 1/1.772, 1/1.402, 1.402, 1.772: there
# and back changes a colour by at most .0003 (8-bit pictures: by nothing).
CB, CR = 0.564, 0.713  # Cb = CB (B - Y), Cr = CR (R - Y)
# Pillow raises above twice this many pixels; the largest picture of any supported data set is 1024x768.
MAX_PIXELS = 64_000_000


class ImageError(IvfbenchError):
    """A picture that cannot be used; the message names the file, what was found and the remedy."""


def read(path: Path) -> np.ndarray:
    """Decode an 8-bit picture. Returns uint8 [H,W] or [H,W,3] RGB.

    Raises ImageError for a missing or truncated file, 16-bit or float samples, an alpha or thermal fourth channel,
    or a header that declares more than MAX_PIXELS.
    """
    array = _decode(path)
    if array.ndim == 3 and array.shape[2] == 4:
        raise ImageError(f"{path}: 4 channels; expected grey or RGB. Remove the alpha channel "
                         "(MFNet's 4-channel pictures are read through the data set mfnet)")
    return array


def read_rgbt(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Split a 4-channel MFNet picture. Returns (thermal uint8 [H,W], visible uint8 [H,W,3])."""
    array = _decode(path)
    if array.ndim != 3 or array.shape[2] != 4:
        found = 1 if array.ndim == 2 else array.shape[2]
        raise ImageError(f"{path}: {found} channel(s); MFNet's pictures have 4 (RGB + thermal). "
                         "Use the images/ folder of the official release")
    return array[..., 3], array[..., :3]


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The file as a Pillow image of which only the header is read; decode it inside the block, and nothing else.

    Every room that may import this one opens pictures and label maps here: the one place that knows what a damaged file
    can raise. Raises ImageError for a missing file, more than MAX_PIXELS, or a file that Pillow cannot open or decode.
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_PIXELS} are read. "
                                     "Scale the picture down")
                yield image
    except ImageError:
        raise
    # ImportError: once ultralytics is imported, Pillow's open looks for a HEIF plugin on unknown files
    except (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: cannot be decoded ({error}). The file is damaged or no picture: "
                         "copy it again from its source") from error


def size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture, from its header alone."""
    with opened(path) as image:
        return image.height, image.width


def _decode(path: Path) -> np.ndarray:
    with opened(path) as image:
        if image.mode in ("P", "1", "LA", "PA", "CMYK", "YCbCr"):
            image = image.convert("RGB" if image.mode in ("P", "CMYK", "YCbCr") else "L")
        if image.mode not in ("L", "RGB", "RGBA"):
            raise ImageError(f"{path}: sample format {image.mode}; expected 8 bits per channel. "
                             "Convert the picture to 8 bit (and say how: it changes every metric)")
        return np.asarray(image).copy()


def grey_if_equal(image: np.ndarray) -> np.ndarray:
    """[H,W] when the three channels are the same (grey pictures stored as RGB), else the picture as it is."""
    if image.ndim == 3 and (image[..., 0] == image[..., 1]).all() and (image[..., 1] == image[..., 2]).all():
        return image[..., 0]
    return image


def grey8(image: np.ndarray) -> np.ndarray:
    """Rounded BT.601 grey, uint8 [H,W] from uint8 [H,W] or [H,W,3] RGB: how the metrics read every picture."""
    if image.ndim == 2:
        return image
    return np.floor(image.astype(np.float64) @ LUMA + 0.5).astype(np.uint8)


def to_unit(image: np.ndarray) -> np.ndarray:
    """uint8 0..255 -> float32 0..1."""
    return image.astype(np.float32) / np.float32(255)


def to_8bit(image: np.ndarray) -> np.ndarray:
    """float 0..1 -> uint8, clipped and rounded half up. Raises ImageError on nan or infinite values."""
    if not np.isfinite(image).all():
        raise ImageError("a fused picture holds nan or infinite values; the method or its weights are broken")
    return np.floor(np.clip(image.astype(np.float64), 0, 1) * 255 + 0.5).astype(np.uint8)


def luma(image: np.ndarray) -> np.ndarray:
    """Y = .299 R + .587 G + .114 B in float32, not rounded; [H,W] input is returned as it is."""
    if image.ndim == 2:
        return image.astype(np.float32)
    return (image.astype(np.float64) @ LUMA).astype(np.float32)


def split_ycbcr(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """RGB [H,W,3] in 0..1 -> Y (0..1), Cb, Cr (-.5...5), each float32 [H,W]."""
    y = rgb.astype(np.float64) @ LUMA
    cb = (rgb[..., 2] - y) * CB
    cr = (rgb[..., 0] - y) * CR
    return y.astype(np.float32), cb.astype(np.float32), cr.astype(np.float32)


def merge_ycbcr(y: np.ndarray, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
    """Y, Cb, Cr -> RGB float32 [H,W,3], not clipped."""
    y, cb, cr = (a.astype(np.float64) for a in (y, cb, cr))
    return np.stack([y + 1.403 * cr, y - 0.714 * cr - 0.344 * cb, y + 1.773 * cb], axis=-1).astype(np.float32)


def recolour(fused_y: np.ndarray, vi: np.ndarray) -> np.ndarray:
    """Put the visible image's chroma back on a fused luma; grey stays grey. Returns float32, not clipped."""
    if vi.ndim == 2:
        return fused_y.astype(np.float32)
    _, cb, cr = split_ycbcr(vi)
    return merge_ycbcr(fused_y, cb, cr)


def split_ycbcr8(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """uint8 RGB [H,W,3] -> Y, Cb, Cr, each uint8 [H,W], rounded one after the other: OpenCV's conversion of 8 bit."""
    y = grey8(rgb)
    difference = rgb[..., ::2].astype(np.float64) - y[..., None]  # R - Y, B - Y
    cr, cb = np.moveaxis(np.clip(np.floor(difference * (CR, CB) + 128.5), 0, 255).astype(np.uint8), -1, 0)
    return y, cb, cr


def through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """uint8 [H,W] or RGB [H,W,3] -> what is left of it after saving as JPEG (colour at half size) and reading again."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer) as saved:
        return np.asarray(saved).copy()


def write_png(path: Path, image: np.ndarray) -> None:
    """Write uint8 [H,W] or [H,W,3] as PNG, aside and then renamed: a file under its name is complete."""
    with aside(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=1)

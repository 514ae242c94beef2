"""The one place that knows colour and range: reading, grey, Y/Cb/Cr, recombination, 8-bit writing.

What is read and what is refused, and why: docs/pictures.md.

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
from core.files import aside, check_file
from fusion import depth

LUMA = np.array([0.299, 0.587, 0.114])
# Table I's digits are reached with these rounded factors (cv2's), not with JFIF's 1/1.772, 1/1.402, 1.402, 1.772: there
# and back changes a colour by at most .0003 (8-bit pictures: by nothing).
CB, CR = 0.564, 0.713  # Cb = CB (B - Y), Cr = CR (R - Y)
# Pillow raises above twice this many pixels; the largest picture of any supported data set is 1024x768.
MAX_PIXELS = 64_000_000
MAX_BYTES = 2**30  # of a picture file: more than so many pixels take uncompressed
# By content, whatever the suffix says. Other formats that Pillow knows can hide 16 bits or several pictures.
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF", "WEBP", "GIF")
_TAGGED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}  # where Pillow keeps what it looks through
COLOURED = 16  # levels by which a pixel's channels differ,
COLOUR_SHARE = 0.01  # and the share of such pixels: above, a picture is in colour
FLAT = 1.0  # levels of standard deviation: below, a picture is constant or nearly so (0 and 1 alone: at most 0.5)
SAMPLES = 64  # rows and columns, at least, from which is told what a whole picture looks like
ORIENTATION = 0x0112  # EXIF and TIFF: 1 is upright, 2..8 turned or mirrored; viewers ignore other values


class ImageError(IvfbenchError):
    """A picture that cannot be used; the message names the file, what was found and the remedy."""


class DepthError(ImageError):
    """More bits per sample than 8, and no rule for them."""


def read(path: Path, sixteen_bit: depth.Rule = None) -> np.ndarray:
    """Decode a picture. Returns uint8 [H,W] or [H,W,3] RGB; an alpha channel that is opaque throughout is left out.

    Args:
        sixteen_bit: the declared rule by which 16-bit samples become 8 bits; None: they are refused.
    Raises DepthError for 16-bit samples without a rule, 32-bit and float samples; ImageError for a missing or truncated
    file, an EXIF orientation, several pictures in one file, an alpha or thermal channel that is not opaque, or a header
    that declares more than MAX_PIXELS.
    """
    return read_with_form(path, sixteen_bit)[0].copy()


def read_with_form(path: Path, sixteen_bit: depth.Rule = None) -> tuple[np.ndarray, int, bool]:
    """What `read` gives (not to be written to), the bits per sample in the file, and whether the file holds just that:
    no palette, no alpha, no more bits.
    """
    with opened(path) as image:
        found = _bits(path, image)
        if found > 8:
            return _deep(path, image, sixteen_bit), found, False
        plain = image.mode in ("L", "RGB") and not image.has_transparency_data
        array = np.asarray(_plain(path, _opaque(path, image)))
        _upright(path, image)  # PNG may say it behind the pixels
        return array, found, plain


def read_rgbt(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Split a 4-channel MFNet picture. Returns (thermal uint8 [H,W], visible uint8 [H,W,3])."""
    with opened(path) as image:
        if _bits(path, image) > 8:
            raise _too_deep(path, image)
        if image.mode != "RGBA":
            raise ImageError(f"{path}: {len(image.getbands())} channel(s); MFNet's pictures have 4 (RGB + thermal). "
                             "Use the images/ folder of the official release")
        array = np.asarray(image).copy()
        _upright(path, image)
        return array[..., 3], array[..., :3]


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The file as a Pillow image of which only the header is read; decode it inside the block, and nothing else.

    Every room that may import this one opens pictures and label maps here: the one place that knows what a damaged file
    can raise, and the one that refuses what viewers would turn. Raises ImageError for a missing file, more than
    MAX_PIXELS, an EXIF orientation, or a file that Pillow cannot open or decode.
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError(f"{path}: no such file")
    check_file(path, ImageError, limit=MAX_BYTES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of damaged tags
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageError(f"{path}: {image.width}x{image.height} pixels; at most {MAX_PIXELS} are read. "
                                     "Scale the picture down")
                _upright(path, image)
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


def _upright(path: Path, image: Image.Image) -> None:
    """ImageError where a tag asks viewers to turn or mirror the picture."""
    turned = _orientation(image)
    if turned in range(2, 9):
        raise ImageError(f"{path}: EXIF Orientation {turned}: viewers show it turned, other programs do not, and boxes "
                         "and masks may have been drawn on either. Turn the pixels and save without the tag "
                         "(ImageMagick: mogrify -auto-orient)")


def _orientation(image: Image.Image) -> int:
    """The tag Orientation of what has been read of the file so far; 1 where there is none or it is damaged."""
    if image.format != "TIFF" and not _TAGGED & image.info.keys():
        return 1
    try:
        if "exif" in image.info and image.format == "PNG":
            exif = Image.Exif()  # PNG's own getexif() would decode the picture
            exif.load(image.info["exif"])
            return int(exif.get(ORIENTATION, 1))
        return int(Image.Image.getexif(image).get(ORIENTATION, 1))
    except Exception:  # damaged metadata raise anything; viewers pass over them
        return 1


def _bits(path: Path, image: Image.Image) -> int:
    """Bits per sample. Raises ImageError where the file holds more than one picture."""
    found = depth.bits(image)
    frames = getattr(image, "n_frames", 1)
    if frames != 1:
        raise ImageError(f"{path}: holds {frames} pictures; expected one. Save the one that is meant as a file of its "
                         "own")
    return found


def _too_deep(path: Path, image: Image.Image) -> DepthError:
    return DepthError(f"{path}: sample format {image.mode}; expected 8 bits per channel, found {depth.bits(image)}. "
                      "Convert the picture to 8 bit (and say how: it changes every metric)")


def _deep(path: Path, image: Image.Image, rule: depth.Rule) -> np.ndarray:
    samples = None if rule is None else depth.samples16(path, image)
    if samples is None:
        raise _too_deep(path, image)
    if samples.ndim == 3 and samples.shape[2] == 4:
        if samples[..., 3].min() < depth.FULL:
            raise _not_opaque(path, 4, int(samples[..., 3].min()))
        samples = samples[..., :3]
    return depth.to_8bit(samples, rule)


def _opaque(path: Path, image: Image.Image) -> Image.Image:
    """The picture without its alpha channel or transparent colour. Raises ImageError where they hide anything."""
    if not image.has_transparency_data:
        return image
    alpha = int(np.asarray(image.convert("RGBA").getchannel("A")).min())
    if alpha < 255:
        raise _not_opaque(path, len(image.getbands()), alpha)
    return image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")


def _not_opaque(path: Path, channels: int, alpha: int) -> ImageError:
    return ImageError(f"{path}: {channels} channels, alpha down to {alpha}: parts are transparent, and what is meant "
                      "there cannot be told; expected grey or RGB. Remove the alpha channel "
                      "(MFNet's 4-channel pictures are read through the data set mfnet)")


def _plain(path: Path, image: Image.Image) -> Image.Image:
    """Grey or RGB of 8 bits."""
    if image.mode in ("P", "1", "CMYK", "YCbCr"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode not in ("L", "RGB"):
        raise ImageError(f"{path}: sample format {image.mode}; expected grey or RGB of 8 bit. Convert the "
                         "picture")
    return image


def grey_if_equal(image: np.ndarray) -> np.ndarray:
    """[H,W] when the three channels are the same (grey pictures stored as RGB), else the picture as it is."""
    if image.ndim == 3 and (image[..., 0] == image[..., 1]).all() and (image[..., 1] == image[..., 2]).all():
        return image[..., 0]
    return image


def is_coloured(image: np.ndarray) -> bool:
    """Whether a picture is in colour, by a grid of its pixels.

    Grey pictures that went through JPEG as RGB are not: their channels differ by a few levels.
    """
    if image.ndim == 2:
        return False
    red, green, blue = np.ascontiguousarray(np.moveaxis(_grid(image), -1, 0))
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return float(np.count_nonzero(high - low > COLOURED)) > COLOUR_SHARE * high.size


def is_flat(image: np.ndarray) -> bool:
    """Whether a picture is constant or nearly so, every channel of it, by a grid of its pixels."""
    channels = np.atleast_3d(_grid(image))
    return all(_variance(channels[..., at]) < FLAT**2 for at in range(channels.shape[2]))


def _variance(channel: np.ndarray) -> float:
    """To a hundredth of a squared level, in a third of numpy's time."""
    values = channel.astype(np.float32).ravel()
    return float(values @ values) / values.size - float(values.mean()) ** 2


def _grid(image: np.ndarray) -> np.ndarray:
    step = max(1, min(image.shape[:2]) // SAMPLES)
    return image[::step, ::step]


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
    with aside(path, durable=False) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=1)

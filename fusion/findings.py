"""What a reader should know of a data set's pictures before he trusts a table; the policy: docs/pictures.md."""

import hashlib
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.files import read_bytes, remembered
from fusion import depth, images

SHOWN = 3  # names listed per finding


@dataclass(frozen=True)
class PictureInfo:
    """One source file, after the declared rule for 16 bits.

    plain: the file holds 8-bit grey or RGB (packed: and thermal) as it is read; no palette, alpha or 16 bits.
    coloured, flat: see fusion.images. thermal_flat: of the fourth channel of a packed picture, else the same as flat.
    """

    sha256: str
    height: int
    width: int
    bits: int
    plain: bool
    coloured: bool
    flat: bool
    thermal_flat: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width


Found = Sequence[tuple[str, PictureInfo, PictureInfo]]  # pair id, infrared, visible


def picture_info(path: Path, packed: bool, rule: depth.Rule, known: MutableMapping[str, Any]) -> PictureInfo:
    """What is known of a picture that can be used. Raises ImageError for any other."""
    if packed:
        return PictureInfo(*remembered(known, "packed", path, lambda: _packed(path)))
    what = "picture" if rule is None else f"picture {rule}"
    return PictureInfo(*remembered(known, what, path, lambda: _single(path, rule)))


def _single(path: Path, rule: depth.Rule) -> list[Any]:
    """The fields of PictureInfo."""
    try:
        image, bits, plain = images.read_with_form(path, rule)
    except images.DepthError as error:
        raise images.DepthError(f"{error}, or declare in the data set's file how 16 bits become 8: [pairs] "
                                'sixteen_bit = "minmax", "percentile" or [low, high]') from error
    flat = images.is_flat(image)
    return [_sha256(path), image.shape[0], image.shape[1], bits, plain, images.is_coloured(image), flat, flat]


def _packed(path: Path) -> list[Any]:
    thermal, visible = images.read_rgbt(path)
    return [_sha256(path), thermal.shape[0], thermal.shape[1], 8, True, images.is_coloured(visible),
            images.is_flat(visible), images.is_flat(thermal)]


def _sha256(path: Path) -> str:
    """Of a file that fits into memory and was just read: in one piece, for half the time of core.files.sha256."""
    return hashlib.sha256(read_bytes(path, limit=images.MAX_BYTES)).hexdigest()


def findings(found: Found, places: Sequence[str], rule: depth.Rule) -> tuple[str, ...]:
    """Sentences for the note beside every number of a data set; () for pictures as they are expected.

    Args:
        found: (pair id, infrared, visible); the same twice where both are packed in one file.
        places: how to call the folders of the infrared and the visible pictures; one for packed pictures.
    """
    packed = len(places) == 1
    said = [_mapped(found, rule)] if rule is not None else []
    if not packed:
        said.append(_some(found, lambda ir, vi: ir.coloured and not vi.coloured,
                          f"the pictures in {places[0]} are in colour and those in {places[-1]} are grey; perhaps "
                          "the folders are swapped, or the infrared is in false colours"))
        said.append(_some(found, lambda ir, vi: ir.coloured and vi.coloured,
                          f"the infrared pictures in {places[0]} are in colour: of false colours the BT.601 grey is "
                          "used, which is not temperature"))
    channel = "the fourth channel, which should be thermal," if packed else f"the infrared picture in {places[0]}"
    said.append(_some(found, lambda ir, vi: ir.thermal_flat, f"{channel} is constant or nearly so"))
    said.append(_some(found, lambda ir, vi: vi.flat, f"the visible picture in {places[-1]} is constant or "
                      "nearly so"))
    return tuple(text for text in said if text)


def all_thermal_flat(packed: Iterable[Path]) -> bool:
    """Whether no fourth channel of some pictures shows anything; looks until one does."""
    return all(images.is_flat(images.read_rgbt(path)[0]) for path in packed)


def flat_thermal(count: int) -> str:
    """What is said of such a set."""
    return (f"the fourth channel, which should be thermal, is constant in {count} of {count} pictures: a program that "
            "takes it for transparency has saved them anew. Take the files of the release")


def named(keys: Sequence[str], total: int) -> str:
    """'3 of 40 (a, b, c)': how many of how many, and the first few."""
    return f"{len(keys)} of {total} ({', '.join(keys[:SHOWN])}{', ...' if len(keys) > SHOWN else ''})"


def _some(found: Found, is_so: Callable[[PictureInfo, PictureInfo], bool], what: str) -> str:
    keys = [key for key, ir, vi in found if is_so(ir, vi)]
    return f"{named(keys, len(found))}: {what}" if keys else ""


def _mapped(found: Sequence[tuple[str, PictureInfo, PictureInfo]], rule: depth.Rule) -> str:
    count = sum(info.bits > 8 for _, ir, vi in found for info in (ir, vi))
    return f"{count} of {2 * len(found)} pictures have 16 bits: {depth.described(rule)}" if count else ""

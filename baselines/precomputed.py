"""Any folder of fused pictures as a method: what reviewers bring when a method cannot be run here.

Also the methods that exist here only so (pictures_only.toml): MATLAB code, weights behind a sharing service, or
models too large for this benchmark.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.files import read_toml, sha256
from core.names import is_file_name
from fusion import images
from fusion.findings import named
from fusion.method import Card, Method, MethodError, methods, register

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
PROBES = 5  # ids whose names are searched for a common prefix and suffix
SHOWN = 5  # names listed per fault


@dataclass(frozen=True)
class Precomputed:
    """A checked folder: every pair has one decodable picture of its size.

    files: pair id -> picture. hashes: pair id -> its sha256. note: what a reader should know (how the names were
    matched, pictures left over, pictures that show nothing), "" when there is nothing.
    """

    files: dict[str, Path]
    hashes: dict[str, str]
    note: str = ""

    @property
    def manifest(self) -> str:
        """sha256 over ids and file hashes."""
        lines = "\n".join(f"{pair} {digest}" for pair, digest in self.hashes.items())
        return hashlib.sha256(lines.encode()).hexdigest()

    def read(self, pair_id: str) -> np.ndarray:
        """The fused picture of a pair, uint8 [H,W] or [H,W,3] RGB. Raises ImageError where the file was replaced."""
        return images.grey_if_equal(images.read(self.files[pair_id], sha256=self.hashes[pair_id]))


def open_precomputed(name: str, folder: Path | str, ids: Sequence[str],
                     sizes: Sequence[tuple[int, int]]) -> Precomputed:
    """Match a folder's pictures to pairs and check them.

    A picture belongs to a pair when its name without extension is the pair's id, or the id inside a prefix and suffix
    that are the same for the whole folder ("fused_01_v2").

    Args:
        name: how the method is called in messages.
        ids, sizes: the data set's pairs and their (height, width).
    Raises MethodError listing everything that is wrong: pairs without a picture, names that fit twice, other sizes,
    pictures that cannot be decoded.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MethodError(f"{name}={folder}: no such folder; expected one with a fused picture per pair")
    pictures: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            if not is_file_name(path.name):
                raise MethodError(f"{name}={folder}: the name {path.name!a} cannot be a name here: no UTF-8, control "
                                  "characters, or a beginning like a formula; rename the file")
            pictures.setdefault(path.stem, []).append(path)
    if not pictures:
        raise MethodError(f"{name}={folder}: no pictures ({', '.join(SUFFIXES)}) in the folder itself; "
                          "subfolders are not searched")
    prefix, suffix = _affix(name, folder, list(pictures), ids)
    stems = {pair: f"{prefix}{pair}{suffix}" for pair in ids}
    missing = [f"{stem}.*" for stem in stems.values() if stem not in pictures]
    twice = [" and ".join(p.name for p in pictures[stem]) for stem in stems.values() if len(pictures.get(stem, [])) > 1]
    files = {pair: pictures[stem][0] for pair, stem in stems.items() if stem in pictures}
    damaged, other, flat = _looked_at(files, dict(zip(ids, sizes, strict=True)))
    used = set(stems.values())
    extra = [path.name for stem, paths in pictures.items() if stem not in used for path in paths]
    faults = [f"{len(names)} {what}: {_some(names)}" for names, what in (
        (missing, f"of {len(ids)} pairs without a picture"), (twice, "names that fit twice"),
        (other, "of another size than the pair"), (damaged, "that cannot be used")) if names]
    if faults:
        if extra:
            faults.append(f"{len(extra)} pictures that belong to no pair: {_some(extra)}")
        raise MethodError(f"{name}={folder}: {'; '.join(faults)}. Every pair needs one picture <pair id>.png of its "
                          "own size")
    notes = []
    if prefix or suffix:
        notes.append(f"names read as {prefix}<pair id>{suffix}")
    if extra:
        notes.append(f"{len(extra)} pictures belong to no pair of this set ({_some(extra)})")
    if flat:
        notes.append(f"{named(list(flat), len(files))} fused pictures are constant or nearly so (values "
                     f"{min(low for low, _ in flat.values())}..{max(high for _, high in flat.values())} of 0..255); "
                     "perhaps they were saved without multiplying by 255")
    return Precomputed(files, {pair: sha256(path) for pair, path in files.items()}, "; ".join(notes))


def _looked_at(files: dict[str, Path], sizes: dict[str, tuple[int, int]]) \
        -> tuple[list[str], list[str], dict[str, tuple[int, int]]]:
    """(what cannot be used, what is of another size, file name -> (least, largest value) of what shows nothing)."""
    damaged, other, flat = [], [], {}
    for pair, path in files.items():
        try:
            picture = images.read(path)
        except images.ImageError as error:
            damaged.append(str(error))
            continue
        height, width = sizes[pair]
        if picture.shape[:2] != (height, width):
            other.append(f"{path.name} {picture.shape[1]}x{picture.shape[0]} instead of {width}x{height}")
        if images.is_flat(picture):
            flat[path.name] = int(picture.min()), int(picture.max())
    return damaged, other, flat


def _affix(name: str, folder: Path, stems: list[str], ids: Sequence[str]) -> tuple[str, str]:
    """The prefix and suffix that turn most ids into file names; ("", "") where nothing fits better."""
    known = set(stems)
    probes = list(ids)[::max(1, len(ids) // PROBES)]
    candidates = {("", "")}
    for pair in probes:
        for stem in stems:
            at = stem.find(pair)
            while pair and at >= 0:
                candidates.add((stem[:at], stem[at + len(pair):]))
                at = stem.find(pair, at + 1)
    cover = Counter({(a, b): sum(f"{a}{pair}{b}" in known for pair in ids) for a, b in candidates})
    best = max(cover.values())
    if cover["", ""] == best:
        return "", ""
    fitting = [affix for affix, count in cover.items() if count == best]
    if len(fitting) > 1:
        examples = " or ".join(f"{a}{ids[0]}{b}" for a, b in sorted(fitting)[:SHOWN])
        raise MethodError(f"{name}={folder}: the names fit the pairs in more than one way ({examples}); "
                          "rename the pictures to <pair id>.png")
    return fitting[0]


def brought_card(name: str, folder: Path) -> Card:
    """The card of pictures that the user brought; a known method keeps its title and paper, any task is open to it."""
    known = methods().get(name) or Card(name=name, title=name, kind="precomputed", task=(), paper="")
    return replace(known, kind="precomputed", task=("ivf", "mif"), weights=(), differs={},
                   recipe={"released": f"fused pictures read from {folder.name}/"},
                   parity="pictures as they were brought; nothing was run here")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... ({len(names) - SHOWN} more)" if len(names) > SHOWN else "")


class PrecomputedOnly(Method):
    """A method without a network here: asking for it says why, where it is published and what to bring."""

    def __init__(self, *, device: str = "cpu", protocol: str = "released"):
        raise MethodError(how_to_bring(self.card))

    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        raise NotImplementedError  # never reached: the class cannot be built


def how_to_bring(card: Card) -> str:
    """Why a method of pictures_only.toml is not run, where it is published, and how to bring its pictures."""
    return (f"{card.title} cannot be run here ({card.recipe['released']}); published at "
            f"https://github.com/{card.repository.partition('@')[0]}; bring its fused pictures: "
            f"--methods {card.name}=FOLDER")


def _register_all(path: Path) -> None:
    """Register the methods of a TOML file: one table each, named as on the command line."""
    for name, entry in read_toml(path).items():
        why, task = entry.pop("why"), tuple(entry.pop("task", ["ivf"]))
        card = Card(name=name, kind="precomputed", task=task, recipe={"released": why}, parity="nothing is run here",
                    **{"licence": "none stated", **entry})
        class_name = re.sub(r"\W", "", card.title)
        register(type(class_name, (PrecomputedOnly,), {"card": card, "__module__": __name__}))


_register_all(Path(__file__).parent / "pictures_only.toml")

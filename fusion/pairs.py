"""PairSet: the ordered pairs of a data set and its manifest hash. What data sets there are: fusion.dataset_cards."""

import hashlib
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.names import is_file_name
from fusion import depth, images
from fusion.dataset_cards import DatasetCard, Layout, PairsError, datasets, find_dataset
from fusion.findings import PictureInfo, findings, flat_thermal, picture_info

__all__ = ["SUFFIXES", "DatasetCard", "Pair", "PairSet", "PairsError", "datasets", "find_dataset", "open_pairs"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Pair:
    """One scene. `ir` and `vi` are the same file when the modalities are packed in one 4-channel picture.

    sixteen_bit: the declared rule, where one of the files has 16 bits. plain: both files hold 8-bit grey or RGB (or the
    packed channels) as they are read. hashes: sha256 of both files when the set was opened; reading a file whose bytes
    are others is an ImageError ("": any bytes are read).
    """

    id: str
    ir: Path
    vi: Path
    height: int
    width: int
    sixteen_bit: depth.Rule = None
    plain: bool = True
    hashes: tuple[str, str] = ("", "")

    @property
    def packed(self) -> bool:
        return self.ir == self.vi

    def read8(self) -> tuple[np.ndarray, np.ndarray]:
        """(infrared uint8 [H,W], visible uint8 [H,W] or [H,W,3] RGB; [H,W] where the three channels are equal)."""
        if self.packed:
            ir, vi = images.read_rgbt(self.ir, self.hashes[0])
        else:
            ir, vi = (images.read(path, self.sixteen_bit, digest)
                      for path, digest in zip((self.ir, self.vi), self.hashes, strict=True))
        return images.grey8(ir), images.grey_if_equal(vi)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """What a method gets: the same as float32 in 0..1."""
        ir, vi = self.read8()
        return images.to_unit(ir), images.to_unit(vi)

    def names8(self, folder: Path) -> tuple[Path, Path]:
        """(infrared, visible) as files that any program shows as they are read: its own, or the copies of `files8`."""
        if self.plain:
            return self.ir, self.vi
        return folder / "ir" / f"{self.id}.png", folder / "vi" / f"{self.id}.png"

    def files8(self, folder: Path) -> tuple[Path, Path]:
        """`names8`, with the copies written."""
        names = self.names8(folder)
        if not self.plain:
            for path, picture in zip(names, self.read8(), strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                images.write_png(path, picture)
        return names


@dataclass(frozen=True)
class PairSet:
    """Pairs in file-name order.

    manifest: sha256 over every id, every file's own sha256 and, where there are 16-bit files, the rule for them.
    findings: what a reader should know of the pictures (fusion.findings).
    """

    card: DatasetCard
    pairs: tuple[Pair, ...]
    manifest: str
    layout: str
    findings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def canvas(self) -> tuple[int, int]:
        """Largest height and width of the set."""
        return max(p.height for p in self.pairs), max(p.width for p in self.pairs)

    @property
    def note(self) -> str:
        """How this set differs from the paper's, and what was found in its pictures, or ''."""
        differs = self.card.note
        if self.card.paper_pairs and len(self.pairs) != self.card.paper_pairs:
            differs = f"{len(self.pairs)} pairs; the paper uses {self.card.paper_pairs}"
        return "; ".join(filter(None, [differs, *self.findings]))


def open_pairs(name: str, root: Path, *, known_files: MutableMapping[str, list] | None = None,
               first: int = 0) -> PairSet:
    """Find a data set below `root`, check every pair and return them in a fixed order.

    Args:
        name: a file name of `fusion/datasets/`.
        root: the data root that holds the documented layout.
        first: only so many pairs, in file-name order, and `findings` says so; 0 takes all.
        known_files: optional memory of files checked before (core.files.remembered); extended.
    Raises PairsError: unknown name; no layout found; empty folder; a missing counterpart; sizes that differ; packed
    pictures whose fourth channels are all constant.
    Raises ImageError: a file that cannot be used (fusion.images.read); 16-bit samples that the card has no rule for.
    """
    card = find_dataset(name)
    root = Path(root)
    if not root.is_dir():
        raise PairsError(f"{root}: no such folder; name an existing one with --data")
    layout = _layout(card, root)
    known_files = {} if known_files is None else known_files
    if layout.packed:
        packed = _pictures(root / layout.packed, card)
        files = [(key, path, path) for key, path in packed.items()]
    else:
        ir = _pictures(root / layout.ir, card, layout.ir_ending)
        vi = _pictures(root / layout.vi, card, layout.vi_ending)
        _same_names(ir, vi, root / layout.ir, root / layout.vi)
        files = [(key, ir[key], vi[key]) for key in ir]
    rule, looks = card.sixteen_bit, []
    files.sort(key=lambda f: f[1].name)
    for key, ir_path, vi_path in files[:first or None]:
        ir_info = picture_info(ir_path, bool(layout.packed), rule, known_files)
        vi_info = picture_info(vi_path, False, rule, known_files) if ir_path != vi_path else ir_info
        if ir_info.size != vi_info.size:
            raise PairsError(f"{vi_path}: {vi_info.width}x{vi_info.height} but {ir_path.name} of {ir_path.parent} is "
                             f"{ir_info.width}x{ir_info.height}; a pair must be registered and of one size")
        deep = max(ir_info.bits, vi_info.bits) > 8
        looks.append((Pair(key, ir_path, vi_path, *ir_info.size, rule if deep else None,
                           ir_info.plain and vi_info.plain, (ir_info.sha256, vi_info.sha256)), ir_info, vi_info))
    found = [(pair.id, ir_info, vi_info) for pair, ir_info, vi_info in looks]
    if layout.packed and all(ir_info.thermal_flat for _, ir_info, _ in found):
        raise PairsError(f"{root / layout.packed}: {flat_thermal(len(found))}: {card.published}")
    pairs = tuple(pair for pair, *_ in looks)
    limited = (f"only the first {first} of {len(files)} pairs",) if 0 < first < len(files) else ()
    return PairSet(card, pairs, _manifest(found, rule if any(pair.sixteen_bit for pair in pairs) else None),
                   " + ".join(layout.folders), (*limited, *findings(found, layout.places, rule)))


def _manifest(found: Sequence[tuple[str, PictureInfo, PictureInfo]], rule: depth.Rule) -> str:
    digest = hashlib.sha256()
    for key, ir, vi in found:
        digest.update(f"{key}\0{ir.sha256}\0{vi.sha256}\n".encode())
    if rule is not None:
        digest.update(f"sixteen_bit\0{rule}\n".encode())
    return digest.hexdigest()


def _layout(card: DatasetCard, root: Path) -> Layout:
    for layout in card.layouts:
        if all((root / folder).is_dir() for folder in layout.folders):
            return layout
    wanted = " or ".join(" + ".join(f"{folder}/" for folder in layout.folders) for layout in card.layouts)
    there = ", ".join(sorted(p.name for p in root.iterdir())[:12]) or "nothing"
    raise PairsError(f"{root}: data set {card.name} not found; expected {wanted}; found {there}. "
                     f"Published at {card.published}")


def _pictures(folder: Path, card: DatasetCard, ending: str = "") -> dict[str, Path]:
    """Id -> path of the pictures in `folder` whose stem ends in `ending`, hidden files left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.stem.endswith(ending):
            continue
        if not is_file_name(path.name):
            raise PairsError(f"{folder}: the name {path.name!a} cannot be a name here: no UTF-8, control "
                             "characters, or a beginning like a formula; rename the file")
        if not path.is_file():
            raise PairsError(f"{path}: a folder or a dead link where a picture should be; replace or remove it")
        key = path.stem.removesuffix(ending)
        if key in found:
            raise PairsError(f"{path}: {found[key].name} has the same name; keep one of them")
        found[key] = path
    if not found:
        raise PairsError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))}); "
                         f"{card.title} is published at {card.published}")
    return found


def _same_names(ir: dict, vi: dict, ir_folder: Path, vi_folder: Path) -> None:
    for have, lack, folder in ((ir, vi, vi_folder), (vi, ir, ir_folder)):
        missing = [have[key] for key in have if key not in lack]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise PairsError(f"{missing[0]}: no counterpart named {missing[0].stem}.* in {folder}{more}; "
                             "add it or remove the single picture")

"""PairSet: the ordered pairs of a data set and its manifest hash. What data sets there are: fusion.dataset_cards."""

import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.files import stamp
from fusion import images
from fusion.dataset_cards import DatasetCard, Layout, PairsError, datasets, find_dataset

__all__ = ["SUFFIXES", "DatasetCard", "Pair", "PairSet", "PairsError", "datasets", "find_dataset", "open_pairs"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Pair:
    """One scene. `ir` and `vi` are the same file when the modalities are packed in one 4-channel picture."""

    id: str
    ir: Path
    vi: Path
    height: int
    width: int

    @property
    def packed(self) -> bool:
        return self.ir == self.vi

    def read8(self) -> tuple[np.ndarray, np.ndarray]:
        """(infrared uint8 [H,W], visible uint8 [H,W] or [H,W,3] RGB; [H,W] where the three channels are equal)."""
        if self.packed:
            ir, vi = images.read_rgbt(self.ir)
        else:
            ir, vi = images.read(self.ir), images.read(self.vi)
        return images.grey8(ir), images.grey_if_equal(vi)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """What a method gets: the same as float32 in 0..1."""
        ir, vi = self.read8()
        return images.to_unit(ir), images.to_unit(vi)

    def read_grey(self) -> tuple[np.ndarray, np.ndarray]:
        """What a metric gets: (infrared, visible) as rounded BT.601 grey, uint8 [H,W]."""
        ir, vi = self.read8()
        return ir, images.grey8(vi)


@dataclass(frozen=True)
class PairSet:
    """Pairs in file-name order. `manifest` is the sha256 over every id and every file's own sha256."""

    card: DatasetCard
    pairs: tuple[Pair, ...]
    manifest: str
    layout: str

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def canvas(self) -> tuple[int, int]:
        """Largest height and width of the set."""
        return max(p.height for p in self.pairs), max(p.width for p in self.pairs)

    @property
    def note(self) -> str:
        """How this set differs from the paper's, or ''."""
        if self.card.paper_pairs and len(self.pairs) != self.card.paper_pairs:
            return f"{len(self.pairs)} pairs; the paper uses {self.card.paper_pairs}"
        return self.card.note


def open_pairs(name: str, root: Path, *, facts: MutableMapping[str, list] | None = None) -> PairSet:
    """Find a data set below `root`, check every pair and return them in a fixed order.

    Args:
        name: a file name of `fusion/datasets/`.
        root: the data root that holds the documented layout.
        facts: optional memory of files checked before ("path|size|mtime" -> [sha256, height, width]); extended.
    Raises PairsError: unknown name; no layout found; empty folder; a missing counterpart; sizes that differ.
    Raises ImageError: a file that does not decode, 16-bit samples, unexpected channels.
    """
    card = find_dataset(name)
    root = Path(root)
    if not root.is_dir():
        raise PairsError(f"{root}: no such folder; name an existing one with --data")
    layout = _layout(card, root)
    facts = {} if facts is None else facts
    if layout.packed:
        packed = _pictures(root / layout.packed, card)
        files = [(key, path, path) for key, path in packed.items()]
    else:
        ir = _pictures(root / layout.ir, card, layout.ir_ending)
        vi = _pictures(root / layout.vi, card, layout.vi_ending)
        _same_names(ir, vi, root / layout.ir, root / layout.vi)
        files = [(key, ir[key], vi[key]) for key in ir]
    pairs, digest = [], hashlib.sha256()
    for key, ir_path, vi_path in sorted(files, key=lambda f: f[1].name):
        ir_hash, *ir_size = _facts(ir_path, ir_path == vi_path, facts)
        vi_hash, *vi_size = _facts(vi_path, ir_path == vi_path, facts)
        if ir_size != vi_size:
            raise PairsError(f"{vi_path}: {vi_size[1]}x{vi_size[0]} but {ir_path.name} of {ir_path.parent} is "
                             f"{ir_size[1]}x{ir_size[0]}; a pair must be registered and of one size")
        digest.update(f"{key}\0{ir_hash}\0{vi_hash}\n".encode())
        pairs.append(Pair(key, ir_path, vi_path, *ir_size))
    return PairSet(card, tuple(pairs), digest.hexdigest(), " + ".join(layout.folders))


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


def _facts(path: Path, packed: bool, facts: MutableMapping[str, list]) -> list:
    """[sha256, height, width] of a picture that decodes."""
    key = stamp(path)
    if key not in facts:
        array = images.read_rgbt(path)[0] if packed else images.read(path)
        facts[key] = [hashlib.sha256(path.read_bytes()).hexdigest(), int(array.shape[0]), int(array.shape[1])]
    return list(facts[key])

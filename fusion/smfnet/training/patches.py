"""Training patches: folders of registered pairs, cut on a grid, low-contrast patches left out."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fusion import images
from fusion.pairs import Pair, PairSet
from fusion.smfnet.training.recipe import DataSettings, RecipeError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def low_contrast(patch: np.ndarray, threshold: float) -> bool:
    """(p90 - p10) / p90 < threshold. A patch whose 90th percentile is 0 is kept, as in the authors' code."""
    low, high = np.percentile(patch, [10, 90])
    return bool(high > 0 and (high - low) / high < threshold)


class PatchSet:
    """All patches of a data folder. Pictures stay 8 bit in memory; patches are cut when asked for.

    Attributes:
        index: (picture, top, left) of every patch, in file-name order.
        manifest: sha256 over names and pixels; a resumed run must see the same.
    """

    def __init__(self, data: Path | PairSet, settings: DataSettings):
        """data: folder that holds the recipe's folders of pairs, or the pairs themselves, wherever they lie."""
        self.settings = settings
        self.pictures: list[tuple[np.ndarray, np.ndarray]] = []
        digest = hashlib.sha256()
        for pair in _pairs(data, settings):
            ir, vi = pair.read8()
            if ir.shape != vi.shape[:2]:
                raise RecipeError(f"{pair.vi}: {vi.shape[1]}x{vi.shape[0]}, but {pair.ir} is "
                                  f"{ir.shape[1]}x{ir.shape[0]}; a pair must be registered and of one size")
            digest.update(pair.ir.name.encode() + ir.tobytes() + vi.tobytes())
            self.pictures.append((ir, vi))
        self.manifest = digest.hexdigest()
        self.index = [(number, top, left) for number, pair in enumerate(self.pictures)
                      for top, left in self._corners(*pair)]
        if not self.index:
            raise RecipeError(f"{_name(data)}: no patch of {settings.patch}x{settings.patch} with contrast at least "
                              f"{settings.contrast} in {len(self.pictures)} pairs; lower data.patch or data.contrast")

    def _corners(self, ir: np.ndarray, vi: np.ndarray) -> list[tuple[int, int]]:
        size, stride, threshold = self.settings.patch, self.settings.stride, self.settings.contrast
        y = images.luma(vi)

        def usable(top: int, left: int) -> bool:
            window = slice(top, top + size), slice(left, left + size)
            return not (low_contrast(ir[window], threshold) or low_contrast(y[window], threshold))

        return [(top, left) for top in range(0, ir.shape[0] - size + 1, stride)
                for left in range(0, ir.shape[1] - size + 1, stride) if usable(top, left)]

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, numbers: np.ndarray) -> tuple[Tensor, Tensor]:
        """Infrared and visible luma of these patches, float32 [B,1,P,P] in 0..1."""
        size = self.settings.patch
        irs, vis = [], []
        for number in numbers:
            picture, top, left = self.index[number]
            ir, vi = (image[top:top + size, left:left + size] for image in self.pictures[picture])
            irs.append(images.to_unit(ir))
            vis.append(images.luma(images.to_unit(vi)))
        return torch.from_numpy(np.stack(irs)[:, None]), torch.from_numpy(np.stack(vis)[:, None])


def _name(data: Path | PairSet) -> str:
    return data.name if isinstance(data, PairSet) else str(data)


def _pairs(data: Path | PairSet, settings: DataSettings) -> list[Pair]:
    """The training pairs, in file-name order of each folder."""
    if isinstance(data, PairSet):
        return list(data.pairs)
    return [Pair(ir.stem, ir, vi, 0, 0) for ir_folder, vi_folder in settings.pairs
            for ir, vi in _paired(Path(data) / ir_folder, Path(data) / vi_folder)]


def _paired(ir_folder: Path, vi_folder: Path) -> list[tuple[Path, Path]]:
    listed = []
    for folder in (ir_folder, vi_folder):
        if not folder.is_dir():
            raise RecipeError(f"{folder}: no such folder; training needs pairs of equal names in {ir_folder.name}/ and "
                              f"{vi_folder.name}/ (other folders: data.pairs of the recipe)")
        listed.append({path.stem: path for path in sorted(folder.iterdir())
                       if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")})
    ir, vi = listed
    lonely = sorted(ir.keys() ^ vi.keys())
    if lonely or not ir:
        raise RecipeError(f"{ir_folder}, {vi_folder}: " + (f"{lonely[0]} has no counterpart ({len(lonely)} such names)"
                                                           if lonely else "no pictures"))
    return [(ir[name], vi[name]) for name in sorted(ir)]


def order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The epoch's order of patches: a function of seed and epoch alone, so that a resumed run sees the same."""
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(count)

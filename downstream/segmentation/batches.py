"""Pictures and labels as mmsegmentation samples; augmentation and order depend on (seed, epoch, index) alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from downstream.segmentation._mmlab import PixelData, SegDataSample, pseudo_collate
from downstream.segmentation.labels import Legend, SegmentationError, read_label
from downstream.segmentation.settings import SegmentationSettings
from fusion import images
from fusion.pairs import Pair

# ImageNet's statistics in 0..255; thermal takes their means
MEAN = np.array([123.675, 116.28, 103.53, 114.495], dtype=np.float32)
STD = np.array([58.395, 57.12, 57.375, 57.63], dtype=np.float32)

CROP_DRAWS = 10  # as mmsegmentation's RandomCrop

# one picture; or for early fusion a pair, a 4-channel picture or (infrared, visible)
Source = Path | tuple[Path, Path] | Pair


@dataclass(frozen=True)
class Item:
    """One labelled picture; `mirrored` for a `_flip` entry."""

    id: str
    source: Source
    label: Path
    legend: Legend
    mirrored: bool = False


def read_input(source: Source, settings: SegmentationSettings) -> np.ndarray:
    """uint8 [H,W,3], or [H,W,4] (RGB + thermal) for early fusion."""
    if settings.four_channel:
        if isinstance(source, Pair):
            thermal, visible = source.read8()
        elif isinstance(source, tuple):
            thermal, visible = images.grey8(images.read(source[0])), images.read(source[1])
        else:
            thermal, visible = images.read_rgbt(source)
        if visible.ndim == 2:
            visible = np.repeat(visible[..., None], 3, axis=2)
        return np.concatenate([visible, thermal[..., None]], axis=2)
    if not isinstance(source, Path):
        path = source.ir if isinstance(source, Pair) else source[0]
        raise SegmentationError(f"{path}: two files for one picture; set four_channel for early fusion")
    picture = images.read(source)
    if not settings.colour:
        picture = images.grey8(picture)
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def read_item(item: Item, settings: SegmentationSettings) -> tuple[np.ndarray, np.ndarray]:
    """(picture uint8 [H,W,C], ids uint8 [H,W]) of one size."""
    picture = read_input(item.source, settings)
    ids = read_label(item.label, item.legend, picture.shape[:2])
    return (picture[:, ::-1], ids[:, ::-1]) if item.mirrored else (picture, ids)


def augment(picture: np.ndarray, ids: np.ndarray, settings: SegmentationSettings,
            rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random mirroring, resizing (bilinear; ids nearest) and crop of at most settings.crop.

    A crop in which one class covers more than settings.max_share is drawn again, up to CROP_DRAWS times.
    """
    if rng.random() < settings.flip:
        picture, ids = picture[:, ::-1], ids[:, ::-1]
    factor = rng.uniform(*settings.scale)
    if factor != 1:
        size = (max(1, round(ids.shape[1] * factor)), max(1, round(ids.shape[0] * factor)))
        picture = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_LINEAR)
        ids = cv2.resize(np.ascontiguousarray(ids), size, interpolation=cv2.INTER_NEAREST)
    for _ in range(CROP_DRAWS):
        top, left = (int(rng.integers(max(have - want, 0) + 1)) for have, want in zip(ids.shape, settings.crop))
        window = np.s_[top:top + settings.crop[0], left:left + settings.crop[1]]
        if np.bincount(ids[window].ravel()).max() <= settings.max_share * ids[window].size:
            break
    return picture[window], ids[window]


class Scenes(Dataset):
    """Samples {"inputs": float32 [C,H,W], "data_samples": SegDataSample}; keyed (epoch, index) they are augmented."""

    def __init__(self, items: Sequence[Item], settings: SegmentationSettings, seed: int):
        self.items, self.settings, self.seed = list(items), settings, seed

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: int | tuple[int, int]) -> dict:
        epoch, index = key if isinstance(key, tuple) else (None, key)
        picture, ids = read_item(self.items[index], self.settings)
        if epoch is not None:
            picture, ids = augment(picture, ids, self.settings, np.random.default_rng((self.seed, epoch, index)))
        return sample(picture, ids)


def sample(picture: np.ndarray, ids: np.ndarray) -> dict:
    """What mmsegmentation's train_step and test_step take, normalised."""
    channels = picture.shape[2]
    inputs = torch.from_numpy(((picture - MEAN[:channels]) / STD[:channels]).transpose(2, 0, 1).copy())
    data = SegDataSample(metainfo={"ori_shape": ids.shape, "img_shape": ids.shape})
    data.gt_sem_seg = PixelData(data=torch.from_numpy(ids.astype(np.int64))[None])
    return {"inputs": inputs, "data_samples": data}


class EpochOrder(Sampler):
    """Keys (epoch, index) in an order drawn from (seed, epoch); set `epoch` before each pass."""

    def __init__(self, size: int, seed: int):
        self.size, self.seed, self.epoch = size, seed, 0

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.size)
        return iter([(self.epoch, int(i)) for i in order])


def training_loader(items: Sequence[Item], settings: SegmentationSettings, seed: int) -> tuple[DataLoader, EpochOrder]:
    """Full batches only: an incomplete last one is left out of its epoch."""
    order = EpochOrder(len(items), seed)
    loader = DataLoader(Scenes(items, settings, seed), settings.batch, sampler=order, drop_last=True,
                        num_workers=settings.workers, persistent_workers=settings.workers > 0,
                        collate_fn=pseudo_collate,
                        # its own stream: the loader must draw nothing from the one that dropout draws from
                        generator=torch.Generator().manual_seed(seed))
    return loader, order

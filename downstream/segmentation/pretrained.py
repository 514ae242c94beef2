"""The file that a segmentation network starts from; apart, because looking at it needs no mmsegmentation."""

from pathlib import Path

import torch

from downstream.segmentation.labels import SegmentationError
from fusion import checkpoints


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name of a local file of weights; nothing in it is run. Raises SegmentationError for any other file."""
    saved = checkpoints.read(path, SegmentationError)
    saved = saved.get("state_dict", saved) if isinstance(saved, dict) else {}
    if not isinstance(saved, dict) or not saved or not all(
            isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in saved.items()):
        raise SegmentationError(f"{path}: expected a dict of tensors by name; use a file of ResNetV1c's weights")
    return saved

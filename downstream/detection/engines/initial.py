"""Initial weights of a detector from a file that anybody may have made: its tensors are taken, nothing of it is run.

ultralytics and the classic YOLOv5 unpickle what they are given; so neither of them ever sees the user's file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from core.files import aside
from downstream.detection.settings import DetectionError
from fusion import checkpoints

_REMEDY = "Take the file from its publisher, or save the network's state dict alone"


def initial_state(path: Path) -> dict[str, torch.Tensor]:
    """Names and float32 tensors of a checkpoint: of ultralytics (its averaged weights where there are any), of a
    training of this room, or a plain state dict, also as safetensors.

    Raises DetectionError for any other file, and for one that holds more than a network.
    """
    found = _network(checkpoints.read_network(path, DetectionError, remedy=_REMEDY))
    if isinstance(found, checkpoints.Shell):
        found = checkpoints.state(found, path, DetectionError)
    if not isinstance(found, Mapping) or not found or not all(
            isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in found.items()):
        raise DetectionError(f"{path}: holds no weights of a network. {_REMEDY}")
    return {name: value.float() if value.is_floating_point() else value for name, value in found.items()}


def _network(content: Any) -> Any:
    """What of a checkpoint's content is the network."""
    if isinstance(content, Mapping):
        if isinstance(content.get("state"), Mapping):  # of _training.save_state
            return content["state"].get("weights")
        for key in ("ema", "model", "state_dict"):
            if content.get(key) is not None:
                return content[key]
    return content


def rewritten(path: Path, target: Path) -> Path:
    """The same tensors as a checkpoint of plain torch modules, which a library may unpickle. Returns `target`.

    The classic train.py reads `["model"].float().state_dict()` of it and takes the network's shape from its own file.
    """
    root = torch.nn.Module()
    for name, value in initial_state(path).items():
        *parents, leaf = name.split(".")
        node = root
        for parent in parents:
            if parent not in node._modules:
                node.add_module(parent, torch.nn.Module())
            node = node.get_submodule(parent)
        node.register_buffer(leaf, value)
    with aside(target) as temporary:
        torch.save({"model": root, "ema": None}, temporary)
    return target

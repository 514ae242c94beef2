"""Weights in and out: the authors' checkpoint, and our own safetensors files that carry their network settings."""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from core.files import aside
from fusion import checkpoints
from fusion.method import MethodError
from fusion.smfnet.network.smfnet import PARTS, SMFNet, parts
from fusion.smfnet.settings import NetworkSettings

PREFIX = "module."  # nn.DataParallel


def load_released(path: Path, settings: NetworkSettings) -> SMFNet:
    """Load a checkpoint dict {DIDF_Encoder: {...}, ...} strictly; the prefix `module.` may be there or not.

    Raises MethodError: unreadable or truncated file, a missing part, missing, unexpected or misshapen tensors.
    """
    checkpoint = checkpoints.read(path, MethodError)
    missing = [part for part in PARTS if not isinstance(checkpoint, dict) or part not in checkpoint]
    if missing:
        found = ", ".join(map(str, list(checkpoint)[:8])) if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise MethodError(f"{path}: no SMFNet checkpoint: {', '.join(missing)} missing; found {found}. "
                          f"Expected a dict of {', '.join(PARTS)}")
    network = SMFNet(settings)
    for name, module in parts(network).items():
        state = {key.removeprefix(PREFIX): value for key, value in checkpoint[name].items()}
        _strict(module, state, f"{path}: {name}")
    return network


def _strict(module: torch.nn.Module, state: dict[str, Tensor], where: str) -> None:
    try:
        module.load_state_dict(state, strict=True)
    except (RuntimeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
        raise MethodError(f"{where} does not fit the network: {' '.join(lines)[:400] or error}. The file belongs to "
                          "another network, width or protocol") from error


def save(path: Path, network: SMFNet, *, half: bool = False) -> None:
    """Write the network as safetensors (float16 if `half`), its settings in the metadata."""
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    if half:
        state = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    # one entry: safetensors writes several in random order, and equal weights should be equal files
    metadata = {"settings": json.dumps(dataclasses.asdict(network.settings))}
    with aside(path) as temporary:
        save_file(state, temporary, metadata=metadata)


def load(path: Path) -> SMFNet:
    """Read a file written by `save`; float16 becomes float32. Raises MethodError naming the file."""
    try:
        state, metadata = checkpoints.tensors(path)
        settings = NetworkSettings(**json.loads(metadata["settings"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise MethodError(f"{path}: not a SMFNet safetensors file ({error}). Train one with "
                          "`python run_all.py train smfnet`, or name the authors' checkpoint") from error
    network = SMFNet(settings)
    _strict(network, {key: value.float() if value.is_floating_point() else value for key, value in state.items()},
            str(path))
    return network

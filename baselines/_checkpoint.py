"""Reading PyTorch checkpoints: nothing in them is executed, and every fault is a MethodError that names the file."""

from pathlib import Path

import torch
from torch import nn

from fusion.method import MethodError

SHOWN = 4  # keys named in a message


def load_state(path: Path, *keys: str, optional: str = "") -> dict[str, torch.Tensor]:
    """The state dict below `keys` of a checkpoint file, on the CPU; one level deeper if the key `optional` is there.

    A leading `module.` (nn.DataParallel) is taken off every name. Only tensors and plain containers are read
    (`weights_only`), so a file from the internet cannot run code.

    Raises MethodError when the file is damaged, is no checkpoint, or lacks one of the keys.
    """
    try:
        node = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for a damaged file; all mean the same to the user
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MethodError(f"{path}: cannot be read as a PyTorch checkpoint ({reason[:160]}). "
                          "The file is damaged, unsafe or of another kind: delete it and fetch it again") from error
    for depth, key in enumerate(keys):
        if not isinstance(node, dict) or key not in node:
            found = _some(node) if isinstance(node, dict) else type(node).__name__
            raise MethodError(f"{path}: no entry {'/'.join(keys[:depth + 1])!r} in the checkpoint; found {found}")
        node = node[key]
    if optional and isinstance(node, dict):
        node = node.get(optional, node)
    if not isinstance(node, dict) or not all(isinstance(value, torch.Tensor) for value in node.values()):
        raise MethodError(f"{path}: expected a dict of tensors{f' under {keys[-1]!r}' if keys else ''}; "
                          f"found {_some(node) if isinstance(node, dict) else type(node).__name__}")
    return {name.removeprefix("module."): value for name, value in node.items()}


def restore(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> nn.Module:
    """Load `state` strictly into `network`; `path` is named when keys or shapes do not fit. Returns the network."""
    own = network.state_dict()
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    shapes = [f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
              for name in own if name in state and state[name].shape != own[name].shape]
    faults = [f"{len(names)} {kind} ({_some(names)})" for kind, names in
              (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)) if names]
    if faults:
        raise MethodError(f"{path}: tensors do not fit {type(network).__name__}: {'; '.join(faults)}. "
                          "It is the checkpoint of another network or version")
    network.load_state_dict(state)
    return network


def _some(names) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "") if names else "nothing"

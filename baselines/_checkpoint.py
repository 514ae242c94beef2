"""Reading PyTorch checkpoints: nothing in them is executed, and every fault is a MethodError that names the file."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fusion import checkpoints
from fusion.method import MethodError

SHOWN = 4  # keys named in a message


def load_state(path: Path, *keys: str, optional: str = "") -> dict[str, torch.Tensor]:
    """The state dict below `keys` of a checkpoint file, on the CPU; one level deeper if the key `optional` is there.

    A leading `module.` (nn.DataParallel) is taken off every name. Only tensors and plain containers are read
    (`weights_only`), so a file from the internet cannot run code.

    Raises MethodError when the file is damaged, is no checkpoint, or lacks one of the keys.
    """
    node = _entry(path, keys, checkpoints.read(path, MethodError))
    if optional and isinstance(node, dict):
        node = node.get(optional, node)
    if not isinstance(node, dict) or not all(isinstance(value, torch.Tensor) for value in node.values()):
        raise MethodError(f"{path}: expected a dict of tensors{f' under {keys[-1]!r}' if keys else ''}; "
                          f"found {_some(node) if isinstance(node, dict) else type(node).__name__}")
    return {name.removeprefix("module."): value for name, value in node.items()}


def _entry(path: Path, keys: Sequence[str], node: Any) -> Any:
    """What a checkpoint's content holds below `keys`; MethodError when it lacks one of them."""
    for depth, key in enumerate(keys):
        if not isinstance(node, dict) or key not in node:
            found = _some(node) if isinstance(node, dict) else type(node).__name__
            raise MethodError(f"{path}: no entry {'/'.join(keys[:depth + 1])!r} in the checkpoint; found {found}")
        node = node[key]
    return node


def load_pickled(path: Path, network: str, *keys: str) -> dict[str, torch.Tensor]:
    """The state dict of a file that holds a whole network, an object of the authors' class `network`, below `keys`.

    Nothing of it is run (fusion.checkpoints.read_network). Raises MethodError as load_state does.
    """
    node = _entry(path, keys, checkpoints.read_network(path, MethodError))
    found = getattr(node, "named", type(node).__name__)
    if not isinstance(node, checkpoints.Shell) or found != network:
        raise MethodError(f"{path}: expected a network of class {network}; found {found}")
    return checkpoints.state(node, path, MethodError)


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


def _some(names: Iterable[Any]) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "") if names else "nothing"

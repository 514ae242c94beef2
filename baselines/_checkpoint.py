"""Reading PyTorch checkpoints: nothing in them is executed, and every fault is a MethodError that names the file."""

import re
from collections.abc import Iterator, Sequence
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
    node = _entry(path, keys)
    if optional and isinstance(node, dict):
        node = node.get(optional, node)
    if not isinstance(node, dict) or not all(isinstance(value, torch.Tensor) for value in node.values()):
        raise MethodError(f"{path}: expected a dict of tensors{f' under {keys[-1]!r}' if keys else ''}; "
                          f"found {_some(node) if isinstance(node, dict) else type(node).__name__}")
    return {name.removeprefix("module."): value for name, value in node.items()}


def _entry(path: Path, keys: Sequence[str]):
    """What the checkpoint holds below `keys`; MethodError when it cannot be read or lacks one of them."""
    try:
        node = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for a damaged file; all mean the same to the user
        raise MethodError(f"{path}: cannot be read as a PyTorch checkpoint ({_reason(error)}). "
                          "The file is damaged, unsafe or of another kind: delete it and fetch it again") from error
    for depth, key in enumerate(keys):
        if not isinstance(node, dict) or key not in node:
            found = _some(node) if isinstance(node, dict) else type(node).__name__
            raise MethodError(f"{path}: no entry {'/'.join(keys[:depth + 1])!r} in the checkpoint; found {found}")
        node = node[key]
    return node


def _reason(error: Exception) -> str:
    """One line of what torch says; of a pickle that it refuses, the line with the cause."""
    text = str(error).strip()
    told = re.search(r"WeightsUnpickler error: (.*?)(?:\. |$)", text, re.MULTILINE)
    return (told[1] if told else text.splitlines()[0] if text else type(error).__name__)[:160]


class _Shell:
    """Stands for every class of a pickled network: keeps what was stored and runs nothing of it."""

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)


# where pickles of networks name their classes; the authors' own class comes on top
LAYERS = {"activation": ("ReLU", "Tanh"), "batchnorm": ("BatchNorm2d",), "container": ("ModuleList", "Sequential"),
          "conv": ("Conv2d",)}


def load_pickled(path: Path, network: str, *keys: str) -> dict[str, torch.Tensor]:
    """The state dict of a file that holds a whole network, an object of the authors' class `network`, below `keys`.

    The classes named in the file are replaced by an empty one, so nothing of it is run. Raises MethodError as
    load_state does.
    """
    names = [network, *(f"torch.nn.modules.{module}.{name}" for module, names in LAYERS.items() for name in names)]
    with torch.serialization.safe_globals([*((_Shell, name) for name in names), set]):
        node = _entry(path, keys)
    if not isinstance(node, _Shell):
        raise MethodError(f"{path}: expected a network of class {network}; found {type(node).__name__}")
    return dict(_tensors(node, ""))


def _tensors(module: _Shell, prefix: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and tensors of a pickled module in the order of nn.Module.state_dict."""
    stored = vars(module)
    for kind in ("_parameters", "_buffers"):
        yield from ((prefix + name, tensor.data) for name, tensor in stored[kind].items() if tensor is not None)
    for name, child in stored["_modules"].items():
        yield from _tensors(child, f"{prefix}{name}.")


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

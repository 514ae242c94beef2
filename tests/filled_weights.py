"""Made-up parameters that depend on a tensor's name only: the filled weights of golden/methods, in own words.

A uniform draw in [-1, 1) seeded by the name's CRC-32 is scaled so that activations keep their size.
"""

import zlib
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

KEPT = ("relative_position_index", "num_batches_tracked", "attn_mask")
BEFORE_A_RELU = ("fusion_rule.0.weight", "projection_layer.0.weight")
TURNED_BACK = ".kernel"  # AUIF's are applied a second time, turned, from all channels to one


def value(name: str, shape: Iterable[int]) -> np.ndarray:
    """float32 array for the tensor `name` of a state dict."""
    shape = tuple(shape)
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    if name.endswith("invconv.p"):
        return np.eye(shape[0], dtype=np.float32)[generator.permutation(shape[0])]
    draw = (generator.random(int(np.prod(shape))) * 2 - 1).reshape(shape)
    if name.endswith("invconv.sign_s"):
        draw = np.where(draw < 0, -1.0, 1.0)
    elif name.endswith("running_var"):
        draw = 1 + draw / 2
    elif name.endswith("running_mean"):
        draw = draw / 10
    elif name.endswith("lamj"):  # LRRNet's thresholds; below 0 its shrinkage jumps, and float noise with it
        draw = np.abs(draw) / 10
    elif len(shape) >= 2:
        draw = draw * np.sqrt(3 / np.prod(shape[1:])) * (0.5 if "theta_rho" in name else 1)
        if name.endswith(TURNED_BACK):
            draw = draw / np.sqrt(shape[0])
        if name.endswith(BEFORE_A_RELU):
            draw = draw - draw.mean((2, 3), keepdims=True)
    elif name.endswith(("weight", "temperature", "scale")):
        draw = 1 + draw / 4
    else:
        draw = draw / 10
    return draw.astype(np.float32)


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Filled copy of the network's state dict; index tables and counters stay."""
    return {name: tensor.clone() if name.endswith(KEPT) else torch.from_numpy(value(name, tensor.shape))
            for name, tensor in network.state_dict().items()}


def fill(network: nn.Module) -> nn.Module:
    """Fill a network in place. Networks that were released in parts are filled part by part."""
    for part in list(network.children()) if hasattr(network, "decoder") else [network]:
        part.load_state_dict(state(part))
    return network


def filled(network: nn.Module) -> nn.Module:
    """The network filled and in eval mode."""
    return fill(network).eval()

"""Layers and loading for networks released as TensorFlow checkpoints.

Parameters carry the TensorFlow variable names with dots for slashes (`encoder.conv1_1.kernel`); kernels are stored in
PyTorch's order (out, in, H, W) and turned at loading.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.network import LumaNetwork
from baselines.tf_checkpoint import read_checkpoint, tensor
from fusion.method import MethodError

OPTIMISER = re.compile(r"(^|/)(beta[12]_power|Adam(_\d+)?|global_step)$")
TURNED = {4: (3, 2, 0, 1), 2: (1, 0)}  # (H, W, in, out) -> (out, in, H, W); (in, out) -> (out, in)


class Conv(nn.Module):
    """Convolution of stride 1 that keeps the picture's size.

    pad: "reflect" (one pixel before a 3x3, then no padding) or "zero" (TensorFlow's SAME).
    kernel, bias: the variables' names inside their scope; bias "" where there is none.
    """

    def __init__(self, channels_in: int, channels_out: int, size: int = 3, *, pad: str = "reflect", groups: int = 1,
                 kernel: str = "kernel", bias: str = "bias"):
        super().__init__()
        self.names, self.pad, self.margin, self.groups = (kernel, bias), pad, size // 2, groups
        self.register_parameter(kernel, nn.Parameter(torch.zeros(channels_out, channels_in // groups, size, size)))
        if bias:
            self.register_parameter(bias, nn.Parameter(torch.zeros(channels_out)))

    def forward(self, x: Tensor) -> Tensor:
        kernel, bias = getattr(self, self.names[0]), getattr(self, self.names[1], None)
        if self.pad == "reflect" and self.margin:
            x = F.pad(x, (self.margin,) * 4, mode="reflect")
            return F.conv2d(x, kernel, bias, groups=self.groups)
        return F.conv2d(x, kernel, bias, padding=self.margin, groups=self.groups)


class ImageNorm(nn.Module):
    """Batch normalisation with the statistics of the picture itself, as scripts that run in training mode do.

    The variables of the checkpoint are kept, so that it loads strictly and is counted whole; the moving statistics
    are never used, gamma and beta only where `affine` says so.
    """

    def __init__(self, channels: int, *, scale: bool, affine: bool, epsilon: float):
        super().__init__()
        self.affine, self.epsilon = affine, epsilon
        self.beta = nn.Parameter(torch.zeros(channels))
        if scale:
            self.gamma = nn.Parameter(torch.ones(channels))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        gamma = self.gamma if self.affine and hasattr(self, "gamma") else None
        beta = self.beta if self.affine else None
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=self.epsilon)


def bundle_prefix(files: Sequence[Path]) -> Path:
    """The checkpoint that a card's files form: the prefix of its .index file."""
    for path in files:
        if path.name.endswith(".index"):
            return path.with_name(path.name.removesuffix(".index"))
    return files[0]


def load_variables(network: nn.Module, prefix: Path) -> nn.Module:
    """Fill every parameter and buffer of `network` from the checkpoint; returns the network.

    Raises MethodError for a variable that is missing, has another shape, or that the network does not know
    (an optimiser's variables are passed over).
    """
    variables = read_checkpoint(prefix)
    state = {}
    for name, own in network.state_dict().items():
        value = tensor(variables, name.replace(".", "/"), prefix)
        if value.ndim in TURNED:
            value = value.transpose(TURNED[value.ndim])
        if value.shape != tuple(own.shape):
            raise MethodError(f"{prefix}: variable {name.replace('.', '/')!r} has shape {value.shape} (after turning), "
                              f"{type(network).__name__} needs {tuple(own.shape)}")
        state[name] = torch.from_numpy(value.copy())
    left = [name for name in variables if name.replace("/", ".") not in state and not OPTIMISER.search(name)]
    if left:
        raise MethodError(f"{prefix}: {len(left)} variables that {type(network).__name__} does not have "
                          f"({', '.join(left[:4])}); it is the checkpoint of another network or version")
    network.load_state_dict(state)
    return network


class VariablesNetwork(LumaNetwork):
    """A LumaNetwork whose files are one TensorFlow checkpoint."""

    def build(self, files: Sequence[Path]) -> nn.Module:
        network = self.architecture()
        return load_variables(network, bundle_prefix(files)) if files else network

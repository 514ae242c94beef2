"""What a node of a torch.fx graph does: convolve, pad, normalise, rectify, concatenate."""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from fusion.fast.convolution import BORDERS

M = TypeVar("M", bound=nn.Module)
PADS: dict[type[nn.Module], str] = {nn.ReflectionPad2d: "reflect", nn.ReplicationPad2d: "replicate",
                                    nn.ZeroPad2d: "zeros"}
PAD_MODES = {"reflect": "reflect", "replicate": "replicate", "constant": "zeros"}


class Convolved(NamedTuple):
    """A dense convolution of stride 1 with weights that are there."""

    source: fx.Node
    weight: Tensor
    bias: Tensor | None
    padding: tuple[int, int]  # rows and columns on either side
    dilation: int
    borders: str  # key of fusion.fast.convolution.BORDERS


class Normed(NamedTuple):
    """A batch norm that takes the picture's own statistics."""

    source: fx.Node
    weight: Tensor | None
    bias: Tensor | None
    eps: float


def convolution(traced: fx.GraphModule, node: fx.Node) -> Convolved | None:
    """The convolution that `node` is; None where it is another or something else."""
    conv = module(traced, node, nn.Conv2d)
    if conv is not None:
        given: dict[str, Any] = {name: getattr(conv, name) for name in (
            "weight", "bias", "stride", "padding", "dilation", "groups")}
        borders = conv.padding_mode
    elif calls(node, F.conv2d):
        given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | arguments(
            node, "input", "weight", "bias", "stride", "padding", "dilation", "groups")
        fixed = _constants(traced, given, "weight", "bias")
        if fixed is None or fixed["weight"] is None:
            return None
        given, borders = given | fixed, "zeros"
    else:
        return None
    stride, padding, dilation = (_pair(given[name]) for name in ("stride", "padding", "dilation"))
    if (stride != (1, 1) or padding is None or dilation is None or dilation[0] != dilation[1] or given["groups"] != 1
            or borders not in BORDERS or given["weight"].dtype != torch.float32):
        return None
    return Convolved(first(node), given["weight"], given["bias"], padding, dilation[0], borders)


def padding(traced: fx.GraphModule, node: fx.Node) -> tuple[str, tuple[int, int]] | None:
    """(borders, rows and columns on either side) of a node that pads alike on both sides."""
    pad: Any
    padder = next((found for kind in PADS if (found := module(traced, node, kind)) is not None), None)
    if padder is not None:
        borders, pad = PADS[type(padder)], padder.padding
    elif calls(node, F.pad):
        given = arguments(node, "input", "pad", "mode", "value")
        borders, pad = PAD_MODES.get(given.get("mode", "constant"), ""), given["pad"]
        if given.get("value"):
            return None
    else:
        return None
    if not borders or len(pad) != 4 or not all(isinstance(n, int) and n >= 0 for n in pad):
        return None
    left, right, top, bottom = pad
    return (borders, (top, left)) if left == right and top == bottom else None


def own_norm(traced: fx.GraphModule, node: fx.Node) -> Normed | None:
    """The batch norm with the picture's own statistics that `node` is."""
    norm = module(traced, node, nn.BatchNorm2d)
    if norm is not None:
        own = norm.training or norm.running_mean is None
        return Normed(first(node), norm.weight, norm.bias, norm.eps) if own else None
    if not calls(node, F.batch_norm):
        return None
    given = arguments(node, "input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    fixed = _constants(traced, given, "weight", "bias")
    if given.get("training") is not True or given.get("running_mean") is not None or fixed is None:
        return None
    return Normed(first(node), fixed["weight"], fixed["bias"], given.get("eps", 1e-5))


def fixed_norm(traced: fx.GraphModule, node: fx.Node | None) -> nn.BatchNorm2d | None:
    """The batch norm with stored statistics that `node` is."""
    norm = module(traced, node, nn.BatchNorm2d)
    return None if norm is None or norm.training or norm.running_mean is None else norm


def slope(traced: fx.GraphModule, node: fx.Node | None) -> Tensor | float | None:
    """What a node multiplies values below zero with, which leaves the others; None where it does something else."""
    if node is None:
        return None
    if (module(traced, node, nn.ReLU) or calls(node, F.relu, torch.relu)
            or (node.op == "call_method" and node.target in ("relu", "relu_"))):
        return 0.0
    leaky, prelu = module(traced, node, nn.LeakyReLU), module(traced, node, nn.PReLU)
    if leaky is not None:
        return leaky.negative_slope
    if prelu is not None:
        return prelu.weight
    if calls(node, F.leaky_relu):
        value = arguments(node, "input", "negative_slope").get("negative_slope", 0.01)
        return value if isinstance(value, float | int) else None
    return None


def joined(node: fx.Node) -> list[fx.Node]:
    """The nodes whose channels `node` concatenates, itself where it does not."""
    if calls(node, torch.cat):
        given = arguments(node, "tensors", "dim")
        if given.get("dim", 0) == 1 and isinstance(given["tensors"], list | tuple):
            return [part for tensor in given["tensors"] for part in joined(tensor)]
    return [node]


def module(traced: fx.GraphModule, node: fx.Node | None, kind: type[M]) -> M | None:
    """The module that `node` calls, if it is a `kind` and no subclass of it."""
    if node is None or node.op != "call_module":
        return None
    found = traced.get_submodule(str(node.target))
    return found if type(found) is kind else None


def calls(node: fx.Node, *functions: Callable) -> bool:
    return node.op == "call_function" and node.target in functions


def arguments(node: fx.Node, *names: str) -> dict[str, Any]:
    """A call's arguments by name."""
    return dict(zip(names, node.args)) | dict(node.kwargs)


def first(node: fx.Node) -> fx.Node:
    """The node that `node` works on."""
    source = node.args[0] if node.args else node.kwargs["input"]
    if not isinstance(source, fx.Node):
        raise TypeError(f"{node.format_node()}: its first argument is no node")
    return source


def following(node: fx.Node) -> fx.Node | None:
    """The one node that uses `node`'s result; None where more or none do."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def _constants(traced: fx.GraphModule, given: dict[str, Any], *names: str) -> dict[str, Tensor | None] | None:
    """The parameters or buffers of these names, None where not given; None altogether where one is computed."""
    found: dict[str, Tensor | None] = {}
    for name in names:
        node = given.get(name)
        if node is not None and (not isinstance(node, fx.Node) or node.op != "get_attr"):
            return None
        found[name] = None if node is None else operator.attrgetter(str(node.target))(traced)
    return found


def _pair(value: Any) -> tuple[int, int] | None:
    """(rows, columns) of an argument that may be one number for both; None where it is no number."""
    pair = (value, value) if isinstance(value, int) else tuple(value)
    return pair if len(pair) == 2 and all(isinstance(n, int) for n in pair) else None

"""A network with its convolutions replaced: torch.fx reads what it does, so no network is written a second time."""

import copy
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.utils import fuse_conv_bn_weights

from fusion.fast.convolution import BORDERS, Convolution
from fusion.fast.extension import kernels
from fusion.fast.norm import PictureNorm

M = TypeVar("M", bound=nn.Module)
PADS: dict[type[nn.Module], str] = {nn.ReflectionPad2d: "reflect", nn.ReplicationPad2d: "replicate", nn.ZeroPad2d: "zeros"}
PAD_MODES = {"reflect": "reflect", "replicate": "replicate", "constant": "zeros"}


def accelerate(network: nn.Module) -> nn.Module:
    """The network for inference on the CPU, its values within float32 noise of what they were; itself where it stays.

    Of every dense convolution of stride 1 with fixed weights: padding before it, concatenation before that, and batch
    norm in evaluation mode, ReLU, leaky ReLU or PReLU behind it become one step without a copy; a 1x1 convolution stays
    unless it spares a concatenation. Batch norm with the picture's own statistics takes them in float64. A module whose forward
    cannot be traced (its way depends on values or shapes) stays, and its parts are looked at. `network` is not changed.
    """
    if kernels() is None:
        return network
    try:
        traced = fx.symbolic_trace(network)
    except Exception:  # noqa: BLE001 - tracing runs any network's own code on stand-ins: it can fail in any way
        return _parts_accelerated(network)
    changed = [_convolve(traced, node) or _normalise(traced, node) for node in list(traced.graph.nodes)]
    if not any(changed):
        return network
    traced.graph.eliminate_dead_code()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced  # in the mode that its parts are in: a batch norm may be meant to take the picture's own statistics


def _parts_accelerated(module: nn.Module) -> nn.Module:
    parts = {name: accelerate(part) for name, part in module.named_children()}
    if all(part is module.get_submodule(name) for name, part in parts.items()):
        return module
    other = copy.copy(module)
    other._modules = {**module._modules, **parts}
    return other


class _Found(NamedTuple):
    """A convolution in a graph."""

    weight: Tensor
    bias: Tensor | None
    padding: tuple[int, int]
    dilation: int
    borders: str


def _convolve(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Put a Convolution into the place of `node` and of what belongs to it, if it is one that can be."""
    found = _convolution(traced, node)
    if found is None:
        return False
    source = _first(node)
    if found.weight.shape[2:] == (1, 1) and _joined(source) == [source]:
        return False  # a matrix product, which the library does as well
    if found.padding == (0, 0) and _alone(source):
        pad = _padding(traced, source)
        if pad is not None:
            (borders, padding), source = pad, _first(source)
            found = found._replace(borders=borders, padding=padding)
    weight, bias, last = found.weight, found.bias, node
    norm = _module(traced, _next(last), nn.BatchNorm2d)
    if norm is not None and not norm.training and norm.running_mean is not None:
        weight, bias = fuse_conv_bn_weights(weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight,
                                            norm.bias)
        last = _next(last)
    slope = _slope(traced, _next(last))
    if slope is not None:
        last = _next(last)
    part = Convolution(weight, bias, padding=found.padding, dilation=found.dilation, borders=found.borders,
                       slope=1.0 if slope is None else slope)
    _put(traced, part, _joined(source), last)
    return True


def _normalise(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Put a PictureNorm into the place of `node`, if it is a batch norm that takes the picture's own statistics."""
    module = _module(traced, node, nn.BatchNorm2d)
    if module is not None and (module.training or module.running_mean is None):
        weight, bias, eps = module.weight, module.bias, module.eps
    elif _calls(node, F.batch_norm):
        names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
        given = dict(zip(names, node.args)) | dict(node.kwargs)
        weight, bias = (_constant(traced, given.get(name)) for name in ("weight", "bias"))
        if (given.get("training") is not True or given.get("running_mean") is not None
                or any((value is None) != (given.get(name) is None) for name, value in (("weight", weight), ("bias", bias)))):
            return False
        eps = given.get("eps", 1e-5)
    else:
        return False
    slope = _slope(traced, _next(node))
    last = node if slope is None else _next(node)
    _put(traced, PictureNorm(weight, bias, eps, 1.0 if slope is None else slope), [_first(node)], last)
    return True


def _put(traced: fx.GraphModule, part: nn.Module, sources: Sequence[fx.Node], last: fx.Node) -> None:
    """Have `part` of `sources` behind `last`, in its place."""
    name = f"fast_{last.name}"
    traced.add_submodule(name, part)
    with traced.graph.inserting_after(last):
        replacement = traced.graph.call_module(name, tuple(sources))
    last.replace_all_uses_with(replacement)


def _convolution(traced: fx.GraphModule, node: fx.Node) -> _Found | None:
    """What `node` convolves with, where it is a dense convolution of stride 1 with weights that are there."""
    module = _module(traced, node, nn.Conv2d)
    if module is not None:
        if isinstance(module.padding, str):
            return None
        values: dict[str, Any] = {"weight": module.weight, "bias": module.bias, "stride": module.stride,
                                  "padding": module.padding, "dilation": module.dilation, "groups": module.groups}
        borders = module.padding_mode
    elif _calls(node, F.conv2d):
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        given = dict(zip(names, node.args)) | dict(node.kwargs)
        values = {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1} | given
        values |= {name: _constant(traced, values[name]) for name in ("weight", "bias")}
        if values["weight"] is None or (values["bias"] is None) != (given.get("bias") is None):
            return None
        borders = "zeros"
    else:
        return None
    stride, padding, dilation = (_pair(values[name]) for name in ("stride", "padding", "dilation"))
    if (stride != (1, 1) or padding is None or dilation is None or dilation[0] != dilation[1] or values["groups"] != 1
            or borders not in BORDERS or values["weight"].dtype != torch.float32):
        return None
    return _Found(values["weight"], values["bias"], padding, dilation[0], borders)


def _padding(traced: fx.GraphModule, node: fx.Node) -> tuple[str, tuple[int, int]] | None:
    """(borders, rows and columns on either side) of a node that pads alike on both sides."""
    module = next((m for kind in PADS if (m := _module(traced, node, kind)) is not None), None)
    if module is not None:
        borders, pad = PADS[type(module)], module.padding
    elif _calls(node, F.pad):
        given = dict(zip(("input", "pad", "mode", "value"), node.args)) | dict(node.kwargs)
        if given.get("value"):
            return None
        borders, pad = PAD_MODES.get(given.get("mode", "constant"), ""), given["pad"]
    else:
        return None
    if not borders or len(pad) != 4 or not all(isinstance(n, int) and n >= 0 for n in pad):
        return None
    left, right, top, bottom = pad
    return (borders, (top, left)) if left == right and top == bottom else None


def _slope(traced: fx.GraphModule, node: fx.Node | None) -> Tensor | float | None:
    """What a node multiplies negative values with; None where it does something else."""
    if node is None:
        return None
    if (_module(traced, node, nn.ReLU) or _calls(node, F.relu, torch.relu)
            or node.op == "call_method" and node.target in ("relu", "relu_")):
        return 0.0
    leaky = _module(traced, node, nn.LeakyReLU)
    if leaky is not None:
        return leaky.negative_slope
    prelu = _module(traced, node, nn.PReLU)
    if prelu is not None:
        return prelu.weight
    if _calls(node, F.leaky_relu):
        given = dict(zip(("input", "negative_slope"), node.args)) | dict(node.kwargs)
        slope = given.get("negative_slope", 0.01)
        return slope if isinstance(slope, float | int) else None
    return None


def _joined(node: fx.Node) -> list[fx.Node]:
    """The nodes whose channels `node` concatenates, itself where it does not."""
    if _calls(node, torch.cat):
        given = dict(zip(("tensors", "dim"), node.args)) | dict(node.kwargs)
        if given.get("dim", 0) == 1 and isinstance(given["tensors"], Sequence):
            return [part for tensor in given["tensors"] for part in _joined(tensor)]
    return [node]


def _module(traced: fx.GraphModule, node: fx.Node | None, kind: type[M]) -> M | None:
    """The module that `node` calls, if it is a `kind`."""
    if node is None or node.op != "call_module":
        return None
    module = traced.get_submodule(str(node.target))
    return module if type(module) is kind else None


def _calls(node: fx.Node, *functions: Callable) -> bool:
    return node.op == "call_function" and node.target in functions


def _constant(traced: fx.GraphModule, node: Any) -> Tensor | None:
    """The parameter or buffer that a node reads."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    return operator.attrgetter(str(node.target))(traced)


def _pair(value: Any) -> tuple[int, int] | None:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    return pair if len(pair) == 2 and all(isinstance(n, int) for n in pair) else None


def _first(node: fx.Node) -> fx.Node:
    return node.args[0] if node.args else node.kwargs["input"]


def _alone(node: fx.Node) -> bool:
    return len(node.users) == 1


def _next(node: fx.Node | None) -> fx.Node | None:
    """The one node that uses `node`'s result."""
    return next(iter(node.users)) if node is not None and _alone(node) else None

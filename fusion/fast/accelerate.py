"""A network with its parts replaced: blocks by their faster forms, and convolutions, which torch.fx finds in it."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import fuse_conv_bn_weights

from fusion.fast import patterns
from fusion.fast.choice import convolution_for
from fusion.fast.extension import PARTS, switched_off, why_no_kernels
from fusion.fast.forms import Form, form_of
from fusion.fast.norm import PictureNorm


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Form) or super().is_leaf_module(m, module_qualified_name)


def accelerate(network: nn.Module, parts: int = PARTS) -> nn.Module:
    """The network for inference on the CPU, its values within float32 noise of what they were; itself where it stays.

    First every module that has a faster form (`fusion.fast.forms`) gives way to it. Then, where code can be compiled,
    of every dense convolution of stride 1 with fixed weights: padding before it, concatenation before that, and batch
    norm in evaluation mode, ReLU, leaky ReLU or PReLU behind it become one step (`fusion.fast.choice` says which); in
    bfloat16 a 1x1 convolution stays unless it spares a concatenation. Batch norm in evaluation mode behind convolutions
    that stay is folded into them. Batch norm with the picture's own statistics takes them in float64. A module whose
    forward cannot be traced (its way depends on values or shapes) stays, and its parts are looked at. `network` is not
    changed; its training mode, its weights and batch norms must be what they are to be.

    parts: of a convolution's values (see TileConvolution); with 1 they are bfloat16, the values no longer the same.
    """
    if switched_off():
        return network
    network = _in_forms(network)
    return network if why_no_kernels() else _convolutions(network, parts)


def _in_forms(module: nn.Module) -> nn.Module:
    form = form_of(module)
    return form if isinstance(form, Form) else _with_parts(form or module, _in_forms)


def _convolutions(network: nn.Module, parts: int) -> nn.Module:
    def inside(part: nn.Module) -> nn.Module:
        return _convolutions(part, parts)

    if isinstance(network, Form):
        return _with_parts(network, inside)
    try:
        traced = fx.GraphModule(network, _Tracer().trace(network))
    except Exception:
        return _with_parts(network, inside)
    replaced = [_with_form(traced, node, inside) or _convolve(traced, node, parts) or _fold(traced, node)
                or _normalise(traced, node) for node in list(traced.graph.nodes)]
    if not any(replaced):
        return network
    traced.graph.eliminate_dead_code()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _with_parts(module: nn.Module, change: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """The module with its parts changed, itself where none is."""
    parts = {name: change(part) for name, part in module.named_children()}
    if all(part is module.get_submodule(name) for name, part in parts.items()):
        return module
    other = copy.copy(module)
    other._modules = {**module._modules, **parts}
    return other


def _with_form(traced: fx.GraphModule, node: fx.Node, change: Callable[[nn.Module], nn.Module]) -> bool:
    """Change the parts of the form that `node` calls, if it does."""
    form = traced.get_submodule(str(node.target)) if node.op == "call_module" else None
    if not isinstance(form, Form):
        return False
    traced.add_submodule(str(node.target), _with_parts(form, change))
    return True


def _convolve(traced: fx.GraphModule, node: fx.Node, parts: int) -> bool:
    """Put a Convolution into the place of `node` and of what belongs to it, if it is one that can be."""
    found = patterns.convolution(traced, node)
    if found is None:
        return False
    source, weight, bias, padding, dilation, borders = found
    if parts != PARTS and weight.shape[2:] == (1, 1) and patterns.joined(source) == [source]:
        return False  # a bfloat16 matrix product, which the library does as well
    if padding == (0, 0) and len(source.users) == 1:
        before = patterns.padding(traced, source)
        if before is not None:
            (borders, padding), source = before, patterns.first(source)
    last = node
    norm = patterns.fixed_norm(traced, patterns.following(last))
    if norm is not None:
        weight, bias = _with_norm(weight, bias, norm)
        last = next(iter(last.users))
    last, slope = _rectified(traced, last)
    part = convolution_for(weight, bias, padding=padding, dilation=dilation, borders=borders, slope=slope, parts=parts)
    if part is None:
        return False
    _put(traced, part, patterns.joined(source), last)
    return True


def _fold(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Put one convolution into the place of `node` and the batch norm behind it, if it is one that stays torch's."""
    conv, norm = patterns.module(traced, node, nn.Conv2d), patterns.fixed_norm(traced, patterns.following(node))
    if conv is None or norm is None or conv.weight.dtype != torch.float32:
        return False
    weight, bias = _with_norm(conv.weight, conv.bias, norm)
    both = copy.copy(conv)
    both._parameters = {"weight": nn.Parameter(weight, False), "bias": nn.Parameter(bias, False)}
    _put(traced, both, [patterns.first(node)], next(iter(node.users)))
    return True


def _normalise(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Put a PictureNorm into the place of `node`, if it is a batch norm that takes the picture's own statistics."""
    found = patterns.own_norm(traced, node)
    if found is None:
        return False
    last, slope = _rectified(traced, node)
    _put(traced, PictureNorm(found.weight, found.bias, found.eps, slope), [found.source], last)
    return True


def _with_norm(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution and the batch norm behind it."""
    return fuse_conv_bn_weights(weight, bias, norm.running_mean, norm.running_var,  # type: ignore[arg-type]
                                norm.eps, norm.weight, norm.bias)


def _rectified(traced: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, Tensor | float]:
    """(the ReLU behind `node` or itself where there is none, the slope below zero)."""
    after = patterns.following(node)
    slope = patterns.slope(traced, after)
    return (node, 1.0) if after is None or slope is None else (after, slope)


def _put(traced: fx.GraphModule, part: nn.Module, sources: Sequence[fx.Node], last: fx.Node) -> None:
    """Have `part` of `sources` behind `last`, in its place."""
    name = f"fast_{last.name}"
    traced.add_submodule(name, part)
    with traced.graph.inserting_after(last):
        replacement = traced.graph.call_module(name, tuple(sources))
    last.replace_all_uses_with(replacement)

"""What a network costs, in the conventions of Table V. No pixel is computed: networks are built on the meta device."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Complexity:
    """parameters: all trainable numbers. thop_parameters: the count that Table V prints (`thop.profile`, or the
    checkpoint's variables for the TensorFlow methods). macs: multiply-accumulates of one fused picture."""

    parameters: int = 0
    thop_parameters: int = 0
    macs: int = 0


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def variable_count(network: nn.Module) -> int:
    """Parameters and TensorFlow's moving statistics, which a checkpoint holds as variables."""
    moving = sum(b.numel() for name, b in network.named_buffers() if name.rsplit(".", 1)[-1].startswith("moving_"))
    return parameter_count(network) + moving


def thop_parameters(calls: Sequence[tuple[nn.Module, tuple[Tensor, ...]]]) -> int:
    """What `thop.profile` (0.1.1) counts over calls of modules: the parameters of every torch.nn layer that runs.

    Bare parameters (the authors' own layer norms, temperatures, position tables) and layers that never run are left
    out; a module of two calls counts twice. Written out because the forks of thop under that name count otherwise.
    """
    return sum(parameter_count(layer) for module, inputs in calls for layer in _layers_run(module, inputs))


def _layers_run(module: nn.Module, inputs: tuple[Tensor, ...]) -> set[nn.Module]:
    """The torch.nn layers that take part in one forward pass."""
    ran: set[nn.Module] = set()
    handles = [layer.register_forward_hook(lambda layer, *_: ran.add(layer)) for layer in module.modules()
               if type(layer).__module__.startswith("torch.nn.modules") and not list(layer.children())]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return ran


def multiply_accumulates(network: nn.Module, *inputs: Tensor) -> int:
    """Convolutions and matrix products of one forward pass, counted at the aten level (FFTs are not counted)."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    return counter.get_total_flops() // 2

"""Modules that have a second, faster form: the same numbers within float noise, in another order of work.

A form is registered beside the module that it stands for:

    @faster(Block)
    class FastBlock(Form):
        def __init__(self, block: Block): ...
        def forward(self, ...): ...  # Block's arguments and results; no gradients

and `accelerate` puts it into the place of every `Block`, not of its subclasses. Convolutions among its parts are then
replaced as elsewhere. What stands in a block's place need not be a `Form`, whose order of work is kept: another module
is traced like the network's own, what it does between its convolutions becomes part of them, and blocks among its parts
give way to their forms too.
"""

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

F = TypeVar("F", bound=Callable[..., nn.Module | None])
_FORMS: dict[type[nn.Module], Callable[[nn.Module], nn.Module | None]] = {}


class Form(nn.Module):
    """What stands in the place of a module and is not traced; made from it, its weights shared or folded."""


def faster(kind: type[nn.Module]) -> Callable[[F], F]:
    """Decorator: the class or function, called with a `kind` that is not trained any more, makes what may stand in its
    place, or None where that one stays.
    """
    def enter(form: F) -> F:
        _FORMS[kind] = form
        return form

    return enter


def form_of(module: nn.Module) -> nn.Module | None:
    """The module's faster form, None where there is none."""
    make = _FORMS.get(type(module))
    return None if make is None else make(module)


def in_chunks(work: Callable[..., Tensor], size: int, *tensors: Tensor) -> Tensor:
    """work(*tensors), `size` rows of their first dimension a thread at a time.

    What lies between work's steps then fits into the cores' own caches, where it would otherwise go through the memory.
    `work` must treat rows alone and give as many as it takes.
    """
    rows = size * torch.get_num_threads()
    if len(tensors[0]) <= rows:
        return work(*tensors)
    pieces = zip(*(tensor.split(rows) for tensor in tensors), strict=True)
    done = work(*next(pieces))
    out = done.new_empty((len(tensors[0]), *done.shape[1:]))
    out[:rows] = done
    for begin, parts in enumerate(pieces, 1):
        done = work(*parts)
        out[begin * rows:begin * rows + len(done)] = done
    return out


def unpadded(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution for a picture that has its borders already; weights are shared."""
    other = copy.copy(conv)
    other.padding, other.padding_mode = (0, 0), "zeros"
    return other

"""Parts of a network by type: torch's containers forget which modules they hold.

A TypeError here means that the network is not built as the fast path expects.
"""

from typing import TypeVar

from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def expect(module: nn.Module, kind: type[M]) -> M:
    """The module, which is a `kind`; TypeError otherwise."""
    if not isinstance(module, kind):
        raise TypeError(f"{type(module).__name__} where the fast path expects {kind.__name__}")
    return module


def child(container: nn.Sequential | nn.ModuleList, index: int, kind: type[M]) -> M:
    """container[index], which is a `kind`; TypeError otherwise."""
    return expect(container[index], kind)


def children(container: nn.Sequential | nn.ModuleList, kind: type[M]) -> list[M]:
    """Every module of the container, in its order; TypeError where one is no `kind`."""
    return [expect(module, kind) for module in container]


def bias(conv: nn.Conv2d) -> Tensor:
    """The convolution's bias; TypeError where it has none."""
    if conv.bias is None:
        raise TypeError(f"{conv}: the fast path expects a bias")
    return conv.bias

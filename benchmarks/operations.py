"""What one run of a network asks of a machine: every aten operation's arithmetic, functions and bytes.

* FLOP: two per multiply-accumulate of convolutions and matrix products (attention's two products too; biases are not
  counted), one per output element of elementwise operations, one per input element of norms and reductions. FFTs, which
  SHIP alone has, are counted as reductions.
* functions: outputs of exponentials and their like (`FUNCTIONS`), which cost many instructions each; of attention, its
  scores.
* bytes: what must move at least, inputs read once and outputs written once. Views and allocations cost nothing, and
  neither do reads of a value that an expanded tensor repeats; of a tensor that is picked from, no more is read than is
  written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CONV3, DENSE, GROUPED = "3x3 convolutions", "other dense convolutions", "grouped convolutions"
MATRIX, ATTENTION = "matrix products", "attention"
ELEMENTWISE, NORMS, COPIES = "elementwise", "norms and reductions", "copies"
PRODUCTS = (CONV3, DENSE, GROUPED, MATRIX, ATTENTION)
KINDS = (*PRODUCTS, ELEMENTWISE, NORMS, COPIES)

MATRIX_NAMES = {"mm", "addmm", "bmm", "baddbmm"}
SUMS = {"_adaptive_avg_pool2d", "_fft_c2r", "_fft_r2c", "_safe_softmax", "_softmax", "amax", "amin", "aminmax",
        "avg_pool2d", "linalg_vector_norm", "max", "max_pool2d_with_indices", "mean", "min", "native_batch_norm",
        "native_group_norm", "native_layer_norm", "std", "sum", "var", "var_mean"}
NOT_TAGGED = {"_prelu_kernel", "hardswish", "upsample_bilinear2d", "upsample_nearest2d"}  # elementwise for all that
FUNCTIONS = {"_safe_softmax", "_softmax", "elu", "erf", "exp", "gelu", "log", "sigmoid", "silu", "tanh"}
FREE = {"_unsafe_view", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}


@dataclass(frozen=True)
class Operation:
    """One call. See above for what is counted."""

    kind: str
    flop: int = 0
    functions: int = 0
    bytes: int = 0


class Counter(TorchDispatchMode):
    """Notes every operation that runs inside it, under no_grad (inference mode hands on whole layers)."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        outputs = _tensors(result)
        if outputs and not func.is_view and _name(func) not in FREE:
            read = args[1:] if _name(func) == "copy_" else args
            self.operations.append(operation(func, read, _tensors((read, kwargs)), outputs))
        return result


def operation(func: Any, args: Sequence[Any], inputs: list[Tensor], outputs: list[Tensor]) -> Operation:
    """One call of an aten operation, whose inputs are the tensors among its arguments."""
    name, kind = _name(func), kind_of(func, args)
    written = sum(map(_bytes, outputs))
    read = [_bytes(tensor) for tensor in inputs]
    moved = written + sum(min(each, written) for each in read) if kind == COPIES else written + sum(read)
    functions = outputs[0].numel() if name in FUNCTIONS else 0
    if kind == ATTENTION:
        functions = args[0].shape[:-1].numel() * args[1].shape[-2]
    return Operation(kind, _FLOP[kind](args, outputs[0]), functions, moved)


def kind_of(func: Any, args: Sequence[Any]) -> str:
    name = _name(func)
    if name == "convolution":
        weight, stride, transposed, groups = args[1], args[3], args[6], args[8]
        if groups > 1:
            return GROUPED
        return CONV3 if tuple(weight.shape[2:]) == (3, 3) and set(stride) == {1} and not transposed else DENSE
    if name in MATRIX_NAMES:
        return MATRIX
    if "scaled_dot_product" in name:
        return ATTENTION
    if name in SUMS:
        return NORMS
    return ELEMENTWISE if name in NOT_TAGGED or (torch.Tag.pointwise in func.tags and name != "clone") else COPIES


def counted(network: nn.Module, *inputs: Tensor) -> list[Operation]:
    """The operations of one forward pass. No pixel is computed: tensors are fake, so that layers choose as on a CPU."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as fake:
        pictures = [fake.from_tensor(tensor) for tensor in inputs]
        with Counter() as counter:
            network(*pictures)
    return counter.operations


def _convolution(args: Sequence[Any], out: Tensor) -> int:
    x, weight, transposed = args[0], args[1], args[6]
    return 2 * (x if transposed else out).numel() * prod(weight.shape[1:])


def _matrix(args: Sequence[Any], out: Tensor) -> int:
    """mm and bmm have two tensors, addmm and baddbmm one more before them."""
    first = [each for each in args if isinstance(each, Tensor)][-2]
    return 2 * out.numel() * first.shape[-1]


def _attention(args: Sequence[Any], out: Tensor) -> int:
    query, keys = args[0], args[1].shape[-2]
    return 2 * keys * (query.numel() + out.numel())


_FLOP: dict[str, Callable[[Sequence[Any], Tensor], int]] = {
    **dict.fromkeys((CONV3, DENSE, GROUPED), _convolution), MATRIX: _matrix, ATTENTION: _attention,
    ELEMENTWISE: lambda _, out: out.numel(), NORMS: lambda args, _: args[0].numel(), COPIES: lambda *_: 0}


def _name(func: Any) -> str:
    return func.overloadpacket.__name__


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _bytes(tensor: Tensor) -> int:
    """Of the values that differ in place: what `expand` repeats lies there once."""
    distinct = prod(length for length, step in zip(tensor.shape, tensor.stride()) if step or not length)
    return distinct * tensor.element_size()

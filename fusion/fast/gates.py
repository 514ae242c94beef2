"""What lies between the products of graph reasoning: gates.cpp as functions, torch's own where it cannot run."""

from ctypes import c_float, c_int64

import torch
from torch import Tensor

from fusion.fast.extension import address, kernels
from fusion.fast.pointwise import in_parts, row, taken

# for node 0, 1, 2: its first and second other node
FIRST, SECOND = (1, 0, 0), (2, 2, 1)


def reset(gates: Tensor, state: Tensor) -> Tensor:
    """sigmoid(first half of the gates) * state: [...,2C], [...,C] -> [...,C]."""
    width = state.shape[-1]
    if not taken(gates, state):
        return torch.sigmoid(gates[..., :width]) * state
    out = torch.empty_like(state)

    def work(begin: int, end: int) -> None:
        kernels().gate_reset(row(gates, begin), row(state, begin), c_int64(end - begin), c_int64(width),
                             row(out, begin))

    in_parts(work, state.numel() // width, width)
    return out


def update(gates: Tensor, candidate: Tensor, state: Tensor, gamma: Tensor) -> Tensor:
    """state + gamma ((1 - u) state + u t), u = sigmoid(second half of the gates) and t = tanh(candidate / 2).

    gates [...,2C], candidate (whose memory the result takes) and state [...,C], gamma one value -> [...,C].
    """
    width = state.shape[-1]
    if not taken(gates, candidate, state):
        fresh = candidate.sigmoid_().mul_(2).sub_(1)  # several times faster than tanh on CPU
        return fresh.sub_(state).mul_(torch.sigmoid(gates[..., width:])).add_(state).mul_(gamma).add_(state)
    scale = c_float(float(gamma))

    def work(begin: int, end: int) -> None:
        kernels().gate_update(row(gates, begin), row(state, begin), c_int64(end - begin), c_int64(width), scale,
                              row(candidate, begin))

    in_parts(work, state.numel() // width, width)
    return candidate


def messages(nodes: Tensor, scores: Tensor) -> Tensor:
    """The sum of each node's two others; channel j is weighted by edge j mod 2. [N,3,C] -> [N,3,C], C even.

    scores: [N,3,2]; an edge is the sigmoid of the node's score less the first's (0) or the second's (1).
    """
    width = nodes.shape[-1]
    if not taken(nodes, scores):
        others = torch.stack((scores[:, FIRST, 0], scores[:, SECOND, 1]), dim=-1)
        edges = torch.sigmoid(scores - others)
        return ((nodes.sum(1, keepdim=True) - nodes).unflatten(-1, (-1, 2)) * edges[:, :, None]).flatten(-2)
    out = torch.empty_like(nodes)

    def work(begin: int, end: int) -> None:
        kernels().gate_messages(address(nodes[begin]), address(scores[begin]), c_int64(end - begin), c_int64(width),
                                address(out[begin]))

    in_parts(work, len(nodes), 3 * width)
    return out


def interact(first: Tensor, second: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """first + second * sigmoid(-scores[1]), second + first * sigmoid(scores[0]): [...,C] each, scores [...,2].

    All three may be changed.
    """
    width = first.shape[-1]
    if not taken(first, second, scores):
        gate_second, gate_first = torch.sigmoid(scores[..., :1]), torch.sigmoid(-scores[..., 1:])
        return torch.addcmul(first, second, gate_first), torch.addcmul(second, first, gate_second)

    def work(begin: int, end: int) -> None:
        kernels().gate_interact(row(first, begin), row(second, begin), row(scores, begin), c_int64(end - begin),
                                c_int64(width))

    in_parts(work, first.numel() // width, width)
    return first, second

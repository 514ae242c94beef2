"""Graph Reasoning, Eq. 12-16: cross-modality relations and low-level detail.

Names from the checkpoint: `rgb` is the first (infrared) and `dep` the second (visible) modality.
"""

from functools import reduce

import torch
from torch import Tensor, nn

from fusion.smfnet.settings import NetworkSettings

DILATIONS = (4, 8, 16)


def conv_bn_relu(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU())


class Nodes(nn.Module):
    """Eq. 13: one node per scale, a dilated 3x3 convolution each. [B,C,H,W] -> three [B,C,H,W]."""

    def __init__(self, width: int):
        super().__init__()
        self.convs = nn.ModuleList(conv_bn_relu(width, width, dilation) for dilation in DILATIONS)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [conv(x) for conv in self.convs]


class ConvGRU(nn.Module):
    """F_GRU of Eq. 16 with 1x1 convolutions: message and state [B,C,H,W] -> new state."""

    def __init__(self, width: int):
        super().__init__()
        self.ConvGates = nn.Conv2d(2 * width, 2 * width, 1)
        self.Conv_ct = nn.Conv2d(2 * width, width, 1)
        for conv in (self.ConvGates, self.Conv_ct):
            nn.init.normal_(conv.weight, 0.0, 0.01)

    def forward(self, message: Tensor, state: Tensor) -> Tensor:
        reset, update = torch.sigmoid(self.ConvGates(torch.cat((message, state), dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.Conv_ct(torch.cat((message, reset * state), dim=1)))
        return (1 - update) * state + update * candidate


class MessagePassing(nn.Module):
    """One round of Eq. 14-16 among the nodes of one modality; the new state enters scaled by gamma (starts at 0)."""

    def __init__(self, width: int):
        super().__init__()
        others = len(DILATIONS) - 1
        self.C_wgt = nn.Conv2d(others * width, others, 1, groups=others, bias=False)
        self.ConvGRU = ConvGRU(width)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, nodes: list[Tensor]) -> list[Tensor]:
        return [node + self.gamma * self.ConvGRU(self.message(node, nodes[:i] + nodes[i + 1:]), node)
                for i, node in enumerate(nodes)]

    def message(self, node: Tensor, others: list[Tensor]) -> Tensor:
        """Eq. 15. The released code spreads the edge weights over the stacked channels in turn (channel j of the
        stack gets edge j mod N-1), not one edge per node; kept, since the trained weights expect it."""
        stacked = torch.cat(others, dim=1)  # [B,(N-1)C,H,W]
        edges = torch.sigmoid(self.C_wgt(node.repeat(1, len(others), 1, 1) - stacked))  # Eq. 14: [B,N-1,H,W]
        weighted = stacked * edges.repeat(1, node.shape[1], 1, 1)
        return reduce(torch.add, weighted.chunk(len(others), dim=1))


class GraphReasoning(nn.Module):
    """Nodes, cross-modality interaction (twice per scale), two rounds of message passing.

    Two [B,C,H,W] -> two lists of three nodes. `C_ca` is in the checkpoint but in no forward pass.
    """

    ROUNDS = 2

    def __init__(self, width: int):
        super().__init__()
        self.ppm_rgb = Nodes(width)
        self.ppm_dep = Nodes(width)
        self.graph_rgb = MessagePassing(width)
        self.graph_dep = MessagePassing(width)
        self.C_ca = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(2 * width, width // 2, 1, bias=False), nn.ReLU(),
                          nn.Conv2d(width // 2, width, 1, bias=False)) for _ in range(2))
        self.C_pa = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for _ in range(2))

    def interact(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Edges between the two modalities at one scale, Eq. 14-15 with a gate of one channel."""
        gate_second = torch.sigmoid(self.C_pa[0](first - second))
        gate_first = torch.sigmoid(self.C_pa[1](second - first))
        return second * gate_first + first, first * gate_second + second

    def forward(self, first: Tensor, second: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        pairs = list(zip(self.ppm_rgb(first), self.ppm_dep(second)))
        for _ in range(2):
            pairs = [self.interact(a, b) for a, b in pairs]
        first_nodes, second_nodes = (list(nodes) for nodes in zip(*pairs))
        for _ in range(self.ROUNDS):
            first_nodes, second_nodes = self.graph_rgb(first_nodes), self.graph_dep(second_nodes)
        return first_nodes, second_nodes


class Readout(nn.Module):
    """Merge each modality's nodes (Eq. 12). `C_cat` 2..5 and `C_cls` are in the checkpoint but in no forward pass."""

    def __init__(self, width: int):
        super().__init__()
        self.graph = GraphReasoning(width)
        self.C_cat = nn.ModuleList(conv_bn_relu(len(DILATIONS) * width, width) for _ in range(6))
        self.C_cls = nn.Conv2d(2 * width, width, 1)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        first_nodes, second_nodes = self.graph(first, second)
        return self.C_cat[0](torch.cat(first_nodes, dim=1)), self.C_cat[1](torch.cat(second_nodes, dim=1))


class GraphModel(nn.Module):
    """The GR branch and F_graph, Eq. 12 and 18."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.graph = Readout(settings.width)
        self.C_cls = nn.Conv2d(2 * settings.width, settings.width, 1)

    def forward(self, vi: Tensor, ir: Tensor) -> tuple[Tensor, Tensor]:
        """Shallow features [B,C,H,W] of both -> (graph_ir, graph_vi)."""
        return self.graph(ir, vi)

    def fuse(self, graph_ir: Tensor, graph_vi: Tensor) -> Tensor:
        """F_graph of Eq. 18: concatenation and 1x1 convolution."""
        return self.C_cls(torch.cat((graph_ir, graph_vi), dim=1))

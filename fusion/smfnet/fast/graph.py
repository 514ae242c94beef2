"""Graph reasoning on bands; the three nodes of a modality lie side by side, [H,W,3,C]."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.smfnet import gr
from fusion.smfnet.fast.attention import point
from fusion.smfnet.fast.bands import Band, banded, bands, channels_last


def fold(sequential: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Convolution and batch norm (running statistics) as one convolution: weight, bias."""
    conv, bn = sequential[0], sequential[1]
    factor = bn.weight.double() / (bn.running_var.double() + bn.eps).sqrt()
    weight = conv.weight.double() * factor[:, None, None, None]
    bias = bn.bias.double() - bn.running_mean.double() * factor
    return channels_last(weight.to(conv.weight.dtype)), bias.to(conv.weight.dtype)


class FastMessages:
    """One round of message passing among the nodes of one modality, [N,3,C] -> [N,3,C]."""

    # for node 0, 1, 2: its first and second other node
    FIRST, SECOND = (1, 0, 0), (2, 2, 1)

    def __init__(self, module: gr.MessagePassing):
        self.edges = point(module.C_wgt.weight).t()  # [C,2]: one column per place among the others
        width = self.edges.shape[0]
        # channel j of the message is weighted by edge j mod 2 (see gr.MessagePassing.message)
        self.spread = torch.eye(2, dtype=self.edges.dtype, device=self.edges.device).repeat(1, width // 2)
        self.gates, self.gates_bias = point(module.ConvGRU.ConvGates.weight), module.ConvGRU.ConvGates.bias
        # tanh(a) = 2 sigmoid(2a) - 1, several times faster than tanh on CPU
        self.candidate = 2 * point(module.ConvGRU.Conv_ct.weight)
        self.candidate_bias = 2 * module.ConvGRU.Conv_ct.bias
        self.gamma = module.gamma

    def __call__(self, nodes: Tensor) -> Tensor:
        width = nodes.shape[-1]
        p = nodes @ self.edges  # [N,3,2]
        other = torch.stack((p[:, self.FIRST, 0], p[:, self.SECOND, 1]), dim=-1)
        weight = torch.sigmoid(p - other) @ self.spread
        weight *= nodes.sum(1, keepdim=True) - nodes  # both others have the same weight per channel
        joined = torch.cat((weight, nodes), dim=-1)
        gates = F.linear(joined, self.gates, self.gates_bias).sigmoid_()
        reset, update = gates.split(width, dim=-1)
        joined[..., width:] *= reset
        candidate = F.linear(joined, self.candidate, self.candidate_bias).sigmoid_().mul_(2).sub_(1)
        state = candidate.sub_(nodes).mul_(update).add_(nodes)  # (1 - u) h + u c
        return state.mul_(self.gamma).add_(nodes)


class FastGraph:
    """Shallow features of both modalities -> the fused graph feature, Eq. 12-16 and 18. Nothing but that is kept."""

    def __init__(self, module: gr.GraphModel):
        reasoning = module.graph.graph
        self.nodes = [[fold(conv) for conv in nodes.convs] for nodes in (reasoning.ppm_rgb, reasoning.ppm_dep)]
        self.interaction = torch.stack([conv.weight.flatten() for conv in reasoning.C_pa], dim=1)  # [C,2]
        self.messages = FastMessages(reasoning.graph_rgb), FastMessages(reasoning.graph_dep)
        self.readout = [fold(module.graph.C_cat[i]) for i in (0, 1)]
        fuse = point(module.C_cls.weight)
        self.fuse, self.fuse_bias = fuse.chunk(2, dim=1), module.C_cls.bias

    def __call__(self, ir: Tensor, vi: Tensor, rows: int) -> Tensor:
        """[1,H,W,C] each -> [1,H,W,C]."""
        both = [self._nodes(x, convs) for x, convs in zip((ir, vi), self.nodes)]
        height, width = ir.shape[1:3]
        step = max(1, rows // 4)  # message passing holds some 16C values per pixel
        for band in bands(height, step, halo=0):
            first, second = (nodes[0, band.first:band.last].flatten(0, 1) for nodes in both)  # [N,3,C]
            for _ in range(2):
                first, second = self._interact(first, second)
            for nodes, state, message in zip(both, (first, second), self.messages):
                for _ in range(gr.GraphReasoning.ROUNDS):
                    state = message(state)
                nodes[0, band.first:band.last] = state.view(-1, width, *state.shape[1:])
        return banded(rows, 1, self._read, *(nodes.flatten(3) for nodes in both))

    def _nodes(self, x: Tensor, convs: list[tuple[Tensor, Tensor]]) -> Tensor:
        result = x.new_empty(*x.shape[:3], len(convs), x.shape[3])
        for i, ((weight, bias), dilation) in enumerate(zip(convs, gr.DILATIONS)):
            y = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=dilation, dilation=dilation)
            result[:, :, :, i] = y.relu_().permute(0, 2, 3, 1)
        return result

    def _interact(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        difference = (first - second) @ self.interaction  # [N,3,2]
        gate_second, gate_first = torch.sigmoid(difference[..., :1]), torch.sigmoid(-difference[..., 1:])
        return torch.addcmul(first, second, gate_first), torch.addcmul(second, first, gate_second)

    def _read(self, band: Band, ir: Tensor, vi: Tensor) -> Tensor:
        graph_ir, graph_vi = (band.conv3(x, *folded).relu_() for x, folded in zip((ir, vi), self.readout))
        y = F.linear(graph_ir, self.fuse[0], self.fuse_bias)
        return y.add_(F.linear(graph_vi, self.fuse[1]))

"""Graph reasoning on streams of rows; the three nodes of a modality lie side by side, [H,W,3,C]."""

import itertools

import torch
from torch import Tensor, nn

from fusion.fast.conv3 import TILE, Winograd, conv3, point
from fusion.fast.gates import interact, messages, reset, update
from fusion.fast.linear import Linear
from fusion.fast.maps import Maps
from fusion.fast.streams import Stream, streamed
from fusion.smfnet.fast.modules import bias, child, children
from fusion.smfnet.network import gr


def fold(sequential: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Convolution and batch norm (running statistics) as one convolution: weight, bias."""
    conv, bn = child(sequential, 0, nn.Conv2d), child(sequential, 1, nn.BatchNorm2d)
    if bn.running_mean is None or bn.running_var is None:
        raise TypeError(f"{bn}: a batch norm without running statistics cannot be folded")
    factor = bn.weight.double() / (bn.running_var.double() + bn.eps).sqrt()
    weight = conv.weight.double() * factor[:, None, None, None]
    bias = bn.bias.double() - bn.running_mean.double() * factor
    return weight.to(conv.weight.dtype), bias.to(conv.weight.dtype)


class FastNodes:
    """Eq. 13: three dilated 3x3 convolutions of one modality, batch norm folded in, rectified."""

    def __init__(self, module: gr.Nodes, parts: int):
        convolutions = [conv3(*fold(conv), dilation, parts)
                        for conv, dilation in zip(children(module.convs, nn.Sequential), gr.DILATIONS)]
        # of one shape, hence all of one kind
        self.winograd = [convolution for convolution in convolutions if isinstance(convolution, Winograd)]
        self.whole = [convolution for convolution in convolutions if not isinstance(convolution, Winograd)]

    def __call__(self, x: Tensor, rows: int) -> Tensor:
        """[1,H,W,C] -> [1,H,W,3,C], the nodes side by side."""
        result = x.new_empty(*x.shape[:3], len(gr.DILATIONS), x.shape[3])
        if self.winograd:
            self._by_tiles(x, result[0], rows)
        for i, convolution in enumerate(self.whole):
            result[:, :, :, i] = convolution.whole(x).relu_()
        return result

    def _by_tiles(self, x: Tensor, result: Tensor, rows: int) -> None:
        """Rows of the result that lie `dilation` apart make a tile: four blocks of so many rows are as many tiles."""
        height, width, channels = x.shape[1:]
        row, most = width * channels, max(gr.DILATIONS)
        padded = x.new_empty(most + -(-height // (TILE * most)) * TILE * most + most, width, channels)
        padded[:most], padded[most:most + height], padded[most + height:] = 0, x[0], 0
        for i, convolution in enumerate(self.winograd):
            step = convolution.dilation
            count = min(step, max(1, rows // TILE))
            for block, phase in itertools.product(range(0, height, TILE * step), range(0, step, count)):
                first, tiles = block + phase, min(count, step - phase)
                source = padded.as_strided((tiles, TILE + 2, row), (row, step * row, 1), (most - step + first) * row)
                for j, part in enumerate(convolution.tiles(source, width).transpose(0, 1)):
                    target = result[first + j * step:first + j * step + tiles, :, i]
                    torch.clamp_min(part.unflatten(1, (width, channels))[:len(target)], 0, out=target)


class FastMessages:
    """One round of message passing among the nodes of one modality, [N,3,C] -> [N,3,C]."""

    def __init__(self, module: gr.MessagePassing):
        self.scores = Linear(point(module.C_wgt.weight))  # [2,C]: one row per place among the others
        self.gates = Linear(point(module.ConvGRU.ConvGates.weight), bias(module.ConvGRU.ConvGates))
        # tanh(a) = 2 sigmoid(2a) - 1
        self.candidate = Linear(2 * point(module.ConvGRU.Conv_ct.weight), 2 * bias(module.ConvGRU.Conv_ct))
        self.gamma = module.gamma

    def __call__(self, nodes: Tensor) -> Tensor:
        message = messages(nodes, self.scores(nodes))
        gates = self.gates(message, nodes)
        return update(gates, self.candidate(message, reset(gates, nodes)), nodes, self.gamma)


class FastGraph:
    """Shallow features of both modalities -> the fused graph feature, Eq. 12-16 and 18. Nothing but that is kept."""

    def __init__(self, module: gr.GraphModel, parts: int):
        reasoning = module.graph.graph
        self.nodes = FastNodes(reasoning.ppm_rgb, parts), FastNodes(reasoning.ppm_dep, parts)
        edges = children(reasoning.C_pa, nn.Conv2d)
        edge = torch.cat([point(conv.weight) for conv in edges])  # [2,C]
        self.interaction = Linear(torch.cat((edge, -edge), dim=1))  # of first and second: of their difference
        self.messages = FastMessages(reasoning.graph_rgb), FastMessages(reasoning.graph_dep)
        self.readout = [conv3(*fold(child(module.graph.C_cat, i, nn.Sequential)), parts=parts) for i in (0, 1)]
        self.fuse = Linear(point(module.C_cls.weight), module.C_cls.bias)

    def __call__(self, ir: Tensor, vi: Tensor, maps: Maps) -> Tensor:
        """[1,H,W,C] each -> [1,H,W,C]."""
        both = [nodes(x, maps.rows) for nodes, x in zip(self.nodes, (ir, vi))]
        height, width, channels = ir.shape[1:]
        step = max(1, maps.rows // 4)  # message passing holds some 16C values per pixel
        for row in range(0, height, step):
            first, second = (nodes[0, row:row + step].flatten(0, 1) for nodes in both)  # [N,3,C]
            for _ in range(2):
                first, second = interact(first, second, self.interaction(first, second))
            for nodes, state, message in zip(both, (first, second), self.messages):
                for _ in range(gr.GraphReasoning.ROUNDS):
                    state = message(state)
                nodes[0, row:row + step] = state.view(-1, width, *state.shape[1:])
        return streamed(maps, self._read, *(nodes.flatten(3) for nodes in both), channels=channels)

    def _read(self, stream: Stream, ir: Tensor, vi: Tensor) -> Tensor:
        return self.fuse(*(stream.conv3(x, readout).relu_() for x, readout in zip((ir, vi), self.readout)))

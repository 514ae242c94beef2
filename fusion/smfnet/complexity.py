"""The network's size in both conventions of Table V; no pixel is computed (meta tensors)."""

import torch
from torch import Tensor, nn

from fusion.complexity import Complexity, multiply_accumulates, parameter_count, thop_parameters
from fusion.smfnet.network.gr import GraphModel
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import RELEASED, NetworkSettings


class _GraphAndFusion(nn.Module):
    """The graph model as the released code calls it: both graph features and their fusion in one call."""

    def __init__(self, graph: GraphModel):
        super().__init__()
        self.graph = graph

    def forward(self, vi: Tensor, ir: Tensor) -> Tensor:
        return self.graph.fuse(*self.graph(vi, ir))


def complexity(settings: NetworkSettings = RELEASED, height: int = 480, width: int = 640) -> Complexity:
    """Count at the given size in pixels (Table V: 640x480)."""
    with torch.device("meta"):
        network = SMFNet(settings).eval()
        image = torch.empty(1, 1, height, width)
    return Complexity(parameter_count(network), thop_parameters(_calls(network)),
                      multiply_accumulates(network, image, image))


def _calls(network: SMFNet) -> list[tuple[nn.Module, tuple[Tensor, ...]]]:
    """Each part by itself, the encoder once per modality: this gives Table V's 4,504 K."""
    image, feature = (torch.empty(1, c, 64, 64, device="meta") for c in (1, network.settings.width))
    calls: list[tuple[nn.Module, tuple[Tensor, ...]]] = [
        (network.DIDF_Encoder, (image,)), (network.DIDF_Encoder, (image,)), (network.BaseFuseLayer, (feature,)),
        (network.DetailFuseLayer, (feature,)), (network.DIDF_Decoder, (feature,))]
    if network.settings.graph:
        calls.append((_GraphAndFusion(network.GraphModel), (feature, feature)))
    return calls

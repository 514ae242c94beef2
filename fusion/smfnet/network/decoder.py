"""The decoder of Eq. 21-22."""

from functools import reduce

import torch
from torch import Tensor, nn

from fusion.smfnet.network.sfe import transformer
from fusion.smfnet.settings import NetworkSettings


class Decoder(nn.Module):
    """One transformer block, 3x3 convolutions C -> C/2 -> C/4 -> 1 without bias, sigmoid.

    The branches are summed (released) or concatenated and reduced by a 1x1 convolution (paper).
    """

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        width = settings.width
        self.concat = settings.aggregate == "concat"
        if self.concat:
            branches = 3 if settings.graph else 2
            self.reduce_channel = nn.Conv2d(branches * width, width, 1, bias=False)
        self.encoder_level1 = transformer(settings)
        self.output = nn.Sequential(
            nn.Conv2d(width, width // 2, 3, padding=1, bias=False), nn.LeakyReLU(0.01),
            nn.Conv2d(width // 2, width // 4, 3, padding=1, bias=False), nn.LeakyReLU(0.01),
            nn.Conv2d(width // 4, 1, 3, padding=1, bias=False))

    def aggregate(self, branches: list[Tensor]) -> Tensor:
        return self.reduce_channel(torch.cat(branches, dim=1)) if self.concat else reduce(torch.add, branches)

    def forward(self, *branches: Tensor) -> Tensor:
        """Detail, base (and graph) features [B,C,H,W] -> image [B,1,H,W] in 0..1."""
        return self.image(self.feature(*branches))

    def feature(self, *branches: Tensor) -> Tensor:
        return self.encoder_level1(self.aggregate(list(branches)))

    def image(self, feature: Tensor) -> Tensor:
        return torch.sigmoid(self.output(feature))

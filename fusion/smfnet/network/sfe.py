"""Shallow Feature Extraction, Eq. 1: 3x3 convolution of the one-channel image, then one transformer block.

The text's "depthwise 3x3" on one input channel and the code's plain convolution 1 -> C are the same operation.
"""

from torch import Tensor, nn

from fusion.smfnet.network.blocks import TransformerBlock
from fusion.smfnet.settings import NetworkSettings


class PatchEmbed(nn.Module):
    """[B,1,H,W] -> [B,C,H,W]."""

    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Conv2d(1, width, 3, padding=1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image)


def transformer(settings: NetworkSettings) -> nn.Sequential:
    """The one block that follows the embedding, and that opens the decoder (a list in the checkpoint's names)."""
    return nn.Sequential(TransformerBlock(settings.width, settings.heads, settings.leff_residual))

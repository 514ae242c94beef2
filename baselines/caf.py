"""CAF (Liu et al., IJCAI 2024): a small dense network whose losses were searched; released for two further tasks.

Facts of the network and recipe: `model/models.py`, `datasets/dataset.py`, `model/Getcolor_many.py` and `eval.py` in
RollingPlain/CAF_IVIF@bf12f26e. The file for detection is the script's default.
"""

import torch
from torch import Tensor, nn

from baselines._checkpoint import load_pickled, restore
from baselines.network import TruncatedColour
from baselines.tardal import DEPTH, WIDTH, stage
from fusion.method import Card, WeightFile, register

REPOSITORY, COMMIT = "RollingPlain/CAF_IVIF", "bf12f26e131cc6cea5c065301098ce34d69e7b7a"


class CAFNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in -1..1 (tanh)."""

    def __init__(self):
        super().__init__()
        self.encoder1, self.encoder2 = stage(1, WIDTH // 2), stage(1, WIDTH // 2)
        self.dense = nn.ModuleList(stage(WIDTH * (i + 1), WIDTH) for i in range(DEPTH))
        self.fuse = nn.Sequential(stage(4 * WIDTH, 2 * WIDTH, norm=False), stage(2 * WIDTH, WIDTH),
                                  stage(WIDTH, 1, 1, norm=False, last=True))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        x = torch.cat([self.encoder1(ir), self.encoder2(vi)], dim=1)
        for layer in self.dense:
            x = torch.cat([x, layer(x)], dim=1)
        return self.fuse(x)


@register
class CAF(TruncatedColour):
    card = Card(
        name="caf", title="CAF", kind="baseline", task=("ivf",),
        paper="Liu et al., Where Elegance Meets Precision: Towards a Compact, Automatic, and Flexible Framework for "
              "Multi-modality Image Fusion and Applications, IJCAI 2024",
        venue="IJCAI", year=2024,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("Det_final.pth", "b99ef24efea89cb9e91e13c470195618507c5557c9fdd469ce48cdbc00db16d0",
                            REPOSITORY, COMMIT, "cache/Det_final.pth"),
                 WeightFile("Seg_final.pth", "63cda4acd1afa4e31fa0ad293767c62109c566e2d1081348e1d4a93eaa8bf948",
                            REPOSITORY, COMMIT, "cache/Seg_final.pth", optional=True)),
        recipe={"released": "weights for detection, float luma, no padding, clamped to 0..1, chroma of the visible "
                            "back",
                "official": "weights for detection, rounded grey infrared, float luma of the visible, no padding, "
                            "clamped, x255 truncated, 8-bit chroma of the visible back"},
        parity="network within float32 noise of the authors' code (1.5e-6 apart with the released weights, three "
               "sizes); the repository's three fused pictures of M3FD with `official`: 7,076,930 of 7,077,888 values "
               "equal, 7,077,684 within one level; the rest is two levels off, but for 45 pixels of negative output, "
               "which the script's cast to 8 bit turns white and which are black here. The repository prints no "
               "numbers of its paper",
    )
    architecture = CAFNetwork
    several = True
    memory_format = torch.channels_last

    def build(self, files):
        network = self.architecture()
        for path in files:
            restore(network, load_pickled(path, "models.Ours", "fuse"), path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y).clamp(0, 1)

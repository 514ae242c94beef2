"""IFCNN (Zhang et al., Information Fusion 2020), the variant that takes the larger feature.

Facts of the network and recipe: uzeful/IFCNN@8fe59c2b, `Code/model.py`, `Code/IFCNN_Main.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines.network import LumaNetwork
from fusion import images
from fusion.method import Card, WeightFile, register

WIDTH = 64
REPOSITORY, COMMIT = "uzeful/IFCNN", "8fe59c2b1553e52acc793986208ca479d134a8da"


class _Block(nn.Module):
    """3x3 convolution on a replicated border, batch norm, ReLU."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, padding_mode="replicate", bias=False)
        self.bn = nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class IFCNNNetwork(nn.Module):
    """Two pictures [N,3,H,W] in 0..1 -> fused [N,3,H,W], not clamped; their order has no effect."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 7, padding=3, padding_mode="replicate", bias=False)  # ResNet-101's first layer
        self.conv2, self.conv3 = _Block(), _Block()
        self.conv4 = nn.Conv2d(WIDTH, 3, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        first, second = (self.conv2(self.conv1(x)) for x in (first, second))
        return self.conv4(self.conv3(torch.maximum(first, second)))


@register
class IFCNN(LumaNetwork):
    card = Card(
        name="ifcnn", title="IFCNN", kind="baseline", task=("mif",),
        paper="Zhang et al., IFCNN: A General Image Fusion Framework Based on Convolutional Neural Network, "
              "Information Fusion 2020",
        venue="Information Fusion", year=2020, trained_on="multi-focus pictures",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("IFCNN-MAX.pth", "6022b44c88a2f0367ba9b08fcdf0d663745d9a966fca0ee1f41867797b6ff53f",
                            REPOSITORY, COMMIT, "Code/snapshots/IFCNN-MAX.pth"),),
        recipe={"released": "float luma in three equal channels, mean 0 and deviation 1 as in the shipped script, "
                            "clamp, x255 truncated, BT.601 grey of the three outputs, chroma of the visible back",
                "official": "the same from rounded grey, grey output"},
        parity="network from the authors' source; the medical rows are not reproduced (Table IV's protocol is open)",
        trained_on_medical=True,  # Table IV's grouping; the network itself was trained on multi-focus pictures
    )
    architecture = IFCNNNetwork
    several = True
    channels = (3, 3)

    def build(self, files):
        network = self.architecture()
        # the file is older than PyTorch's batch counters, which have no effect on the output
        counters = {name: value for name, value in network.state_dict().items() if name.endswith("batches_tracked")}
        for path in files:
            restore(network, counters | load_state(path), path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        out = self.network(ir.expand(-1, 3, -1, -1), y.expand(-1, 3, -1, -1)).clamp(0, 1)
        rgb = (out * 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        return torch.from_numpy(images.to_unit(images.grey8(rgb)))[:, None]

"""DECFusion (Xiao et al.; code of 2024): pictures split into illumination and reflectance, the larger ones multiplied.

Facts of the network and recipe: `LightWeightNet/LightWeightNet.py` and `mTest.py` in tianzhiya/DECFusion@4d5bfb0b.
"""

import numpy as np
import torch
from torch import Tensor, nn

from baselines._blocks import reflected_stack
from baselines.network import LumaNetwork, min_max, truncated
from fusion.method import Card, LumaMethod, WeightFile, register

WIDTH = 64
REPOSITORY, COMMIT = "tianzhiya/DECFusion", "4d5bfb0b8298b06b59fbee8648e52be9da80fa88"


def _plain(name: str, channels_out: int = 1) -> nn.ModuleDict:
    """Five convolutions and a sigmoid; the released names say `name` twice."""
    return nn.ModuleDict({name: reflected_stack((1, *4 * (WIDTH,), channels_out), nn.Sigmoid())})


class DECFusionNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in 0..1."""

    def __init__(self):
        super().__init__()
        self.L_net, self.R_net = _plain("L_net"), _plain("R_net")
        self.N_net = _plain("N_net", 3)  # stored in the released file and used nowhere

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        illumination, reflectance = (torch.maximum(part(vi), part(ir))
                                     for part in (self.L_net["L_net"], self.R_net["R_net"]))
        return illumination * reflectance


@register
class DECFusion(LumaNetwork):
    card = Card(
        name="decfusion", title="DECFusion", kind="baseline", task=("ivf",),
        paper="Xiao et al., DECFusion: A Lightweight Decomposition Fusion Method for Luminance Artifact Removal in "
              "Infrared and Visible Images",
        trained_on="MSRS",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("epoch_400.pth", "a5a9bf56b451b9048cac9a50349904249f6c2f8b23a00e3c886c9f1f8e9101c5",
                            REPOSITORY, COMMIT, "weights/epoch_400.pth"),),
        recipe={"released": "float luma, no padding, chroma of the visible back",
                "official": "float luma, no padding, chroma of the visible back, clamped to 0..1, min-max over the "
                            "whole picture, x255 truncated"},
        parity="network within float32 noise of the authors' code (4.2e-7 apart with the released weights, three "
               "sizes); 120 of the repository's 361 fused pictures of MSRS with `official`: 110,182,413 of 110,592,000 "
               "values equal, all within one level. The repository prints no numbers of its paper",
    )
    architecture = DECFusionNetwork
    several = True
    memory_format = torch.channels_last

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return LumaMethod.sources(self, ir, vi)  # the script keeps the visible's float luma

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        fused = LumaMethod.finished(self, luma, vi)
        if self.protocol != "official":
            return fused
        return truncated(min_max(torch.from_numpy(fused).clamp(0, 1))).numpy()

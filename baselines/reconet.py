"""ReCoNet (Huang et al., ECCV 2022): a recurrent network of 7.5 k parameters.

Facts of the network and recipe: the first version (v0) in dlut-dimt/ReCoNet@0870f5f3, which its README recommends.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from baselines.network import LumaNetwork, min_max, recolour8
from fusion import images
from fusion.method import Card, WeightFile, register

WIDTH, LOOPS = 64, 3
REPOSITORY, COMMIT = "dlut-dimt/ReCoNet", "0870f5f37852ace85850d9fd2d4570eb57682d22"


def _dilated(dilation: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, WIDTH, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(WIDTH), nn.ReLU())


class ReCoNetNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W] in -1..1 (tanh)."""

    def __init__(self):
        super().__init__()
        self.att_a_conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.att_b_conv = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.dil_conv_1, self.dil_conv_2, self.dil_conv_3 = _dilated(1), _dilated(2), _dilated(3)
        self.fus_conv = nn.Sequential(nn.Conv2d(3 * WIDTH, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Tanh())

    def loop(self, ir: Tensor, vi: Tensor, fused: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One recurrence: (next fused, attention on infrared, attention on visible)."""
        att_ir = _attention(self.att_a_conv, ir, fused)
        att_vi = _attention(self.att_b_conv, vi, fused)
        x = torch.cat([ir * att_ir, fused, vi * att_vi], dim=1)
        x = torch.cat([self.dil_conv_1(x), self.dil_conv_2(x), self.dil_conv_3(x)], dim=1)
        return self.fus_conv(x), att_ir, att_vi

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        fused = torch.maximum(ir, vi)
        for _ in range(LOOPS):
            fused, _, _ = self.loop(ir, vi, fused)
        return fused


def _attention(convolution: nn.Conv2d, image: Tensor, fused: Tensor) -> Tensor:
    pair = torch.cat([image, fused], dim=1)
    return torch.sigmoid(convolution(torch.cat([pair.amax(1, keepdim=True), pair.mean(1, keepdim=True)], dim=1)))


@register
class ReCoNet(LumaNetwork):
    card = Card(
        name="reconet", title="ReCoNet", kind="baseline", task=("ivf", "mif"),
        paper="Huang et al., ReCoNet: Recurrent Correction Network for Fast and Efficient Multi-modality Image Fusion, "
              "ECCV 2022",
        venue="ECCV", year=2022,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(WeightFile("params.pth", "d4f013c85e48d10d4f6c8b6574f16e4fe9cb5df48c77fc17c1e524f04bb3c290",
                            REPOSITORY, COMMIT, "archive/params.pth"),),
        recipe={"released": "grey visible: three loops from max(ir, vi), x255 saturated. Colour visible: 8-bit YCrCb, "
                            "three loops on its luma, its chroma back with the centre at 127.5, min-max over the RGB "
                            "picture; a JPEG of quality 75 where the visible picture is a JPEG",
                "official": "rounded grey, three loops from max(ir, vi), x255 saturated, grey output"},
        parity="network within float32 noise of the authors' code; real outputs equal up to one level in 5 of 312,032 "
               "pixels; Table I's TNO and RoadScene rows exact",
        differs={"msrs": "the recipe is right (EN MI VIF Qabf SSIM to the digit, the rest within .0014 %): a "
                         "difference of arithmetic"},
        version=2,
    )
    architecture = ReCoNetNetwork
    several = True
    memory_format = torch.channels_last

    def __init__(self, *, weights: Path | None = None, device: str = "cpu", protocol: str = "released"):
        super().__init__(weights=weights, device=device, protocol=protocol)
        self.jpeg_quality = 75 if protocol == "released" else 0

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return self.network(ir, y)

    # Colour follows RoadScene's rows of Table I, grey the TNO rows: the general colour rule gives neither.

    def sources(self, ir: np.ndarray, vi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vi = images.grey_if_equal(vi)
        if self.protocol == "official" or vi.ndim == 2:
            return super().sources(ir, vi)
        return ir, images.to_unit(images.split_ycbcr8(images.to_8bit(vi))[0])

    def finished(self, luma: np.ndarray, vi: np.ndarray) -> np.ndarray:
        vi = images.grey_if_equal(vi)
        if self.protocol == "official" or vi.ndim == 2:
            return super().finished(luma, vi)
        rgb = recolour8(luma, *images.split_ycbcr8(images.to_8bit(vi))[1:])
        return min_max(torch.from_numpy(rgb)).numpy()

"""PMGI (Zhang et al., AAAI 2020): a gradient path and an intensity path that exchange features twice.

Facts of the network and recipe: HaoZhang1018/PMGI_AAAI2020@61a85e49, `Code_PMGI/IR_VI` (TensorFlow 1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._tf_network import Conv, ImageNorm, VariablesNetwork
from baselines.network import min_max, pillow_luma
from fusion.method import Card, WeightFile, register

WIDTH = 16
REPOSITORY, COMMIT = "HaoZhang1018/PMGI_AAAI2020", "61a85e49a306f5e9cdb05479696ad7c66253f83d"
FOLDER = "Code_PMGI/IR_VI/checkpoint/CGAN_120"
# layer -> channels in, kernel size; every one exists for both paths ("" infrared, "_vi" visible)
LAYERS = {"1": (3, 5), "2": (16, 3), "2_3": (32, 1), "3": (48, 3), "3_4": (32, 1), "4": (64, 3)}


class _Layer(Conv):
    """Zero-padded convolution, batch norm with the picture's own statistics, leaky ReLU.

    The released script builds its batch norms anew: gamma 1, beta 0, whatever the checkpoint holds.
    """

    def __init__(self, channels_in: int, size: int, suffix: str):
        super().__init__(channels_in, WIDTH, size, pad="zero", kernel=f"w{suffix}", bias=f"b{suffix}")
        self.BatchNorm = ImageNorm(WIDTH, scale=True, affine=False, epsilon=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.BatchNorm(super().forward(x)), 0.2)


class PMGINetwork(nn.Module):
    """Infrared and luma [1,1,H,W] in -1..1 -> fused [1,1,H,W] in -1..1."""

    def __init__(self):
        super().__init__()
        layers = {f"layer{name}{path}": _Layer(channels, size, name + path)
                  for name, (channels, size) in LAYERS.items() for path in ("", "_vi")}
        layers["layer5"] = Conv(8 * WIDTH, 1, 1, pad="zero", kernel="w5", bias="b5")
        self.fusion_model = nn.ModuleDict(layers)

    def _both(self, name: str, ir: list[Tensor], vi: list[Tensor]) -> tuple[Tensor, Tensor]:
        layers = self.fusion_model
        return layers[f"layer{name}"](torch.cat(ir, 1)), layers[f"layer{name}_vi"](torch.cat(vi, 1))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        ir1, vi1 = self._both("1", [ir, ir, vi], [vi, vi, ir])
        ir2, vi2 = self._both("2", [ir1], [vi1])
        ir23, vi23 = self._both("2_3", [ir2, vi2], [ir2, vi2])
        ir3, vi3 = self._both("3", [ir1, ir2, ir23], [vi1, vi2, vi23])
        ir34, vi34 = self._both("3_4", [ir3, vi3], [ir3, vi3])
        ir4, vi4 = self._both("4", [ir1, ir2, ir3, ir34], [vi1, vi2, vi3, vi34])
        merged = torch.cat([ir1, vi1, ir2, vi2, ir3, vi3, ir4, vi4], 1)
        return torch.tanh(self.fusion_model["layer5"](merged))


@register
class PMGI(VariablesNetwork):
    card = Card(
        name="pmgi", title="PMGI", kind="baseline", task=("ivf",),
        paper="Zhang et al., Rethinking the Image Fusion: A Fast Unified Image Fusion Network based on Proportional "
              "Maintenance of Gradient and Intensity, AAAI 2020",
        venue="AAAI", year=2020,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(
            WeightFile("CGAN.model-1.data-00000-of-00001",
                       "005d29cd3fdbf3805369a8372ce3fb15190905db6aed7dee661880776b8cfccf",
                       REPOSITORY, COMMIT, f"{FOLDER}/CGAN.model-1.data-00000-of-00001"),
            WeightFile("CGAN.model-1.index", "043868b3410d237300f80d1d023192f01bd5fd3d7360c2832ffdeb90c01939ea",
                       REPOSITORY, COMMIT, f"{FOLDER}/CGAN.model-1.index")),
        recipe={"released": "float luma scaled to -1..1, batch norm with the picture's statistics (gamma 1, beta 0), "
                            "min-max per picture, chroma of the visible back",
                "official": "the same from 8-bit luma as Pillow converts it, grey output"},
        parity="network within float32 noise of the authors' graph, real outputs equal; Table I's TNO row within one "
               "unit of the last printed digit",
        differs={
            "tno": "the recipe is right (MI VIF Qabf SSIM to the digit, EN SD SF AG .0002 low at most): a difference "
                   "of arithmetic",
            "roadscene": "not found. Min-max of the recoloured RGB picture instead of the luma, which made ReCoNet's "
                         "row, comes nearest: EN -.5 % SD -1.7 % SF +.5 % MI +6.6 % VIF +2.2 % Qabf +1.8 % AG +.2 % "
                         "SSIM +.9 %; as a JPEG of quality 75 it has MI exact but SF and AG +3.3 %, VIF and Qabf -6 "
                         "%. Ten other recipes are in docs/reproduction.md",
            "msrs": "not found. As on RoadScene min-max over RGB comes nearest: EN -1.4 % SD -5.6 % SF -2.6 % "
                    "AG -4.4 %",
            "complexity": "the paper's 1e-6 G Flops are not plausible for a network of 42 K parameters run at every "
                          "pixel"},
    )
    architecture = PMGINetwork
    official_luma = staticmethod(pillow_luma)

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return min_max(self.network(ir * 2 - 1, y * 2 - 1))

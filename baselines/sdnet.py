"""SDNet (Zhang and Ma, IJCV 2021): two dense paths squeezed into one picture; a second half decomposes it again.

Facts of the network and recipe: HaoZhang1018/SDNet@bf6a2eee, `IR_VIS` (TensorFlow 1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._tf_network import Conv, VariablesNetwork
from baselines.network import min_max, pillow_luma
from fusion.method import Card, WeightFile, register

WIDTH = 16
REPOSITORY, COMMIT = "HaoZhang1018/SDNet", "bf6a2eeed1f723f0fd319b882d2bf38016bf6e55"
FOLDER, NAME = "IR_VIS/checkpoint", "IRVIS.model-10"
# layer -> channels in, channels out, kernel size; every one exists for both paths
PATHS = {1: (1, WIDTH, 5), 2: (WIDTH, WIDTH, 3), 3: (2 * WIDTH, WIDTH, 3), 4: (3 * WIDTH, WIDTH, 3),
         7: (8 * WIDTH, WIDTH, 3), 8: (WIDTH, 4, 3), 9: (4, 1, 3)}


def _layer(name: str, channels_in: int, channels_out: int, size: int) -> Conv:
    return Conv(channels_in, channels_out, size, pad="zero", kernel=f"w{name}", bias=f"b{name}")


class SDNetNetwork(nn.Module):
    """Infrared and luma [N,1,H,W] in -1..1 -> fused [N,1,H,W] in -1..1.

    Layers 6 to 9 decompose the fused picture for the training's loss; they are in the checkpoint and do not run here.
    """

    def __init__(self):
        super().__init__()
        layers = {f"layer{number}_{path}": _layer(f"{number}_{path}", *sizes)
                  for number, sizes in PATHS.items() for path in ("ir", "vi")}
        layers["layer5_fuse"] = _layer("5_fuse", 8 * WIDTH, 1, 1)
        layers["layer6_sept"] = _layer("6_sept", 1, 8 * WIDTH, 1)
        self.fusion_model = nn.ModuleDict(layers)

    def _path(self, x: Tensor, path: str) -> list[Tensor]:
        """The four layers of a path, each [N,16,H,W]."""
        features: list[Tensor] = []
        for number in range(1, 5):
            layer = self.fusion_model[f"layer{number}_{path}"]
            features.append(F.leaky_relu(layer(torch.cat(features, 1) if features else x), 0.2))
        return features

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        pairs = zip(self._path(ir, "ir"), self._path(vi, "vi"))
        return torch.tanh(self.fusion_model["layer5_fuse"](torch.cat([x for pair in pairs for x in pair], 1)))

    def decompose(self, fused: Tensor) -> tuple[Tensor, Tensor]:
        """Fused [N,1,H,W] -> infrared and luma as the network reads them out of it, [N,1,H,W] in -1..1."""
        code = F.leaky_relu(self.fusion_model["layer6_sept"](fused), 0.2)
        parts = []
        for path in ("ir", "vi"):
            seventh, eighth, ninth = (self.fusion_model[f"layer{number}_{path}"] for number in (7, 8, 9))
            parts.append(torch.tanh(ninth(F.leaky_relu(eighth(F.leaky_relu(seventh(code), 0.2)), 0.2))))
        return parts[0], parts[1]


@register
class SDNet(VariablesNetwork):
    card = Card(
        name="sdnet", title="SDNet", kind="baseline", task=("ivf",),
        paper="Zhang and Ma, SDNet: A Versatile Squeeze-and-Decomposition Network for Real-Time Image Fusion, "
              "IJCV 2021",
        venue="IJCV", year=2021,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(
            WeightFile(f"{NAME}.data-00000-of-00001",
                       "17e4426453f09f3dae7887244f48eed54550bdd584792ac284597ee3713293a0",
                       REPOSITORY, COMMIT, f"{FOLDER}/{NAME}.data-00000-of-00001"),
            WeightFile(f"{NAME}.index", "bed2d4628732a36bc972de1189c4e139d8bc233077da20156e8e662a17df35aa",
                       REPOSITORY, COMMIT, f"{FOLDER}/{NAME}.index")),
        recipe={"released": "float luma scaled to -1..1, min-max per picture, chroma of the visible back",
                "official": "the same from 8-bit luma as Pillow converts it, grey output"},
        parity="within 2.4e-7 of the authors' graph (its float32 noise 2.8e-7). Of the 42 TNO pictures in "
               "Linfeng-Tang/Image-Fusion@dba5bf3 `official` gives 79.1 % of the pixels equal, 99.36 % within one "
               "level, 4 levels at most: white noise of a quarter level before the stretch that TF32, half precision "
               "and a second rounding do not explain, as if other 8-bit sources had been read",
    )
    architecture = SDNetNetwork
    several = True
    memory_format = torch.channels_last
    official_luma = staticmethod(pillow_luma)

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return min_max(self.network(ir * 2 - 1, y * 2 - 1))

"""STDFusionNet (Ma et al., IEEE TIM 2021): residual blocks, trained with masks of salient targets.

Facts of the network and recipe: Linfeng-Tang/STDFusionNet@4a8772c0, `test_network.py`, `test_one_image.py`
(TensorFlow 1).
"""

from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._tf_network import Conv, VariablesNetwork, bundle_prefix, load_variables
from baselines.network import min_max, pillow_luma
from fusion.method import Card, WeightFile, register

REPOSITORY, COMMIT = "Linfeng-Tang/STDFusionNet", "4a8772c0c3fcec18e6fc0f81ff9fb7ae1ec12743"
FOLDER, NAME, SCOPE = "checkpoint", "Fusion.model-29", "STDFusion_model"
# the weights of the paper's year, replaced in the repository in May 2022; our file name keeps them apart
PAPER_COMMIT = "f148c99a20584ed93024ef9a01bb7acc1172ff20"
PAPER_NAME, PAPER_SCOPE = "Fusion2021.model-29", "STMFusion_model"
ENDINGS = (".data-00000-of-00001", ".index")


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def _conv(channels_in: int, channels_out: int, size: int, bias: str = "b") -> Conv:
    return Conv(channels_in, channels_out, size, pad="zero", kernel="w", bias=bias)


class ResidualBlock(nn.Module):
    """1x1, 3x3 and 1x1 convolution beside the input itself, or a 1x1 convolution of it where the width changes."""

    def __init__(self, channels_in: int, middle: int, channels_out: int, activation: Callable[[Tensor], Tensor]):
        super().__init__()
        self.conv1, self.conv2 = _conv(channels_in, middle, 1), _conv(middle, middle, 3)
        self.conv3 = _conv(middle, channels_out, 1)
        same = channels_in == channels_out
        self.identity_conv = nn.Identity() if same else _conv(channels_in, channels_out, 1, bias="")
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.conv3(_leaky(self.conv2(_leaky(self.conv1(x))))) + self.identity_conv(x))


class Extraction(nn.Module):
    """One modality [N,1,H,W] -> [N,64,H,W]."""

    def __init__(self):
        super().__init__()
        self.conv1 = _conv(1, 16, 5)
        self.block1, self.block2, self.block3 = (
            ResidualBlock(a, middle, b, _leaky) for a, middle, b in ((16, 16, 16), (16, 16, 32), (32, 32, 64)))

    def forward(self, x: Tensor) -> Tensor:
        return self.block3(self.block2(self.block1(_leaky(self.conv1(x)))))


class Reconstruction(nn.Module):
    """Features of both modalities [N,128,H,W] -> [N,1,H,W] in -1..1."""

    def __init__(self):
        super().__init__()
        self.block1, self.block2 = ResidualBlock(128, 128, 64, F.elu), ResidualBlock(64, 64, 32, F.elu)
        self.block3, self.block4 = ResidualBlock(32, 32, 16, _leaky), ResidualBlock(16, 16, 1, torch.tanh)

    def forward(self, x: Tensor) -> Tensor:
        return self.block4(self.block3(self.block2(self.block1(x))))


class STDFusionNetNetwork(nn.Module):
    """Infrared and luma [N,1,H,W] in -1..1 -> fused [N,1,H,W] in -1..1. `scope`: first part of the variables' names."""

    def __init__(self, scope: str = SCOPE):
        super().__init__()
        self.scope = scope
        self.add_module(scope, nn.ModuleDict({"vi_extraction_network": Extraction(),
                                              "ir_extraction_network": Extraction(),
                                              "reconstruction_network": Reconstruction()}))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        extract_ir, extract_vi, reconstruct = (self.get_submodule(f"{self.scope}.{part}_network") for part in (
            "ir_extraction", "vi_extraction", "reconstruction"))
        return reconstruct(torch.cat([extract_vi(vi), extract_ir(ir)], 1))


@register
class STDFusionNet(VariablesNetwork):
    card = Card(
        name="stdfusionnet", title="STDFusionNet", kind="baseline", task=("ivf",),
        paper="Ma et al., STDFusionNet: An Infrared and Visible Image Fusion Network Based on Salient Target "
              "Detection, IEEE TIM 2021",
        venue="IEEE TIM", year=2021,
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(
            WeightFile(NAME + ENDINGS[0], "3c7ff5b01671dbf59039dd80c6b7df8f149237a4f8bd05405fe22ca9959db92e",
                       REPOSITORY, COMMIT, f"{FOLDER}/{NAME}{ENDINGS[0]}"),
            WeightFile(NAME + ENDINGS[1], "72141e22e9da68e15d6d8341c6d998869e5a113b1b01659c15a255ed3a35b3fc",
                       REPOSITORY, COMMIT, f"{FOLDER}/{NAME}{ENDINGS[1]}"),
            WeightFile(PAPER_NAME + ENDINGS[0], "2c4749e2b5364c65c9014f3369df794d0908d2b270e638723cc931165a460e27",
                       REPOSITORY, PAPER_COMMIT, f"{FOLDER}/{NAME}{ENDINGS[0]}", optional=True),
            WeightFile(PAPER_NAME + ENDINGS[1], "603a05980b698b76b988c5bc4d9eafbadbe9f5dec73329ef335f9458f61cbc8f",
                       REPOSITORY, PAPER_COMMIT, f"{FOLDER}/{NAME}{ENDINGS[1]}", optional=True)),
        recipe={"released": "float luma scaled to -1..1, min-max per picture, chroma of the visible back",
                "paper": "the same with the weights of March 2021, which made the pictures in the repository",
                "official": "as `released` from 8-bit luma as Pillow converts it, grey output"},
        parity="within 2.4e-7 of the authors' graph (its float32 noise 2.2e-7). The repository's 9 pictures were made "
               "by the weights of March 2021: with these 8 come out within one level (99.997 % of the pixels or more "
               "equal), the ninth within two (98.1 % equal); with the weights of 2022 up to 88 levels differ",
    )
    architecture = STDFusionNetNetwork
    several = True
    memory_format = torch.channels_last
    official_luma = staticmethod(pillow_luma)
    weight_names: ClassVar = {"paper": tuple(PAPER_NAME + ending for ending in ENDINGS)}

    def build(self, files):
        network = STDFusionNetNetwork(PAPER_SCOPE if self.protocol == "paper" else SCOPE)
        return load_variables(network, bundle_prefix(files)) if files else network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        return min_max(self.network(ir * 2 - 1, y * 2 - 1))

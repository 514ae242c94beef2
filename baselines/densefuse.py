"""DenseFuse (Li and Wu, IEEE TIP 2019): a dense encoder, features added or averaged, and a plain decoder.

Two releases of the same architecture: the reference in TensorFlow (hli1221/imagefusion_densefuse@ef23f0f0) and the
authors' PyTorch version (hli1221/densefuse-pytorch@4394b63e) with other weights and another fusion formula. Table I
was made with the PyTorch one.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import ReflectConv
from baselines._tf_network import Conv, bundle_prefix, load_variables
from baselines.network import LumaNetwork, min_max
from fusion.method import Card, WeightFile, register

GROWTH = 16
TORCH_REPOSITORY, TORCH_COMMIT = "hli1221/densefuse-pytorch", "4394b63e9295db1c6b7a5c3664551c90f0605f2b"
TF_REPOSITORY, TF_COMMIT = "hli1221/imagefusion_densefuse", "ef23f0f06c4fce7a6c2c04c9d20119e3d96507b9"
TF_PREFIX = "densefuse_model_bs2_epoch4_all_weight_1e2.ckpt"
TORCH_FILE, TF_DATA, TF_INDEX = "densefuse_gray.model", f"{TF_PREFIX}.data-00000-of-00001", f"{TF_PREFIX}.index"


class _Dense(nn.Module):
    """Appends `GROWTH` channels to its input."""

    def __init__(self, channels_in: int):
        super().__init__()
        self.dense_conv = ReflectConv(channels_in, GROWTH, relu=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.dense_conv(x)], 1)


class _Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.denseblock = nn.Sequential(*(_Dense(GROWTH * step) for step in (1, 2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.denseblock(x)


class DenseFuseTorch(nn.Module):
    """The PyTorch release. Infrared and luma [N,1,H,W] in 0..1 -> fused [N,1,H,W], from 0 upwards, not clamped.

    Mean of the two feature maps, ReLU after every convolution, the last one too.
    """

    def __init__(self):
        super().__init__()
        self.conv1, self.DB1 = ReflectConv(1, GROWTH, relu=True), _Block()
        self.conv2, self.conv3, self.conv4, self.conv5 = (
            ReflectConv(a, b, relu=True) for a, b in ((64, 64), (64, 32), (32, 16), (16, 1)))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        features_ir, features_vi = self.DB1(self.conv1(torch.cat([ir, vi]))).chunk(2)
        x = (features_ir + features_vi) / 2
        return self.conv5(self.conv4(self.conv3(self.conv2(x))))


class _TFEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1_1 = Conv(1, GROWTH)
        for step in (1, 2, 3):
            self.add_module(f"dense_block_conv{step}", Conv(GROWTH * step, GROWTH))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1_1(x))
        for step in (1, 2, 3):  # new channels go first
            x = torch.cat([F.relu(self.get_submodule(f"dense_block_conv{step}")(x)), x], 1)
        return x


class _TFDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv2_1, self.conv2_2, self.conv2_3, self.conv2_4 = Conv(64, 64), Conv(64, 32), Conv(32, 16), Conv(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.conv2_1, self.conv2_2, self.conv2_3):
            x = F.relu(layer(x))
        return self.conv2_4(x)


class DenseFuseTF(nn.Module):
    """The TensorFlow release. Infrared and luma [N,1,H,W] in 0..255 -> fused [N,1,H,W], about 0..500, linear.

    Sum of the two feature maps.
    """

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = _TFEncoder(), _TFDecoder()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        return self.decoder(self.encoder(ir) + self.encoder(vi))


@register
class DenseFuse(LumaNetwork):
    card = Card(
        name="densefuse", title="DenseFuse", kind="baseline", task=("ivf",),
        paper="Li and Wu, DenseFuse: A Fusion Approach to Infrared and Visible Images, IEEE TIP 2019",
        venue="IEEE TIP", year=2019,
        repository=f"{TORCH_REPOSITORY}@{TORCH_COMMIT[:8]}", licence="none stated",
        weights=(
            WeightFile(TORCH_FILE, "b34cf3650f04161b31ac2467decfeedf7eba39165b7618f846e0f298ecd2ac65",
                       TORCH_REPOSITORY, TORCH_COMMIT, "models/densefuse_gray.model"),
            WeightFile(TF_DATA, "f98c931b21b1977e348627457037cfa73211e882c1cec66cef0010134040aae6",
                       TF_REPOSITORY, TF_COMMIT, f"models/densefuse_gray.zip!densefuse_gray/{TF_DATA}", optional=True),
            WeightFile(TF_INDEX, "4fe80abfe63aa0feb62ee3230b8aff31a116d6d54a82bec55545baed76ebdcb8",
                       TF_REPOSITORY, TF_COMMIT, f"models/densefuse_gray.zip!densefuse_gray/{TF_INDEX}", optional=True),
        ),
        recipe={"released": "PyTorch grey model, float luma in 0..1 (its script feeds 0..255), mean of the features, "
                            "clamp, x255 rounded, chroma of the visible back",
                "official": "TensorFlow network, checkpoint of SSIM weight 1e2, rounded grey in 0..255, sum of the "
                            "features, min-max per picture, grey output"},
        parity="TensorFlow network within float32 noise of the authors' graph, real outputs equal; Table I's TNO and "
               "RoadScene rows exact with `released`",
    )
    architecture = DenseFuseTorch
    several = True
    memory_format = torch.channels_last
    weight_names: ClassVar = {"released": (TORCH_FILE,), "official": (TF_DATA, TF_INDEX)}

    def build(self, files):
        if self.protocol == "official":
            return load_variables(DenseFuseTF(), bundle_prefix(files)) if files else DenseFuseTF()
        return super().build(files)

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        if self.protocol == "official":
            return min_max(self.network(ir * 255, y * 255))
        return self.network(ir, y).clamp(0, 1)

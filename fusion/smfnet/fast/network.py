"""SMFNet's inference on the fast path."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.smfnet.fast.attention import FastBaseBlock, FastTransformer
from fusion.smfnet.fast.bands import Band, banded
from fusion.smfnet.fast.detail import (
    FastConvs,
    FastCrossAttention,
    FastGRDB,
    FastInverseCoupling,
    detail_fusion,
)
from fusion.smfnet.fast.graph import FastGraph
from fusion.smfnet.network import SMFNet
from fusion.smfnet.settings import NetworkSettings

# Values (pixels times width) of a band: on CPU 2 MB of features stay in the cache; a GPU wants large launches.
BAND_VALUES = {"cpu": 1 << 19, "cuda": 1 << 26}


def supports(settings: NetworkSettings) -> bool:
    """Whether the fast path covers these settings: the released structure, with AE2, AE3 or AE4 applied or not."""
    return (settings.detail == "cai" and settings.detail_sum == "outside" and settings.coupling == "sequential"
            and settings.shared_cross_attention and settings.aggregate == "sum")


class FastSMFNet:
    """Inference with a network's weights, taken at construction. Call it with images [1,1,H,W] in 0..1.

    Args:
        network: an SMFNet whose settings are supported; it is left as it is.
        dtype: float32, or bfloat16 (faster on GPUs, other numbers).
        compile: torch.compile the forward pass; for GPUs, where an image is one band.
        band_pixels: pixels per band; None chooses by device.
    """

    def __init__(self, network: SMFNet, *, dtype: torch.dtype = torch.float32, compile: bool = False,
                 band_pixels: int | None = None):
        if not supports(network.settings):
            raise ValueError(f"the fast path does not cover {network.settings}; use the network itself")
        network = copy.deepcopy(network).eval().requires_grad_(False).to(dtype)
        encoder, self.settings, self.dtype = network.DIDF_Encoder, network.settings, dtype
        self.device = next(network.parameters()).device
        values = BAND_VALUES.get(self.device.type, BAND_VALUES["cuda"])
        self.band_pixels = band_pixels or values // network.settings.width
        self.embed = encoder.patch_embed.proj.weight
        self.shallow = FastTransformer(encoder.encoder_level1[0])
        base = encoder.baseFeature
        self.base_first = base.conv_first
        self.stages = [([(FastTransformer(rho[0]), FastBaseBlock(rho[1])) for rho in stage.residual_group],
                        FastConvs(stage.conv) if stage.residual else None) for stage in base.layers]
        self.grdb, self.cross = FastGRDB(encoder.GRDB_module), FastCrossAttention(encoder.detailFeature)
        self.graph = FastGraph(network.GraphModel) if self.settings.graph else None
        self.base_fusion = FastTransformer(network.BaseFuseLayer)
        self.detail_grdb = FastGRDB(network.DetailFuseLayer.GRDB)
        self.detail_layers = [FastInverseCoupling(layer) for layer in network.DetailFuseLayer.net]
        self.decoder = FastTransformer(network.DIDF_Decoder.encoder_level1[0])
        self.output = FastConvs(network.DIDF_Decoder.output)
        self._run = torch.compile(self._forward) if compile else self._forward

    @torch.inference_mode()
    def __call__(self, ir: Tensor, vi: Tensor) -> Tensor:
        """[1,1,H,W] in 0..1 each -> fused float32 [1,1,H,W] in 0..1 (before the min-max stretch)."""
        return self._run(ir.to(self.device, self.dtype), vi.to(self.device, self.dtype)).float()

    def _forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        rows = max(8, self.band_pixels // ir.shape[-1])
        # on CPU one image after the other: rows of one image lie together in memory, rows of a batch do not
        batches = (ir, vi) if ir.device.type == "cpu" else (torch.cat((ir, vi)),)
        features = [self._shallow(images, rows) for images in batches]
        branches = []
        if self.graph:
            branches.append(self.graph(*(x for feature in features for x in feature.split(1)), rows))
        detail = _sum([self._detail(feature, rows) for feature in features])
        base = _sum([self._base(feature, rows) for feature in features])
        del features
        if self.settings.exchange_fusion:
            detail, base = base, detail
        branches.append(detail_fusion(self.detail_grdb, self.detail_layers, detail, rows))
        branches.append(self.base_fusion(base, rows))
        total = branches.pop()
        while branches:
            total += branches.pop()
        image = banded(rows, self.output.halo, self.output, self.decoder(total, rows))
        return torch.sigmoid(image).permute(0, 3, 1, 2)

    def _shallow(self, images: Tensor, rows: int) -> Tensor:
        """Eq. 1. [B,1,H,W] -> [B,H,W,C]."""
        x = F.conv2d(images, self.embed, padding=1).permute(0, 2, 3, 1).contiguous()
        return self.shallow(x, rows)

    def _detail(self, feature: Tensor, rows: int) -> Tensor:
        """Eq. 3-7 on [B,H,W,C]."""
        return self.cross(banded(rows, self.grdb.HALO, self.grdb, feature), rows)

    def _base(self, feature: Tensor, rows: int) -> Tensor:
        """Eq. 9-11 on [B,H,W,C]."""
        weight, bias = self.base_first.weight, self.base_first.bias
        x = banded(rows, 1, lambda band, y: band.conv3(y, weight, bias), feature)
        for group, convs in self.stages:
            y = x
            for transformer, block in group:
                y = block(transformer(y, rows), rows)
            x = y if convs is None else banded(rows, convs.halo, _residual(convs), y, x)
        return x


def _sum(features: list[Tensor]) -> Tensor:
    """Infrared + visible, from one tensor of both or two of one: [1,H,W,C]."""
    return features[0].add_(features[1]) if len(features) == 2 else features[0].sum(0, keepdim=True)


def _residual(convs: FastConvs):
    def work(band: Band, y: Tensor, x: Tensor) -> Tensor:
        return convs(band, y) + band.shrink(x, convs.halo)
    return work

"""SMFNet's inference on the fast path."""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fusion.fast.conv3 import conv3
from fusion.fast.extension import PARTS
from fusion.fast.maps import Maps
from fusion.fast.streams import CHUNK_VALUES, Stream, streamed
from fusion.smfnet.fast.attention import FastBaseBlock, FastTransformer
from fusion.smfnet.fast.couplings import FastInverseCoupling
from fusion.smfnet.fast.detail import (
    FastConvs,
    FastCrossAttention,
    FastGRDB,
    detail_fusion,
)
from fusion.smfnet.fast.graph import FastGraph
from fusion.smfnet.fast.modules import child, children, expect
from fusion.smfnet.network.bfe import BaseBlock, Stage
from fusion.smfnet.network.blocks import TransformerBlock
from fusion.smfnet.network.cai import GRDB, CrossAttentionInvertible
from fusion.smfnet.network.fusion_layers import InverseCoupling
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.settings import NetworkSettings


def supports(settings: NetworkSettings) -> bool:
    """Whether the fast path covers these settings: the released structure, with AE2, AE3 or AE4 applied or not."""
    return (settings.detail == "cai" and settings.detail_sum == "outside" and settings.coupling == "sequential"
            and settings.shared_cross_attention and settings.aggregate == "sum")


class FastSMFNet:
    """Inference with a network's weights, taken at construction. Call it with images [1,1,H,W] in 0..1.

    Args:
        network: an SMFNet whose settings are supported; it is left as it is.
        dtype: float32, or bfloat16 (faster on GPUs, other numbers).
        compile: torch.compile the forward pass; for GPUs, where an image is one chunk.
        chunk_pixels: pixels that are worked off at once; None chooses by device.
        parts: of a dense convolution's values on a CPU's tiles: PARTS is float32's precision, 1 is bfloat16.
    """

    def __init__(self, network: SMFNet, *, dtype: torch.dtype = torch.float32, compile: bool = False,
                 chunk_pixels: int | None = None, parts: int = PARTS):
        if not supports(network.settings):
            raise ValueError(f"the fast path does not cover {network.settings}; use the network itself")
        network = copy.deepcopy(network).eval().requires_grad_(False).to(dtype)
        encoder, self.settings, self.dtype = network.DIDF_Encoder, network.settings, dtype
        self.device = next(network.parameters()).device
        values = CHUNK_VALUES.get(self.device.type, CHUNK_VALUES["cuda"])
        self.chunk_pixels = chunk_pixels or values // network.settings.width
        self.embed = encoder.patch_embed.proj.weight
        self.shallow = FastTransformer(child(encoder.encoder_level1, 0, TransformerBlock))
        base = encoder.baseFeature
        self.base_first = conv3(base.conv_first.weight, base.conv_first.bias, parts=parts)
        self.stages = [_stage(stage, parts) for stage in children(base.layers, Stage)]
        self.grdb = FastGRDB(expect(encoder.GRDB_module, GRDB), parts)
        self.cross = FastCrossAttention(expect(encoder.detailFeature, CrossAttentionInvertible))
        self.graph = FastGraph(network.GraphModel, parts) if self.settings.graph else None
        self.base_fusion = FastTransformer(network.BaseFuseLayer)
        self.detail_grdb = FastGRDB(network.DetailFuseLayer.GRDB, parts)
        self.detail_layers = [FastInverseCoupling(layer)
                              for layer in children(network.DetailFuseLayer.net, InverseCoupling)]
        self.decoder = FastTransformer(child(network.DIDF_Decoder.encoder_level1, 0, TransformerBlock))
        self.output = FastConvs(network.DIDF_Decoder.output, parts)
        self.maps: Maps | None = None  # kept for the next image of the same size; compiled code would be made anew
        self.compiled = compile
        self._run = torch.compile(self._forward) if compile else self._forward

    @torch.inference_mode()
    def __call__(self, ir: Tensor, vi: Tensor) -> Tensor:
        """[1,1,H,W] in 0..1 each -> fused float32 [1,1,H,W] in 0..1 (before the min-max stretch)."""
        height, width = ir.shape[2:]
        if self.maps is None or self.maps.size != (height, width) or self.compiled:
            self.maps = Maps(height, width, self.chunk_pixels // width, self.embed)
        return self._run(ir.to(self.device, self.dtype), vi.to(self.device, self.dtype), self.maps).float()

    def _forward(self, ir: Tensor, vi: Tensor, maps: Maps) -> Tensor:
        # on CPU one image after the other: rows of one image lie together in memory, rows of a batch do not
        batches = (ir, vi) if ir.device.type == "cpu" else (torch.cat((ir, vi)),)
        features = [self._shallow(images, maps) for images in batches]
        branches = []
        if self.graph:
            first, second = (x for feature in features for x in feature.split(1))
            branches.append(self.graph(first, second, maps))
        detail = _sum([self._detail(feature, maps) for feature in features], maps)
        base = _sum([self._base(feature, maps) for feature in features], maps)
        if self.settings.exchange_fusion:
            detail, base = base, detail
        branches.append(_consume(self.base_fusion, base, maps))
        branches.append(detail_fusion(self.detail_grdb, self.detail_layers, detail, maps))
        maps.give(*features)
        total = branches.pop()
        for branch in branches:
            total += branch
            maps.give(branch)
        decoded = _consume(self.decoder, total, maps)
        image = streamed(maps, self.output, decoded, channels=1)
        fused = torch.sigmoid(image).permute(0, 3, 1, 2)
        maps.give(decoded, image)
        return fused

    def _shallow(self, images: Tensor, maps: Maps) -> Tensor:
        """Eq. 1. [B,1,H,W] -> [B,H,W,C]."""
        x = F.conv2d(images, self.embed, padding=1).permute(0, 2, 3, 1)
        return _consume(self.shallow, maps.take(*x.shape).copy_(x), maps)

    def _detail(self, feature: Tensor, maps: Maps) -> Tensor:
        """Eq. 3-7 on [B,H,W,C]."""
        return _consume(self.cross, streamed(maps, self.grdb, feature), maps)

    def _base(self, feature: Tensor, maps: Maps) -> Tensor:
        """Eq. 9-11 on [B,H,W,C]."""
        x = streamed(maps, lambda stream, y: stream.conv3(y, self.base_first), feature)
        for parts, convs in self.stages:
            y = x
            for part in parts:
                y = part(y, maps) if y is x else _consume(part, y, maps)
            if convs is not None:
                y, before = streamed(maps, _residual(convs), y, x), y
                maps.give(before)
            maps.give(x)
            x = y
        return x


def _stage(stage: Stage, parts: int) -> tuple[list[FastTransformer | FastBaseBlock], FastConvs | None]:
    """Eq. 10: both blocks of every rho in their order, and the convolutions where the stage has a residual."""
    blocks: list[FastTransformer | FastBaseBlock] = []
    for rho in children(stage.residual_group, nn.Sequential):
        blocks += [FastTransformer(child(rho, 0, TransformerBlock)), FastBaseBlock(child(rho, 1, BaseBlock), parts)]
    return blocks, FastConvs(stage.conv, parts) if stage.residual else None


def _consume(part: Callable[[Tensor, Maps], Tensor], x: Tensor, maps: Maps) -> Tensor:
    """part(x); x is given back."""
    y = part(x, maps)
    maps.give(x)
    return y


def _sum(features: list[Tensor], maps: Maps) -> Tensor:
    """Infrared + visible, from one tensor of both or two of one, which are given back: [1,H,W,C]."""
    first, second = features if len(features) == 2 else features[0].split(1)
    total = torch.add(first, second, out=maps.take(*first.shape))
    maps.give(*features)
    return total


def _residual(convs: FastConvs):
    def work(stream: Stream, y: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        y = convs(stream, y)
        return y, stream.delay(x, y)
    return work

"""SMFNet as a whole: encoder, stage I (reconstruction, Eq. 21) and stage II (fusion, Eq. 22)."""

from dataclasses import dataclass

from torch import Tensor, nn

from fusion.smfnet.network.bfe import BaseFeatureExtraction
from fusion.smfnet.network.cai import GRDB, CrossAttentionInvertible, InvertibleNetwork
from fusion.smfnet.network.decoder import Decoder
from fusion.smfnet.network.fusion_layers import BaseFusion, DetailFusion
from fusion.smfnet.network.gr import GraphModel
from fusion.smfnet.network.sfe import PatchEmbed, transformer
from fusion.smfnet.settings import RELEASED, NetworkSettings

# The parts in the order of the released checkpoint; each has its own optimiser in training.
PARTS = ("DIDF_Encoder", "DIDF_Decoder", "BaseFuseLayer", "DetailFuseLayer", "GraphModel")


@dataclass
class Encoded:
    """Features of one modality, each [B,C,H,W]."""

    base: Tensor
    detail: Tensor
    shallow: Tensor  # of the embedding
    feature: Tensor  # of the SFE, input of the three branches


@dataclass
class Features:
    """All that the losses look at: both modalities' branches (graph: None without GR)."""

    ir: Encoded
    vi: Encoded
    graph_ir: Tensor | None
    graph_vi: Tensor | None


class Encoder(nn.Module):
    """SFE and the two branches that see one modality alone (Eq. 1, 2, 8); shared by both modalities."""

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.patch_embed = PatchEmbed(settings.width)
        self.encoder_level1 = transformer(settings)
        self.baseFeature = BaseFeatureExtraction(settings)
        self.detailFeature: CrossAttentionInvertible | InvertibleNetwork
        self.GRDB_module: GRDB | nn.Identity
        if settings.detail == "cai":
            self.detailFeature = CrossAttentionInvertible(settings)
            self.GRDB_module = GRDB(settings)
        else:
            self.detailFeature = InvertibleNetwork(settings)
            self.GRDB_module = nn.Identity()

    def forward(self, image: Tensor) -> Encoded:
        """[B,1,H,W] in 0..1 -> Encoded."""
        shallow = self.patch_embed(image)
        feature = self.encoder_level1(shallow)
        return Encoded(base=self.baseFeature(feature), detail=self.detailFeature(self.GRDB_module(feature)),
                       shallow=shallow, feature=feature)


class SMFNet(nn.Module):
    """The five parts under the checkpoint's names."""

    def __init__(self, settings: NetworkSettings = RELEASED):
        super().__init__()
        self.settings = settings
        self.DIDF_Encoder = Encoder(settings)
        self.DIDF_Decoder = Decoder(settings)
        self.BaseFuseLayer = BaseFusion(settings)
        self.DetailFuseLayer = DetailFusion(settings)
        if settings.graph:
            self.GraphModel = GraphModel(settings)

    def encode(self, ir: Tensor, vi: Tensor) -> Features:
        """Images [B,1,H,W] in 0..1 -> all branches."""
        encoded_ir, encoded_vi = self.DIDF_Encoder(ir), self.DIDF_Encoder(vi)
        graphs = (None, None)
        if self.settings.graph:
            graphs = self.GraphModel(encoded_vi.feature, encoded_ir.feature)
        return Features(encoded_ir, encoded_vi, *graphs)

    def reconstruct(self, features: Features) -> tuple[Tensor, Tensor]:
        """Stage I, Eq. 21: (infrared, visible) [B,1,H,W]."""
        return (self.decode(features.ir.detail, features.ir.base, features.graph_ir),
                self.decode(features.vi.detail, features.vi.base, features.graph_vi))

    def fuse_features(self, features: Features) -> tuple[Tensor, Tensor, Tensor | None]:
        """Eq. 17-18: fused detail, base and graph features (exchanged layers: AE4)."""
        detail_layer: nn.Module = self.DetailFuseLayer
        base_layer: nn.Module = self.BaseFuseLayer
        if self.settings.exchange_fusion:
            detail_layer, base_layer = base_layer, detail_layer
        detail = detail_layer(features.ir.detail + features.vi.detail)
        base = base_layer(features.ir.base + features.vi.base)
        if features.graph_ir is None or features.graph_vi is None:
            return detail, base, None
        return detail, base, self.GraphModel.fuse(features.graph_ir, features.graph_vi)

    def decode(self, detail: Tensor, base: Tensor, graph: Tensor | None) -> Tensor:
        branches = (detail, base) if graph is None else (detail, base, graph)
        return self.DIDF_Decoder(*branches)

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        """Stage II, Eq. 22: fused image [B,1,H,W] in 0..1 (before the min-max stretch)."""
        return self.decode(*self.fuse_features(self.encode(ir, vi)))


def parts(network: SMFNet) -> dict[str, nn.Module]:
    """The network's parts by checkpoint name (no GraphModel in AE3)."""
    return {name: getattr(network, name) for name in PARTS if hasattr(network, name)}

"""One training step's forward pass as a module, so that DistributedDataParallel can wrap it."""

import torch
from torch import Tensor, nn

from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.training.losses import LossSettings, stage1_terms, stage2_terms

# The parts that a stage trains; the fusion layers wait for stage II.
STAGE_PARTS = {1: ("DIDF_Encoder", "DIDF_Decoder", "GraphModel"),
               2: ("DIDF_Encoder", "DIDF_Decoder", "GraphModel", "BaseFuseLayer", "DetailFuseLayer")}


class StagedLoss(nn.Module):
    """Images [B,1,H,W] -> the stage's weighted loss terms (Eq. 23 or 28), in float32 also under autocast."""

    def __init__(self, network: SMFNet, settings: LossSettings, amp: bool):
        super().__init__()
        self.network, self.settings, self.amp = network, settings, amp

    def forward(self, ir: Tensor, vi: Tensor, stage: int) -> dict[str, Tensor]:
        with torch.autocast(ir.device.type, torch.bfloat16, enabled=self.amp):
            features = self.network.encode(ir, vi)
            if stage == 1:
                recon_ir, recon_vi = self.network.reconstruct(features)
            else:
                fused = self.network.decode(*self.network.fuse_features(features))
        if stage == 1:
            return stage1_terms(ir, vi, recon_ir.float(), recon_vi.float(), features, self.settings)
        return stage2_terms(ir, vi, fused.float(), features, self.settings)

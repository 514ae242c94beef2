"""Validation on RoadScene during training (Sec. IV-A)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fusion import images
from fusion.pairs import Pair, PairsError, open_pairs
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.training.losses import fused_gradient_loss, intensity_loss, ssim

# (fused, ir, vi), float64 [H,W] in 0..255 -> named numbers
Score = Callable[[np.ndarray, np.ndarray, np.ndarray], dict[str, float]]


class Validation:
    """At most `limit` RoadScene pairs found below `data` or its parent; none found or wanted: `pairs` is empty."""

    def __init__(self, data: Path, limit: int, score: Score | None = None):
        self.score = score
        self.pairs: tuple[Pair, ...] = ()
        for root in (Path(data), Path(data).resolve().parent):
            if limit and not self.pairs:
                try:
                    self.pairs = open_pairs("roadscene", root).pairs[:limit]
                except PairsError:
                    continue

    @torch.no_grad()
    def __call__(self, network: SMFNet, stage: int, device: torch.device) -> dict[str, float]:
        """Means over the pairs. Stage 1: SSIM of both reconstructions; stage 2: the losses of Eq. 29-30 and `score`'s
        numbers of the stretched fused image."""
        was_training = network.training
        network.eval()
        rows = [self._pair(network, stage, device, *pair.read()) for pair in self.pairs]
        network.train(was_training)
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}

    def _pair(self, network: SMFNet, stage: int, device: torch.device, ir: np.ndarray,
              vi: np.ndarray) -> dict[str, float]:
        y = images.luma(vi)
        ir_t, vi_t = (torch.from_numpy(np.ascontiguousarray(x))[None, None].to(device) for x in (ir, y))
        features = network.encode(ir_t, vi_t)
        if stage == 1:
            recon_ir, recon_vi = network.reconstruct(features)
            return {"ssim_ir": ssim(ir_t, recon_ir).mean().item(), "ssim_vi": ssim(vi_t, recon_vi).mean().item()}
        fused = network.decode(*network.fuse_features(features))
        row = {"intensity": intensity_loss(fused, ir_t, vi_t).item(),
               "gradient": fused_gradient_loss(fused, ir_t, vi_t).item()}
        if self.score is not None:
            stretched = (fused - fused.min()) / (fused.max() - fused.min()).clamp_min(1e-12)
            image = np.round(stretched[0, 0].double().cpu().numpy() * 255)
            row |= self.score(image, np.round(ir * 255.0), np.round(y * 255.0))
        return row

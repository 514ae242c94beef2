"""Losses, Eq. 23-31. Images are [B,1,H,W] in 0..1, features [B,C,H,W]; every loss is a scalar tensor.

The released training (Abraham-Einstein/SMFNet@5097711, train.py and loss.py) differs from the equations in points that
are fields of `LossSettings`; RELEASED and PAPER hold the two sets of values.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fusion.smfnet.network.smfnet import Features

DELTA = 1.01  # Eq. 27, 31
SOBEL_X = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


@dataclass(frozen=True)
class LossSettings:
    """Weights and quirks; the defaults are the released training.

    Attributes:
        ssim_weight, gradient_weight: beta1, beta2 of Eq. 24-25.
        halved_ssim: (1 - SSIM) / 2 clamped to 0..1, as kornia's loss (released), or 1 - SSIM (paper).
        semantic_weight: of the Gram term, Eq. 26; 0 is AE5.
        gram_squared: mean squared difference of the Gram matrices (released) or their L2 distance (paper).
        visible_edge_weight: of an L1 distance of the visible's normalised Sobel gradients, not in the paper.
        lovasz: add the Lovász term of the visible; it is a constant (see `lovasz_constant`), not in the paper.
        decomposition1, decomposition2: alpha1 of Eq. 23, alpha2 of Eq. 28.
        gradient2: alpha3 of Eq. 28.
        correlation_gradient: CC is differentiable (paper) or taken as a number, so that no gradient flows (released).
        graph_in_stage1, graph_in_stage2: CC(G)^2 enters Eq. 27 (AE6) / Eq. 31 (paper). Without it in stage II
            CC(D)^2 stands twice (released).
    """

    ssim_weight: float = 8.0
    gradient_weight: float = 10.0
    halved_ssim: bool = True
    semantic_weight: float = 1.0
    gram_squared: bool = True
    visible_edge_weight: float = 5.0
    lovasz: bool = True
    decomposition1: float = 2.0
    decomposition2: float = 2.0
    gradient2: float = 10.0
    correlation_gradient: bool = False
    graph_in_stage1: bool = False
    graph_in_stage2: bool = False

    def __post_init__(self):
        for name in ("ssim_weight", "gradient_weight", "semantic_weight", "visible_edge_weight", "decomposition1",
                     "decomposition2", "gradient2"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}; a loss weight must not be negative")


RELEASED = LossSettings()
PAPER = LossSettings(halved_ssim=False, gram_squared=False, visible_edge_weight=0.0, lovasz=False, decomposition1=5.0,
                     decomposition2=10.0, gradient2=2.0, correlation_gradient=True, graph_in_stage2=True)


def gradient_magnitude(image: Tensor) -> Tensor:
    """The operator nabla of Eq. 24 and 30: |Sobel_x| + |Sobel_y|, zero padding. [B,1,H,W] -> [B,1,H,W]."""
    kernel = image.new_tensor(SOBEL_X)
    gradients = F.conv2d(image, torch.stack((kernel, kernel.T))[:, None], padding=1)
    return gradients.abs().sum(1, keepdim=True)


def gradient_loss(image: Tensor, other: Tensor) -> Tensor:
    """L_grad of Eq. 24-25: mean |nabla image - nabla other|."""
    return F.l1_loss(gradient_magnitude(image), gradient_magnitude(other))


def ssim(image: Tensor, other: Tensor, window: int = 11, sigma: float = 1.5) -> Tensor:
    """SSIM map [B,1,H,W]: Gaussian window, reflected borders, data range 1, K1 = .01, K2 = .03 (Wang et al. 2004)."""
    offsets = torch.arange(window, dtype=image.dtype, device=image.device) - window // 2
    kernel = torch.exp(-offsets**2 / (2 * sigma**2))
    kernel = kernel / kernel.sum()

    def mean(x: Tensor) -> Tensor:
        padded = F.pad(x, [window // 2] * 4, mode="reflect")
        return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))

    c1, c2 = 0.01**2, 0.03**2
    mu1, mu2 = mean(image), mean(other)
    var1, var2 = mean(image * image) - mu1**2, mean(other * other) - mu2**2
    covariance = mean(image * other) - mu1 * mu2
    return ((2 * mu1 * mu2 + c1) * (2 * covariance + c2)) / ((mu1**2 + mu2**2 + c1) * (var1 + var2 + c2))


def ssim_loss(image: Tensor, other: Tensor, halved: bool) -> Tensor:
    """L_SSIM: mean of 1 - SSIM, or of (1 - SSIM) / 2 clamped to 0..1."""
    distance = 1 - ssim(image, other)
    return (distance / 2).clamp(0, 1).mean() if halved else distance.mean()


def gram(features: Tensor) -> Tensor:
    """Gr of Eq. 26: X X^T / (C H W) per image. [B,C,H,W] -> [B,C,C]."""
    b, c, h, w = features.shape
    rows = features.reshape(b, c, h * w)
    return rows @ rows.transpose(1, 2) / (c * h * w)


def semantic_loss(image: Tensor, other: Tensor, squared: bool) -> Tensor:
    """L_semantic, Eq. 26: distance of the Gram matrices, mean square or L2 norm per image."""
    difference = gram(image) - gram(other)
    return difference.square().mean() if squared else difference.flatten(1).norm(dim=1).mean()


def edge_loss(image: Tensor, other: Tensor) -> Tensor:
    """Mean |difference| of Sobel_x and Sobel_y divided by 8, borders repeated (kornia's SpatialGradient)."""
    kernel = image.new_tensor(SOBEL_X) / 8
    padded = F.pad(image - other, [1] * 4, mode="replicate")
    return F.conv2d(padded, torch.stack((kernel, kernel.T))[:, None]).abs().mean()


def lovasz_constant(image: Tensor) -> Tensor:
    """The released Seg_loss: a Lovász term of a softmax over one channel, always 1, against the labels `image == 0`.

    With p labelled pixels of n it equals 1 - p/n (0 for p = 0) whatever the network puts out: no gradient.
    """
    fraction = (image == 0).float().mean()
    return torch.where(fraction > 0, 1 - fraction, torch.zeros_like(fraction))


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """CC of Eq. 27: correlation coefficient over all elements of the batch, clamped to -1..1, differentiable."""
    first, second = first.float() - first.float().mean(), second.float() - second.float().mean()
    norms = first.square().sum().sqrt() * second.square().sum().sqrt()
    return ((first * second).sum() / (torch.finfo(torch.float32).eps + norms)).clamp(-1, 1)


def decomposition_loss(features: Features, settings: LossSettings, stage: int) -> Tensor:
    """L_decomp: CC(D)^2 [+ CC(G)^2, or CC(D)^2 again] over CC(B) + 1.01; Eq. 27 (stage 1), Eq. 31 (stage 2)."""

    def cc(first: Tensor, second: Tensor) -> Tensor:
        if not settings.correlation_gradient:
            first, second = first.detach(), second.detach()
        return correlation(first, second)

    detail = cc(features.vi.detail, features.ir.detail) ** 2
    numerator = detail
    with_graph = settings.graph_in_stage1 if stage == 1 else settings.graph_in_stage2
    if with_graph and features.graph_ir is not None and features.graph_vi is not None:
        numerator = detail + cc(features.graph_vi, features.graph_ir) ** 2
    elif stage == 2 and not with_graph:
        numerator = 2 * detail
    return numerator / (cc(features.vi.base, features.ir.base) + DELTA)


def intensity_loss(fused: Tensor, ir: Tensor, vi: Tensor) -> Tensor:
    """L_intensity, Eq. 29: mean |F - max(I, V)|."""
    return F.l1_loss(fused, torch.maximum(ir, vi))


def fused_gradient_loss(fused: Tensor, ir: Tensor, vi: Tensor) -> Tensor:
    """L_grad of stage II, Eq. 30: mean |nabla F - max(nabla I, nabla V)|."""
    target = torch.maximum(gradient_magnitude(ir), gradient_magnitude(vi))
    return F.l1_loss(gradient_magnitude(fused), target)


def stage1_terms(ir: Tensor, vi: Tensor, recon_ir: Tensor, recon_vi: Tensor, features: Features,
                 settings: LossSettings) -> dict[str, Tensor]:
    """The weighted terms of Eq. 23-25; their sum is L_total^I."""
    s = settings
    terms = {
        "ssim": s.ssim_weight * (ssim_loss(vi, recon_vi, s.halved_ssim) + ssim_loss(ir, recon_ir, s.halved_ssim)),
        "gradient": s.gradient_weight * (gradient_loss(vi, recon_vi) + gradient_loss(ir, recon_ir)),
        "decomposition": s.decomposition1 * decomposition_loss(features, s, stage=1),
    }
    if s.semantic_weight:
        terms["semantic"] = s.semantic_weight * semantic_loss(ir, recon_ir, s.gram_squared)
    if s.visible_edge_weight:
        terms["edge"] = s.visible_edge_weight * edge_loss(vi, recon_vi)
    if s.lovasz:
        terms["lovasz"] = lovasz_constant(vi)
    return terms


def stage2_terms(ir: Tensor, vi: Tensor, fused: Tensor, features: Features,
                 settings: LossSettings) -> dict[str, Tensor]:
    """The weighted terms of Eq. 28; their sum is L_total^II."""
    return {
        "intensity": intensity_loss(fused, ir, vi),
        "gradient": settings.gradient2 * fused_gradient_loss(fused, ir, vi),
        "decomposition": settings.decomposition2 * decomposition_loss(features, settings, stage=2),
    }

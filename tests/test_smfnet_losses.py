"""SMFNet's losses against their formulas, and the released quirks."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusion.smfnet.network.smfnet import Encoded, Features
from fusion.smfnet.training import losses
from fusion.smfnet.training.losses import PAPER, RELEASED


def images(seed: int, n: int = 2, size: int = 24, dtype=torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(2, 1, size, size, generator=generator, dtype=dtype) for _ in range(n)]


def features(seed: int, dtype=torch.float32) -> Features:
    generator = torch.Generator().manual_seed(seed)
    base_ir, base_vi, detail_ir, detail_vi, graph_ir, graph_vi = (
        torch.randn(2, 3, 5, 4, generator=generator, dtype=dtype).requires_grad_() for _ in range(6))
    return Features(Encoded(base_ir, detail_ir, base_ir, base_ir), Encoded(base_vi, detail_vi, base_vi, base_vi),
                    graph_ir, graph_vi)


def test_ssim_against_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    first, second = images(0, size=40)
    second = 0.7 * first + 0.3 * second
    for got, a, b in zip(losses.ssim(first, second)[:, 0].numpy(), first[:, 0].numpy(), second[:, 0].numpy()):
        expected = metrics.structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                                 data_range=1.0, full=True)[1]
        inner = (slice(5, -5), slice(5, -5))  # the two continue the borders differently
        np.testing.assert_allclose(got[inner], expected[inner], atol=1e-9)
    distance = 1 - losses.ssim(first, second)
    assert losses.ssim_loss(first, second, halved=False).item() == pytest.approx(distance.mean().item())
    assert losses.ssim_loss(first, second, halved=True).item() == pytest.approx(distance.mean().item() / 2)
    assert losses.ssim_loss(first, first, halved=False).item() == pytest.approx(0, abs=1e-12)


def test_gradient_magnitude_against_scipy():
    from scipy.ndimage import convolve

    image = images(1)[0]
    kernel = np.array(losses.SOBEL_X)
    for got, picture in zip(losses.gradient_magnitude(image)[:, 0].numpy(), image[:, 0].numpy()):
        expected = sum(np.abs(convolve(picture, k, mode="constant")) for k in (kernel, kernel.T))
        np.testing.assert_allclose(got, expected, atol=1e-12)


def test_gram_and_semantic_loss():
    x, y = torch.randn(2, 3, 4, 5, dtype=torch.float64), torch.randn(2, 3, 4, 5, dtype=torch.float64)
    difference = [(a.flatten(1) @ a.flatten(1).T - b.flatten(1) @ b.flatten(1).T) / 60 for a, b in zip(x, y)]
    squared = np.mean([d.square().mean().item() for d in difference])
    norm = np.mean([d.norm().item() for d in difference])
    assert losses.semantic_loss(x, y, squared=True).item() == pytest.approx(squared)
    assert losses.semantic_loss(x, y, squared=False).item() == pytest.approx(norm)


def test_stage_two_losses():
    ir, vi, fused = images(2, 3)
    assert losses.intensity_loss(fused, ir, vi).item() == pytest.approx((fused - torch.max(ir, vi)).abs().mean().item())
    target = torch.max(losses.gradient_magnitude(ir), losses.gradient_magnitude(vi))
    expected = (losses.gradient_magnitude(fused) - target).abs().mean().item()
    assert losses.fused_gradient_loss(fused, ir, vi).item() == pytest.approx(expected)
    assert losses.fused_gradient_loss(ir, ir, torch.zeros_like(ir)).item() == pytest.approx(0, abs=1e-12)


def test_edge_loss_of_a_ramp():
    """Sobel / 8 of a ramp with slope s is s away from the borders (kornia's normalisation)."""
    ramp = torch.arange(20.0).expand(1, 1, 20, 20) * 0.01
    assert losses.edge_loss(ramp, torch.zeros_like(ramp)).item() == pytest.approx(0.01 * (18 + 2 * 0.5) / 20 / 2)


def test_correlation_is_pearson():
    a, b = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    assert losses.correlation(a, b).item() == pytest.approx(np.corrcoef(a.flatten(), b.flatten())[0, 1], abs=1e-6)
    assert losses.correlation(a, -2 * a + 1).item() == pytest.approx(-1)


def test_correlation_gradient_by_finite_differences():
    f = features(3)

    def loss() -> torch.Tensor:
        return losses.decomposition_loss(f, PAPER, stage=2)

    leaves = {"base": f.ir.base, "detail": f.vi.detail, "graph": f.graph_ir}
    loss().backward()
    for name, leaf in leaves.items():
        index, step = (1, 2, 3, 0), 1e-2
        with torch.no_grad():
            leaf[index] += step
            up = loss().item()
            leaf[index] -= 2 * step
            down = loss().item()
            leaf[index] += step
        assert leaf.grad[index].item() != 0
        assert leaf.grad[index].item() == pytest.approx((up - down) / (2 * step), rel=0.02, abs=2e-5), name


def test_released_correlation_has_no_gradient():
    f = features(4)
    for stage in (1, 2):
        assert not losses.decomposition_loss(f, RELEASED, stage).requires_grad


def test_decomposition_terms():
    f = features(5)
    d = losses.correlation(f.vi.detail, f.ir.detail).item() ** 2
    g = losses.correlation(f.graph_vi, f.graph_ir).item() ** 2
    b = losses.correlation(f.vi.base, f.ir.base).item() + 1.01
    ae6 = dataclasses.replace(PAPER, graph_in_stage1=True)
    for settings, stage, numerator in ((RELEASED, 1, d), (RELEASED, 2, 2 * d), (PAPER, 1, d), (PAPER, 2, d + g),
                                       (ae6, 1, d + g), (ae6, 2, d + g)):
        assert losses.decomposition_loss(f, settings, stage).item() == pytest.approx(numerator / b, rel=1e-5)
    without_graph = dataclasses.replace(f, graph_ir=None, graph_vi=None)
    assert losses.decomposition_loss(without_graph, PAPER, 2).item() == pytest.approx(d / b, rel=1e-5)


def test_lovasz_term_is_the_constant_it_is_said_to_be():
    """Against the Lovász extension written out: errors |label - probability| sorted, times the increments of the
    Jaccard loss. The probability is the softmax over the one channel of whatever the network put out."""
    image, output = images(6, 2, size=6)
    image = (image * 4).floor() / 4
    output.requires_grad_(True)
    labels = (image.flatten() == 0).double()
    errors, place = (labels - F.softmax(output, dim=1).flatten()).abs().sort(descending=True)
    hit = labels[place].cumsum(0)
    jaccard = 1 - (labels.sum() - hit) / (labels.sum() + (1 - labels[place]).cumsum(0))
    increments = torch.diff(jaccard, prepend=jaccard.new_zeros(1))
    expected = (errors * increments).sum()
    assert losses.lovasz_constant(image).item() == pytest.approx(expected.item(), abs=1e-6)
    expected.backward()
    assert output.grad.abs().max() < 1e-12
    assert losses.lovasz_constant(image + 1).item() == 0


@pytest.mark.parametrize(("settings", "names"), [
    (RELEASED, {"ssim", "gradient", "decomposition", "semantic", "edge", "lovasz"}),
    (PAPER, {"ssim", "gradient", "decomposition", "semantic"}),
    (dataclasses.replace(RELEASED, semantic_weight=0.0), {"ssim", "gradient", "decomposition", "edge", "lovasz"})])
def test_stage_one_terms(settings, names):
    ir, vi, recon_ir, recon_vi = images(7, 4, dtype=torch.float32)
    terms = losses.stage1_terms(ir, vi, recon_ir, recon_vi, features(8), settings)
    assert set(terms) == names
    assert terms["gradient"].item() == pytest.approx(
        10 * (losses.gradient_loss(vi, recon_vi) + losses.gradient_loss(ir, recon_ir)).item(), rel=1e-5)


def test_negative_weights_are_refused():
    with pytest.raises(ValueError, match="semantic_weight"):
        losses.LossSettings(semantic_weight=-1.0)

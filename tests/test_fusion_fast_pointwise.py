"""fusion.fast: steps of one pixel and orders of memory are torch's, whatever the channels."""

import pytest
import torch
import torch.nn.functional as F
from kernel_scenes import by_threads

from fusion.fast.layouts import channels_apart, channels_together
from fusion.fast.pointwise import axis_means, gelu_, layer_norm, weighted_apart, with_axes_weighted

CHANNELS = (1, 3, 4, 8, 16, 17, 60, 64, 98)

pytestmark = pytest.mark.usefixtures("way")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def near(ours: torch.Tensor, exact: torch.Tensor) -> None:
    torch.testing.assert_close(ours.double(), exact, rtol=0, atol=4e-6 * max(1.0, float(exact.abs().max())))


@pytest.mark.parametrize("channels", CHANNELS)
def test_layer_norm(channels):
    x, weight, bias = drawn(2, 5, 7, channels) * 3 + 2, drawn(channels, seed=1), drawn(channels, seed=2)
    before = x.clone()
    near(layer_norm(x, weight, bias, 1e-3),
         F.layer_norm(x.double(), (channels,), weight.double(), bias.double(), 1e-3))
    assert torch.equal(x, before)


@pytest.mark.parametrize("channels", CHANNELS)
def test_layer_norm_is_as_exact_as_torchs(channels):
    """Also far from zero, where squares less the mean's square would be nothing."""
    x, weight, bias = drawn(300, channels) + 100, torch.ones(channels), torch.zeros(channels)
    exact = F.layer_norm(x.double(), (channels,))
    ours, torchs = ((found - exact).abs().max() for found in (
        layer_norm(x, weight, bias), F.layer_norm(x, (channels,), weight, bias)))
    assert ours < 2 * torchs + 4e-6


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("biased", "times"), [(False, False), (True, False), (False, True), (True, True)])
def test_gelu_with_bias_and_factor(channels, biased, times):
    x, bias, factor = drawn(3, 11, channels) * 3, drawn(channels, seed=1), drawn(3, 11, channels, seed=2)
    exact = F.gelu(x.double() + bias if biased else x.double()) * (factor if times else 1)
    near(gelu_(x, bias if biased else None, factor if times else None), exact)


def test_gelu_of_all_sizes():
    """From where it is zero to where it is its argument."""
    x = torch.cat([torch.linspace(-30, 30, 40001), torch.tensor([0.0, -0.0, 1e-30, -1e30, 1e30])])
    exact = F.gelu(x.double())
    torch.testing.assert_close(gelu_(x[None].clone())[0].double(), exact, rtol=3e-7, atol=1.3e-6)
    assert gelu_(torch.full((1, 20), float("nan"))).isnan().all()


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (37, 41)])
def test_weights_by_row_and_column(channels, size):
    x, rows, columns = drawn(*size, channels), drawn(size[0], channels, seed=1), drawn(size[1], channels, seed=2)
    weighted = x.double() * rows[:, None] * columns
    for ours, axis in zip(axis_means(x, rows, columns), (1, 0), strict=True):
        near(ours, weighted.mean(axis))
    near(with_axes_weighted(x, rows, columns), x.double() + weighted)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (37, 41)])
def test_weights_by_pixel_and_channel(channels, size):
    x = drawn(2, channels, *size).contiguous(memory_format=torch.channels_last)
    of_pixels, of_channels = drawn(2, 1, *size, seed=1), drawn(2, channels, 1, 1, seed=2)
    ours = weighted_apart(x, of_pixels, of_channels)
    assert ours.is_contiguous()
    near(ours, x.double() * (of_pixels.double() + of_channels))


def test_threads_change_little():
    x, rows, columns = drawn(300, 150, 16), drawn(300, 16, seed=1), drawn(150, 16, seed=2)

    def everything():
        picture = x.permute(2, 0, 1)[None]
        apart = weighted_apart(picture, picture[:, :1], picture[..., :1, :1])
        return (layer_norm(x, rows[0], columns[0]), gelu_(x.clone(), rows[0], x), apart,
                with_axes_weighted(x, rows, columns), *axis_means(x, rows, columns))

    for one, other in zip(*by_threads(everything, 1, 3), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 5, 7, 9), (1, 64, 61, 70), (1, 1, 4, 5), (2, 3, 1, 1)])
def test_orders_of_memory(shape):
    x = drawn(*shape)
    together = channels_together(x)
    assert torch.equal(together, x) and together.is_contiguous(memory_format=torch.channels_last)
    assert channels_together(together) is together and channels_apart(x) is x
    apart = channels_apart(together)
    assert torch.equal(apart, x) and apart.is_contiguous()
    part = drawn(2, 6, 9, 8)[:, 1:4, 2:7]
    assert torch.equal(channels_together(part), part) and torch.equal(channels_apart(part), part)

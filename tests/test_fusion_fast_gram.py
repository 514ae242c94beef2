"""fusion.fast.gram: sums of products of channels over pixels, whatever the heads and the threads."""

import pytest
import torch
from kernel_scenes import by_threads

from fusion.fast.gram import products

pytestmark = pytest.mark.usefixtures("way")


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def near(found: torch.Tensor, x: torch.Tensor, heads: int) -> None:
    y = x.double().unflatten(-1, (heads, -1))
    exact = torch.einsum("bphi,bphj->bhij", y, y)
    torch.testing.assert_close(found, exact, rtol=0, atol=5e-6 * float(exact.abs().max()))


@pytest.mark.parametrize(("heads", "side"), [(2, 8), (8, 16), (1, 4), (3, 12), (2, 6), (2, 5), (1, 64)])
@pytest.mark.parametrize(("images", "pixels"), [(1, 1), (1, 255), (2, 1001), (1, 5120)])
def test_products(heads, side, images, pixels):
    x = drawn(images, pixels, heads * side)
    found = products(x, heads)
    assert found.dtype == torch.float64
    near(found, x, heads)


def test_some_of_a_maps_channels():
    x = drawn(1, 333, 32)
    near(products(x[..., :16], 2), x[..., :16], 2)


def test_threads_change_next_to_nothing():
    x = drawn(1, 5000, 16)
    torch.testing.assert_close(*by_threads(lambda: products(x, 2), 1, 2), rtol=1e-6, atol=1e-4)

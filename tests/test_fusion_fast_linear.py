"""fusion.fast.linear: products of pixels are torch's, whatever is joined, added or rectified, in threads too."""

import pytest
import torch
import torch.nn.functional as F
from kernel_scenes import by_threads

from fusion.fast.linear import Linear, each_by

CHANNELS = [((8,), 8), ((8,), 24), ((16,), 16), ((64,), 192), ((7,), 5), ((1,), 3), ((8, 8, 8), 8), ((5, 3), 17)]

pytestmark = pytest.mark.usefixtures("way")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def near(ours: torch.Tensor, exact: torch.Tensor) -> None:
    torch.testing.assert_close(ours.double(), exact, rtol=0, atol=2e-6 * max(1.0, float(exact.abs().max())))


@pytest.mark.parametrize(("channels", "outputs"), CHANNELS)
@pytest.mark.parametrize("shape", [(1, 5, 7), (2, 3, 11), (13,), (1, 1, 1)])
def test_products(channels, outputs, shape):
    x = [drawn(*shape, count, seed=i) for i, count in enumerate(channels)]
    weight, bias, added = drawn(outputs, sum(channels)), drawn(outputs, seed=1), drawn(*shape, outputs, seed=2)
    exact = F.linear(torch.cat(x, -1).double(), weight.double())
    near(Linear(weight)(*x), exact)
    near(Linear(weight, bias)(*x), exact + bias)
    near(Linear(weight, bias, 0.1)(*x, added=added), F.leaky_relu(exact + bias + added, 0.1))


@pytest.mark.parametrize("channels", [8, 9, 64])
def test_of_some_channels_of_some_rows(channels):
    """What lies apart in memory: a part of each pixel, columns of a picture."""
    x, weight, added = drawn(1, 6, 9, 2 * channels), drawn(channels, channels), drawn(1, 6, 9, 2 * channels, seed=1)
    for part, addend in ((x[..., channels:], added[..., :channels]),
                         (x[:, :, 2:7, channels:], added[:, :, 2:7, :channels])):
        near(Linear(weight)(part, added=addend), F.linear(part.double(), weight.double()) + addend)


def test_where_the_result_is_to_be():
    x, weight, around = drawn(1, 4, 5, 8), drawn(3, 8), torch.full((1, 6, 5, 3), 7.0)
    out = around[:, 1:-1]
    assert Linear(weight)(x, out=out) is out
    near(out, F.linear(x.double(), weight.double()))
    assert (around[:, 0] == 7).all() and (around[:, -1] == 7).all()


@pytest.mark.parametrize(("channels", "outputs"), [(60, 180), (120, 60), (1, 5)])
def test_added_to_in_its_place(channels, outputs):
    x, weight, bias, to = drawn(3, 64, channels), drawn(outputs, channels), drawn(outputs), drawn(3, 64, outputs)
    exact = F.linear(x.double(), weight.double(), bias.double()) + to
    assert Linear(weight, bias)(x, added=to, out=to) is to
    near(to, exact)


def test_no_result_between_others():
    if Linear(torch.ones(3, 8)).product is None:
        pytest.skip("torch's own can")
    with pytest.raises(ValueError, match="steps"):
        Linear(torch.ones(3, 8))(torch.ones(2, 8), out=torch.empty(2, 6)[:, :3])


def test_every_image_by_its_own():
    x, weights, added = drawn(2, 3, 5, 8), drawn(2, 4, 8, seed=1), drawn(2, 3, 5, 4, seed=2)
    exact = torch.stack([F.linear(*pair) for pair in zip(x.double(), weights.double())])
    linears = [Linear(weight) for weight in weights]
    near(each_by(linears, x), exact)
    near(each_by(linears, x, added), exact + added)


def test_two_threads_make_what_one_does():
    x, product = drawn(1, 41, 37, 8), Linear(drawn(24, 8), drawn(24), 0.2)
    assert torch.equal(*by_threads(lambda: product(x), 1, 2))


def test_bfloat16_stays_what_torch_makes_of_it():
    """As under autocast, where compiled code would write float32 into half the memory."""
    x, weight, bias, to = drawn(5, 9, 8), drawn(12, 8), drawn(12), drawn(5, 9, 12)
    linear = Linear(weight, bias)
    with torch.autocast("cpu", torch.bfloat16):
        expected = F.linear(x.bfloat16(), weight, bias)
        found = linear(x.bfloat16())
        assert found.dtype == torch.bfloat16 and torch.equal(found, expected)
        half = to.bfloat16()
        assert linear(x, added=half, out=half) is half and half.dtype == torch.bfloat16
        assert torch.equal(half, F.linear(x, weight, bias).add_(to.bfloat16()))

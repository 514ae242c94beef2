"""fusion.fast.gates: the gates of graph reasoning are torch's, whatever the channels, pixels and threads."""

import pytest
import torch
from kernel_scenes import by_threads

from fusion.fast.gates import interact, messages, reset, update

SIZES = [(1, 8), (65, 8), (130, 2), (33, 10), (200, 64), (64, 36)]  # pixels, channels

pytestmark = pytest.mark.usefixtures("way")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return 4 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def near(ours: torch.Tensor, exact: torch.Tensor) -> None:
    torch.testing.assert_close(ours.double(), exact, rtol=0, atol=4e-6)


@pytest.mark.parametrize(("pixels", "channels"), SIZES)
def test_reset(pixels, channels):
    gates, state = drawn(pixels, 3, 2 * channels), drawn(pixels, 3, channels, seed=1)
    near(reset(gates, state), torch.sigmoid(gates[..., :channels].double()) * state)


@pytest.mark.parametrize(("pixels", "channels"), SIZES)
def test_update(pixels, channels):
    gates, candidate, state = (drawn(pixels, 3, width, seed=i)
                               for i, width in enumerate((2 * channels, channels, channels)))
    part, fresh = torch.sigmoid(gates[..., channels:].double()), torch.tanh(candidate.double() / 2)
    exact = state + 0.7 * ((1 - part) * state + part * fresh)
    near(update(gates, candidate, state, torch.tensor([0.7])), exact)


def test_gates_that_are_open_or_shut():
    gates = torch.tensor([[-1e30, -100, -88, 0, 88, 100, 1e30, 0]])
    near(reset(gates.repeat(1, 2), torch.ones(1, 8)), torch.sigmoid(gates.double()))


@pytest.mark.parametrize(("pixels", "channels"), SIZES)
def test_messages(pixels, channels):
    nodes, scores = drawn(pixels, 3, channels), drawn(pixels, 3, 2, seed=1)
    exact = torch.empty(pixels, 3, channels, dtype=torch.float64)
    for node, others in enumerate(((1, 2), (0, 2), (0, 1))):
        for edge, other in enumerate(others):
            weight = torch.sigmoid(scores[:, node, edge].double() - scores[:, other, edge])
            exact[:, node, edge::2] = weight[:, None] * nodes[:, others].double().sum(1)[:, edge::2]
    near(messages(nodes, scores), exact)


@pytest.mark.parametrize(("pixels", "channels"), SIZES)
def test_interaction(pixels, channels):
    first, second, scores = drawn(pixels, channels), drawn(pixels, channels, seed=1), drawn(pixels, 2, seed=2)
    gates = torch.sigmoid(scores.double() * torch.tensor([1.0, -1.0]))
    exact = first + second * gates[:, 1:], second + first * gates[:, :1]
    for ours, expected in zip(interact(first, second, scores), exact):
        near(ours, expected)


def test_two_threads_make_what_one_does():
    def everything():
        nodes, gates = drawn(20_000, 3, 8), drawn(20_000, 3, 16, seed=1)
        message = messages(nodes, drawn(20_000, 3, 2, seed=2))
        return update(gates, message, reset(gates, nodes), torch.tensor([0.3]))

    assert torch.equal(*by_threads(everything, 1, 2))

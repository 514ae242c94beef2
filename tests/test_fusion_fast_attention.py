"""fusion.fast.attention: compiled attention within windows is softmax(q k^T) v, and windows are a picture's pixels."""

import pytest
import torch
from kernel_scenes import by_threads, needs_kernels
from torch import Tensor

from fusion.fast.attention import SIDE, TOKENS, Masks, Windows, attention

pytestmark = needs_kernels

HEADS = [(6, 10), (1, 8), (2, 49), (3, 3), (1, 1), (5, 7), (2, 32), (1, 17)]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def exact(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, masks: Masks | None = None) -> Tensor:
    """In float64."""
    q, k, v = (x.double().unflatten(-1, (len(bias), -1)).transpose(1, 2) for x in (q, k, v))
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5 + bias.double().transpose(-2, -1)
    for window, which in enumerate([] if masks is None else masks.which.tolist()):
        if which >= 0:
            scores[window] += masks.values[which].double().T
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


def near(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=2e-6 * max(1.0, float(theirs.abs().max())))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("heads", "width"), HEADS)
def test_attention_is_float64s(heads, width, biased, masked):
    q, k, v = (drawn(5, TOKENS, heads * width, seed=seed) for seed in (1, 2, 3))
    bias = drawn(heads, TOKENS, TOKENS) * biased
    masks = Masks(drawn(2, TOKENS, TOKENS, seed=4) * 5, torch.tensor([1, -1, 0, 1, -1])) if masked else None
    near(attention(q, k, v, bias, masks), exact(q, k, v, bias, masks))


@pytest.mark.parametrize(("heads", "width"), HEADS)
def test_columns_of_one_product(heads, width):
    """As a product leaves queries, keys and values, which stay as they are."""
    bias, both = drawn(heads, TOKENS, TOKENS), drawn(4, TOKENS, 3 * heads * width)
    before, parts = both.clone(), both.chunk(3, -1)
    assert torch.equal(attention(*parts, bias), attention(*(part.contiguous() for part in parts), bias))
    assert torch.equal(both, before)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e15, 1e30])
@pytest.mark.parametrize("sign", [1, -1])
def test_large_scores_do_not_overflow(size, sign):
    """Keys that lie far apart, one score of which is 0: the largest takes all."""
    q, v = torch.ones(1, TOKENS, 8), drawn(1, TOKENS, 8)
    k = (torch.arange(TOKENS) * sign * size)[None, :, None].expand_as(q)
    chosen = v[:, -1:] if sign > 0 else v[:, :1]
    torch.testing.assert_close(attention(q, k.contiguous(), v, torch.zeros(1, TOKENS, TOKENS)), chosen.expand_as(v))


@pytest.mark.parametrize("least", [1, 10, 80])
def test_weights_are_exponentials(least):
    """One key's value is 1 and its score far below that of the others, which are 0: its weight is what comes."""
    scores = -torch.linspace(0, least, TOKENS)
    bias, v, none = torch.zeros(1, TOKENS, TOKENS), torch.zeros(1, TOKENS, 1), torch.zeros(1, TOKENS, 1)
    bias[0, 5], v[0, 5] = scores, 1
    powers = scores.double().exp()
    torch.testing.assert_close(attention(none, none, v, bias)[0, :, 0].double(), powers / (powers + TOKENS - 1),
                               rtol=6e-7, atol=0)


def test_masks_of_minus_100_leave_nothing():
    """What a shifted window adds across the seam: one half sees nothing of the other."""
    values = torch.zeros(1, TOKENS, TOKENS)
    values[:, :TOKENS // 2, TOKENS // 2:] = values[:, TOKENS // 2:, :TOKENS // 2] = -100
    q, k, v = (drawn(1, TOKENS, 20, seed=seed) for seed in (1, 2, 3))
    other, bias, masks = v.clone(), drawn(2, TOKENS, TOKENS), Masks(values, torch.zeros(1, dtype=torch.int64))
    other[:, TOKENS // 2:] = 0
    seen = attention(q, k, v, bias, masks), attention(q, k, other, bias, masks)
    torch.testing.assert_close(seen[0][:, :TOKENS // 2], seen[1][:, :TOKENS // 2], rtol=0, atol=1e-6)


def test_threads_change_nothing():
    both, bias, picture = drawn(37, TOKENS, 180), drawn(6, TOKENS, TOKENS), drawn(2, 40, 48, 5)
    masks, windows = Masks(drawn(1, TOKENS, TOKENS), torch.arange(37) % 2 - 1), Windows(2, 40, 48, 3)

    def everything():
        return attention(*both.chunk(3, -1), bias, masks), windows.take(picture, 7, 41)

    assert all(map(torch.equal, *by_threads(everything, 1, 2)))


@pytest.mark.parametrize("x", [drawn(2, 32, 8), drawn(2, TOKENS, 8).double(), drawn(2, 8, TOKENS).transpose(1, 2),
                               drawn(3, TOKENS, 8)[::2]])
def test_other_windows_are_refused(x):
    with pytest.raises(ValueError, match="windows of 64 float32 tokens in a row"):
        attention(x, x, x, torch.zeros(1, TOKENS, TOKENS))


@pytest.mark.parametrize("shift", [0, 4, 7])
@pytest.mark.parametrize(("size", "channels"), [((8, 8), 1), ((8, 24), 3), ((40, 16), 60), ((24, 32), 17)])
def test_windows_go_round_the_picture(size, channels, shift):
    picture, windows = drawn(2, *size, channels), Windows(2, *size, shift)
    moved = picture.roll((-shift, -shift), (1, 2)).unflatten(2, (-1, SIDE)).unflatten(1, (-1, SIDE))
    expected = moved.transpose(2, 3).reshape(-1, TOKENS, channels)
    back = torch.full_like(picture, float("nan"))
    for begin, end in windows.chunks(3):
        taken = windows.take(picture, begin, end)
        assert torch.equal(taken, expected[begin:end])
        windows.put(taken, back, begin)
    assert torch.equal(back, picture)


def test_pictures_of_another_order_are_refused():
    windows = Windows(1, 8, 16)
    for picture in (drawn(1, 16, 8, 3).transpose(1, 2), drawn(1, 8, 16, 3).double(), drawn(1, 16, 16, 3)):
        with pytest.raises(ValueError, match="contiguous float32 pictures"):
            windows.take(picture, 0, 2)

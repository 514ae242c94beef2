"""The benchmark of single convolutions: every kind that this machine has, and right results."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.convolutions import HEADER, SHAPES, kinds, measured, table
from fusion.fast.extension import why_no_kernels, why_no_tiles


@pytest.mark.parametrize(("channels", "outputs", "side"), SHAPES)
def test_kinds_and_their_errors(channels, outputs, side):
    expected = {"torch"} | ({"Winograd"} if side == 3 and not why_no_kernels() else set())
    expected |= {"product"} if side == 1 and not why_no_kernels() else set()
    expected |= (set() if why_no_tiles() else {"tiles"}) | ({"narrow"} if outputs < 4 else set())
    assert set(kinds(torch.ones(outputs, channels, side, side))) == expected
    found = measured(channels, outputs, side, (12, 14), rounds=1)
    assert set(found) == expected
    assert all(seconds > 0 and 0 < error < 3e-6 for seconds, error in found.values())


def test_table_has_a_line_a_kind():
    text = table((8, 8), rounds=1)
    assert text.startswith(HEADER)
    assert text.count("| torch |") == len(SHAPES)

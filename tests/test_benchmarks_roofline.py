"""The roofline: counts as one computes them by hand, bounds as the formula says. Times are not looked at."""

import sys
from math import inf
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import machine
from benchmarks.machine import Machine, bound
from benchmarks.operations import (
    ATTENTION,
    CONV3,
    COPIES,
    DENSE,
    ELEMENTWISE,
    GROUPED,
    KINDS,
    MATRIX,
    NORMS,
    PRODUCTS,
    Counter,
    Operation,
    counted,
)
from benchmarks.roofline import HEADER, cells, kind_cells, operations_of, table
from fusion.method import find

ROUND = Machine(matrix=100.0, direct=50.0, winograd=200.0, functions=10.0, memory=4.0, cache=40.0)


class Small(nn.Module):
    """One layer of every common kind, each map of 6x8."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(8, 3)

    def forward(self, x):
        y = F.relu(self.norm(self.conv(x)))
        return torch.sigmoid(self.linear(torch.cat((x, y), 1).flatten(0, 2)))


def test_counts_of_a_small_network_are_those_made_by_hand():
    assert counted(Small().eval(), torch.zeros(1, 2, 6, 8)) == [
        Operation(CONV3, 2 * 9 * 2 * 192, 0, 4 * (96 + 9 * 2 * 4 + 4 + 192)),
        Operation(NORMS, 192, 0, 4 * (192 + 4 * 4 + 192)),
        Operation(ELEMENTWISE, 192, 0, 4 * (192 + 192)),
        Operation(COPIES, 0, 0, 4 * (96 + 192 + 288)),
        Operation(MATRIX, 2 * 8 * 36 * 3, 0, 4 * (36 * 8 + 8 * 3 + 3 + 36 * 3)),
        Operation(ELEMENTWISE, 36 * 3, 36 * 3, 4 * (36 * 3 + 36 * 3))]


def noted(call):
    with torch.no_grad(), Counter() as counter:
        call()
    return counter.operations


def test_kinds_of_convolutions_and_attention():
    x = torch.zeros(1, 4, 6, 8)
    layers = {nn.Conv2d(4, 4, 3, groups=4, padding=1): (GROUPED, 2 * 9 * 192),
              nn.Conv2d(4, 6, 1): (DENSE, 2 * 4 * 6 * 48),
              nn.Conv2d(4, 6, 3, stride=2, padding=1): (DENSE, 2 * 9 * 4 * 6 * 12),
              nn.ConvTranspose2d(4, 6, 3): (DENSE, 2 * 9 * 4 * 6 * 48),
              nn.Conv2d(4, 6, 3, dilation=2, padding=2): (CONV3, 2 * 9 * 4 * 6 * 48)}
    for layer, (kind, flop) in layers.items():
        (found,) = noted(lambda layer=layer: layer(x))
        assert (found.kind, found.flop) == (kind, flop)
    query, other = torch.zeros(2, 3, 5, 4), torch.zeros(2, 3, 7, 4)
    (found,) = (each for each in noted(lambda: F.scaled_dot_product_attention(query, other, other)) if each.flop)
    scores = 2 * 3 * 5 * 7
    assert (found.kind, found.flop, found.functions) == (ATTENTION, 2 * 2 * 4 * scores, scores)
    assert noted(lambda: torch.bmm(query[0], other[0].mT))[0].flop == 2 * 4 * scores // 2


def test_bytes_that_must_move():
    x, row, i = torch.zeros(4, 8), torch.zeros(8), torch.tensor([1])
    assert noted(lambda: x.view(8, 4).t()) == []
    assert noted(lambda: torch.empty(4)) == []
    assert noted(lambda: x + row.expand(4, 8)) == [Operation(ELEMENTWISE, 32, 0, 4 * (32 + 8 + 32))]
    assert noted(lambda: x.add_(row)) == [Operation(ELEMENTWISE, 32, 0, 4 * (32 + 8 + 32))]
    assert noted(lambda: x.copy_(row)) == [Operation(COPIES, 0, 0, 4 * (8 + 32))]
    assert noted(lambda: x[:, ::2].contiguous()) == [Operation(COPIES, 0, 0, 4 * (16 + 16))]
    assert noted(lambda: x[i]) == [Operation(COPIES, 0, 0, 4 * (8 + 8) + 8)]  # one row of four, and its number
    assert noted(lambda: x.double()) == [Operation(COPIES, 0, 0, 32 * (4 + 8))]
    assert noted(lambda: x.mean()) == [Operation(NORMS, 32, 0, 4 * 33)]


@pytest.mark.parametrize("name", ["reconet", "gifnet"])
def test_products_are_those_of_the_methods_complexity(name):
    flop = sum(each.flop for each in operations_of(name, 64, 96) if each.kind in PRODUCTS)
    assert flop == 2 * find(name).complexity(64, 96).macs


def test_bounds_follow_the_formula():
    operations = [Operation(CONV3, 1000, 0, 20), Operation(MATRIX, 100, 0, 80), Operation(ATTENTION, 200, 50, 4),
                  Operation(ELEMENTWISE, 30, 30, 80), Operation(COPIES, 0, 0, 120)]
    memory = max(1000 / 50, 20 / 4) + max(1, 20) + max(2 + 5, 1) + max(.3 + 3, 20) + 30
    cache = max(1000 / 200, 20 / 40) + max(1, 2) + max(2 + 5, .1) + max(.3 + 3, 2) + 3
    products = 1000 / 200 + 1 + 2
    assert ROUND.bounds(operations) == pytest.approx((memory, cache, products))
    assert bound(operations[:1], dict.fromkeys(KINDS, inf), inf, 10) == 2


def test_rows_fit_their_headers():
    operations = [Operation(CONV3, 10**9, 0, 10**9), Operation(COPIES, 0, 0, 10**9)]
    row = cells("reconet", operations, ROUND, (None, 2e9, 1e9))
    assert row[:5] == ["ReCoNet", "1", "0", "2", "0.5"] and row[9] == "2.00" and row[-1].count("–") == 2
    kinds = kind_cells("reconet", operations, ROUND)
    assert len(kinds) == 1 + len(KINDS) and kinds.count("–") == len(KINDS) - 2
    lines = table(HEADER, [row]).splitlines()
    assert [line.count("|") for line in lines] == 3 * [len(HEADER) + 1]


def test_a_machine_is_measured(monkeypatch):
    for name, value in {"SIDE": 64, "PICTURE": (16, 24), "LARGE": 2**20}.items():
        monkeypatch.setattr(machine, name, value)
    assert all(0 < rate < inf for rate in vars(machine.measured(rounds=3)).values())

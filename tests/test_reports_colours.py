"""Fourteen methods, ours and the greys are told apart with normal sight and with deuteranopia (CIEDE2000)."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from reports.figures import style
from results.papers import load_paper

# Machado, Oliveira and Fernandes, 2009: deuteranopia, on linear sRGB
DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                         [-0.011820, 0.042940, 0.968881]])
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041]])
ENOUGH = 12.0  # neighbours in a legend are named apart from about 10 on


def lab(colour: str, deuteranopia: bool = False) -> np.ndarray:
    """CIELAB (D65) of "#rrggbb"."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if deuteranopia:
        linear = np.clip(DEUTERANOPIA @ linear, 0, 1)
    ratio = XYZ @ linear / np.array([0.95047, 1, 1.08883])
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(first: np.ndarray, second: np.ndarray) -> float:
    """Sharma, Wu and Dalal, 2005."""
    (l1, a1, b1), (l2, a2, b2) = first, second
    c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(c**7 / (c**7 + 25**7)))
    c1, c2 = np.hypot(a1 * (1 + g), b1), np.hypot(a2 * (1 + g), b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * (1 + g))) % 360 for a, b in ((a1, b1), (a2, b2)))
    dh = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0
    dl, dc, dhue = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = h1 + dh / 2 if c1 * c2 else h1 + h2
    t = (1 - 0.17 * np.cos(np.radians(h - 30)) + 0.24 * np.cos(np.radians(2 * h))
         + 0.32 * np.cos(np.radians(3 * h + 6)) - 0.20 * np.cos(np.radians(4 * h - 63)))
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * c, 1 + 0.015 * c * t
    turn = np.exp(-(((h % 360 - 275) / 25) ** 2))
    rt = -2 * np.sqrt(c**7 / (c**7 + 25**7)) * np.sin(np.radians(60 * turn))
    return float(np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dhue / sh) ** 2 + rt * (dc / sc) * (dhue / sh)))


@pytest.mark.parametrize(("first", "second", "expected"), [  # of the paper's table of test data
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425), ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644), ((50, 2.5, 0), (50, 0, -2.5), 4.3065)])
def test_the_formula_is_the_published_one(first, second, expected):
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("deuteranopia", [False, True])
def test_no_two_colours_look_alike(deuteranopia):
    colours = [*style._PALETTE, style.OURS, *style._FIXED.values()]
    assert len(style._PALETTE) == 14
    nearest = min((ciede2000(lab(a, deuteranopia), lab(b, deuteranopia)), a, b)
                  for a, b in itertools.combinations(colours, 2))
    assert nearest[0] > ENOUGH, nearest


def test_the_papers_methods_have_colours_of_the_palette():
    paper = load_paper("smfnet")
    assert {m.colour for m in paper.methods if not m.ours} <= set(style._PALETTE)

"""The guard: torchvision imports beside a CPU torch, ultralytics stays offline and inside its folder."""

import os
import subprocess
import sys

import pytest
import torch

from downstream import guard

SCRIPT = """
import sys
from pathlib import Path
from downstream.guard import fonts, prepare, torchvision_guard
prepare(Path(sys.argv[1]))
prepare(Path(sys.argv[1]))
assert not list(Path(sys.argv[1]).rglob("*.ttf"))
fonts()
fonts()
assert "torchvision" not in sys.modules
torchvision_guard()
torchvision_guard()
import torch, torchvision
boxes = torch.tensor([[0., 0, 10, 10], [1, 1, 10, 10], [20, 20, 30, 30]])
print(torchvision.ops.nms(boxes, torch.tensor([.5, .9, .1]), .5).tolist())
import ultralytics
from ultralytics.utils import ONLINE, USER_CONFIG_DIR
print(ONLINE, USER_CONFIG_DIR)
"""


def test_prepare_in_a_fresh_process(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "MPL"))}
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True,
                          env=environment, check=True)
    kept, offline = done.stdout.splitlines()[:2]
    assert kept == "[1, 2]"
    assert offline.startswith("False") and str(tmp_path) in offline
    for font in ("Arial.ttf", "Arial.Unicode.ttf"):
        assert (tmp_path / "Ultralytics" / font).stat().st_size > 100_000


def by_definition(boxes, scores, threshold):
    """Suppress a box when a kept one with a higher score overlaps it by more than the threshold."""
    kept = []
    for i in scores.argsort(descending=True, stable=True).tolist():
        x0, y0, x1, y1 = boxes[i].tolist()
        for j in kept:
            a0, b0, a1, b1 = boxes[j].tolist()
            inner = max(0.0, min(x1, a1) - max(x0, a0)) * max(0.0, min(y1, b1) - max(y0, b0))
            if inner / ((x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0) - inner) > threshold:
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_nms(threshold):
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(60, 2, generator=generator, dtype=torch.float64) * 50
    boxes = torch.cat([corner, corner + 5 + torch.rand(60, 2, generator=generator, dtype=torch.float64) * 30], 1)
    scores = torch.rand(60, generator=generator, dtype=torch.float64)
    assert guard._nms(boxes, scores, threshold).tolist() == by_definition(boxes, scores, threshold)


def test_nms_of_nothing():
    assert guard._nms(torch.zeros(0, 4), torch.zeros(0), 0.5).shape == (0,)

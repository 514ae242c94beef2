"""No-reference metrics of image quality by pyiqa, as variant "pyiqa": never a default, loaded when it is asked for.

    pip install "ivfbench[learned]"
    metrics.evaluate(fused, ir, vi, variant="pyiqa", metrics=["PIQE"])

They look at the fused picture alone and were made for photographs, not for fusion. All are better the lower.

    PIQE      runs offline: no weights
    NIQE      pyiqa downloads niqe_modelparameters.mat on first use
    BRISQUE   pyiqa downloads brisque_svm_weights.pth on first use

pyiqa ships no weights: every learned metric of it (MUSIQ, CLIP-IQA, LPIPS, DISTS, ...) needs a download too.
Chen, Mo, "IQA-PyTorch: PyTorch toolbox for image quality assessment", 2022.
"""

import importlib
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from metrics.registry import Definition, MetricError, register

VERSION = "0.1.16"
# name: (title, bounds); pyiqa's name is ours in lower case
METRICS = {
    "PIQE": ("Perception-based image quality evaluator", (0.0, 100.0)),
    "NIQE": ("Natural image quality evaluator", (0.0, math.inf)),
    "BRISQUE": ("Blind spatial quality evaluator", (-math.inf, math.inf)),
}


def quality(fused: np.ndarray, ir: np.ndarray, vi: np.ndarray, *, name: str) -> float:
    """One metric of float64 [H,W] in 0..255; the sources are not looked at.

    Raises MetricError when pyiqa is missing or broken, or cannot get the weights that the metric needs.
    """
    torch = importlib.import_module("torch")
    image = torch.from_numpy(fused / 255).float().expand(1, 3, *fused.shape)
    with torch.no_grad():
        return float(_metric(name)(image))


@lru_cache
def _metric(name: str) -> Callable[..., Any]:
    create = library().create_metric
    try:
        metric: Callable[..., Any] = create(name.lower(), device="cpu")
    except Exception as error:  # whatever its downloader raises
        raise MetricError(f"{name} (pyiqa): its weights are not here and could not be downloaded ({error}). Run it "
                          "once with a network, or leave it out; PIQE needs none") from error
    return metric


def library() -> Any:
    """The module pyiqa. Raises MetricError when it is not installed or cannot be imported."""
    try:
        return importlib.import_module("pyiqa")
    except ModuleNotFoundError as error:
        raise MetricError(f'variant pyiqa needs {error.name}, which is not installed: pip install "ivfbench[learned]"'
                          ) from error
    except Exception as error:  # torchvision that does not fit torch, for one
        raise MetricError(f"variant pyiqa: pyiqa cannot be imported ({error}); install torch and torchvision that fit "
                          "one another") from error


for metric_name, (metric_title, metric_bounds) in METRICS.items():
    # 16 pixels: below that no block of PIQE is left
    register(metric_name, title=metric_title, higher_is_better=False, function=quality, smallest=16, variants={
        "pyiqa": Definition(f"chaofengc/IQA-PyTorch v{VERSION} {metric_name.lower()}", metric_bounds,
                            {"name": metric_name})})

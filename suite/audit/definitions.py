"""Every definition a printed number may have: (variant, preparation), and its value for a set of pictures."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fusion import images
from metrics import evaluate, get, names, variants
from metrics.colour import grey
from metrics.toolboxes import toolbox

Images = tuple[np.ndarray, np.ndarray, np.ndarray]  # fused, ir, vi
Candidate = tuple[str, str]  # variant, preparation
OWN = "as the toolbox"
UNIT = "range 0..1"  # the formula itself is called: `evaluate` refuses such pictures, rightly
_GREYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rounded BT.601 grey": lambda picture: grey(picture, "luma"),
    "float grey": lambda picture: grey(picture.astype(np.float64), "luma"),
    "luma of YCrCb": lambda picture: images.split_ycbcr8(picture)[0],
    "MATLAB rgb2gray": lambda picture: grey(picture, "matlab")}
# What a definition may be multiplied with: metrics that add up over the two sources, and that count in bits.
_SUMS = frozenset({"MI", "VIF", "SSIM", "MS_SSIM", "SCD", "CC", "CE", "PSNR", "MSE"})
_LOGARITHMS = frozenset({"EN", "MI", "CE"})
_UNIT_RANGE = frozenset({"SD", "SF", "AG", "EI", "MSE", "RMSE", "PSNR"})
_SATURATING = frozenset({"SF", "MSE", "SCD"})


def values(metric: str, pictures: Images) -> dict[Candidate, float]:
    """Every definition's value for one fused picture and its sources, uint8 [H,W] or [H,W,3]; nan where undefined."""
    found: dict[Candidate, float] = {}
    known: dict[tuple[object, ...], float] = {}
    for variant in variants():
        if metric not in names(variant):
            continue
        for label, prepared in _prepared(metric, pictures):
            definition = get(metric, variant)
            # toolboxes that share a formula share its value, where no colour is left that they treat differently
            key = (label, definition.plain, repr(sorted(definition.definition.parameters.items())),
                   toolbox(variant) if any(picture.ndim == 3 for picture in prepared) else None)
            if key not in known:
                known[key] = (float(definition.function(*prepared)) if label == UNIT else
                              evaluate(*prepared, metrics=[metric], variant=variant, undefined="nan")[metric])
            for more, factor in _factors(metric):
                found[variant, " · ".join(filter(None, [label, more])) or OWN] = known[key] * factor
    if metric in _SATURATING:
        found["-", "uint8 arithmetic that saturates"] = _saturated(metric, pictures)
    return found


def mean(per_picture: Sequence[dict[Candidate, float]]) -> dict[Candidate, float]:
    """The definitions' means over the pictures of a data set, as tables print them."""
    return {candidate: math.fsum(of[candidate] for of in per_picture) / len(per_picture)
            for candidate in per_picture[0] if all(candidate in of for of in per_picture)}


def _prepared(metric: str, pictures: Images) -> Iterator[tuple[str, Images]]:
    """(preparation, pictures); "" as the toolbox does it. Grey pictures have one grey only."""
    yield "", pictures
    if any(picture.ndim == 3 for picture in pictures):
        for name, rule in _GREYS.items():
            fused, ir, vi = (rule(picture) if picture.ndim == 3 else picture for picture in pictures)
            yield name, (fused, ir, vi)
    if metric in _UNIT_RANGE:
        fused, ir, vi = (_grey(picture) / 255.0 for picture in pictures)
        yield UNIT, (fused, ir, vi)


def _factors(metric: str) -> Iterator[tuple[str, float]]:
    yield "", 1.0
    if metric in _SUMS:
        yield "mean instead of sum over the sources", 0.5
        yield "sum instead of mean over the sources", 2.0
    if metric in _LOGARITHMS:
        yield "nats instead of bits", math.log(2)
        yield "bits instead of nats", 1 / math.log(2)


def _grey(picture: np.ndarray) -> np.ndarray:
    return grey(picture, "luma") if picture.ndim == 3 else picture


def _saturated(metric: str, pictures: Images) -> float:
    """A metric in MATLAB's uint8 arithmetic, where a difference below 0 is 0."""
    fused, ir, vi = (_grey(picture).astype(np.float64) for picture in pictures)
    if metric == "SF":
        rows, columns = (np.maximum(np.diff(fused, axis=axis), 0) for axis in (0, 1))
        return float(np.sqrt((rows**2).mean() + (columns**2).mean()))
    if metric == "MSE":
        # the square saturates too: at most 255
        return float(np.mean([np.minimum(np.maximum(of - fused, 0)**2, 255).mean() for of in (ir, vi)]))
    return _correlation(np.maximum(fused - vi, 0), ir) + _correlation(np.maximum(fused - ir, 0), vi)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm else math.nan

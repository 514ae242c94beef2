"""Score real methods with every metric of every variant: means, rank correlations and winners for the authors' guide.

    python tools/metrics_over_methods.py DATA FUSED      # FUSED/<data set>/<method>/<pair>.png, DATA as for a run
    python tools/metrics_over_methods.py DATA FUSED --datasets tno --variants vifb,smfnet

Writes docs/metrics/methods.csv (mean of every definition over the pictures that all methods have) and
docs/metrics/correlations.csv (Spearman's rank correlation of two definitions over the methods, worse to better,
averaged over the pictures; the two sources, visible and infrared, are no methods there). A definition that toolboxes
share is listed under the first of them. docs/metrics-calibration.md is made from both files.
"""

import argparse
import csv
import itertools
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import stats

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

import metrics  # noqa: E402  (needs the path above)
from fusion.pairs import open_pairs  # noqa: E402

FOLDER = ROOT / "docs" / "metrics"
SOURCES = ("visible", "infrared")
Key = tuple[str, str]  # (variant, metric)
Values = dict[Key, dict[str, np.ndarray]]  # -> method -> value of every picture


def picture(path: Path) -> np.ndarray:
    """uint8 [H,W] or [H,W,3]."""
    with Image.open(path) as image:
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))


def distinct(variants: Iterable[str]) -> dict[str, list[str]]:
    """variant -> its metrics, but for definitions that an earlier variant shares."""
    seen: set[int] = set()
    found: dict[str, list[str]] = {}
    for variant in variants:
        for name in metrics.names(variant):
            definition = id(metrics.get(name, variant).definition)
            if definition not in seen:
                found.setdefault(variant, []).append(name)
            seen.add(definition)
    return found


def scored(data: Path, fused: Path, dataset: str, variants: Iterable[str], most: int) -> Values:
    """Every metric of the first `most` pictures that all methods have."""
    methods = sorted(path.name for path in (fused / dataset).iterdir())
    pairs = [pair for pair in open_pairs(dataset, data).pairs
             if all((fused / dataset / method / f"{pair.id}.png").is_file() for method in methods)][:most]
    asked = distinct(variants)
    found: dict[Key, dict[str, list[float]]] = {}
    for pair in pairs:
        ir, vi = pair.read8()
        for variant, names in asked.items():
            scorer = metrics.Scorer(ir, vi, variant=variant, metrics=names, undefined="nan")
            for method in methods:
                for name, value in scorer.score(picture(fused / dataset / method / f"{pair.id}.png")).items():
                    found.setdefault((variant, name), {}).setdefault(method, []).append(value)
        print(dataset, pair.id, flush=True)
    return {key: {method: np.array(values) for method, values in of.items()} for key, of in found.items()}


def merits(key: Key, values: dict[str, np.ndarray]) -> np.ndarray:
    """Values of the methods, higher is better: float [pictures, methods]."""
    variant, name = key
    metric = metrics.get(name, variant)
    table = np.stack([of for method, of in values.items() if method not in SOURCES], axis=1)
    if metric.target is not None:
        return -abs(table - metric.target)
    return table if metric.higher_is_better else -table


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over the pictures of Spearman's correlation; pictures on which a metric is undefined or ties all are out."""
    found = [float(stats.spearmanr(a, b).statistic) for a, b in zip(first, second)
             if np.isfinite(a).all() and np.isfinite(b).all() and np.ptp(a) and np.ptp(b)]
    return float(np.mean(found)) if found else math.nan


def write(name: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("fused", type=Path)
    parser.add_argument("--datasets", default="tno,roadscene")
    parser.add_argument("--variants", help="comma-separated (default: all)")
    parser.add_argument("--pairs", type=int, default=25, help="of each data set, the first ones")
    options = parser.parse_args()
    variants = options.variants.split(",") if options.variants else metrics.variants()
    means: list[tuple[object, ...]] = []
    correlations: dict[tuple[Key, Key], list[str]] = {}
    datasets = options.datasets.split(",")
    for dataset in datasets:
        values = scored(options.data, options.fused, dataset, variants, options.pairs)
        for key, of in values.items():
            means += [(dataset, *key, method, len(found), f"{np.mean(found):.6g}") for method, found in of.items()]
        ranked = {key: merits(key, of) for key, of in values.items()}
        for one, other in itertools.combinations(ranked, 2):
            correlations.setdefault((one, other), []).append(f"{correlation(ranked[one], ranked[other]):.2f}")
    write("methods.csv", ("dataset", "variant", "metric", "method", "pictures", "mean"), means)
    write("correlations.csv", ("variant", "metric", "other_variant", "other_metric", *datasets),
          ((*one, *other, *found) for (one, other), found in correlations.items()))


if __name__ == "__main__":
    main()

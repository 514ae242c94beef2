"""Write docs/metrics-calibration.md: every metric and variant, and our values beside the authors' evaluator's.

    python docs/metrics_calibration.py REFERENCE           # REFERENCE/golden/metrics holds the triples and values.csv
    python docs/metrics_calibration.py REFERENCE --check   # only say whether the page is up to date
"""

import argparse
import csv
import math
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

import metrics  # noqa: E402  (needs the path above)

PAGE = ROOT / "docs" / "metrics-calibration.md"
BOUNDS = ROOT / "tests" / "golden" / "metrics" / "bounds.csv"
# The goldens' names for definitions that are other variants' here.
VARIANTS_OF = {"AG_half": ("AG", ["cddfuse"]), "SSIM_range2": ("SSIM", ["smfnet-ablation", "cddfuse"])}
SIDE_BY_SIDE = "tno01_smfnet"

HEAD = """# Calibration of the fusion metrics

Written by `python docs/metrics_calibration.py`; do not edit. A fusion metric is a name **and** a variant: toolboxes
give different numbers for one name. This page says which definitions are here, and how our values compare with those of
the authors' evaluator on ten image triples.

## Definitions

"smallest" is the smallest height and width in pixels. Formulas are in `metrics/definitions/`, one file per metric.

| metric | variant | better | range | smallest | defined by |
|---|---|---|---|---|---|
"""
AGREEMENT = """
## Agreement

Largest relative difference over the ten triples between our value and the reference value, which the authors'
evaluator computed from float32 images. The bound is 1e-6 unless a reason is given; on float64 images the usual scipy,
scikit-learn and scikit-image evaluator gives our values to 1e-9 (tests/test_metrics_definitions.py). For vifb and tang,
MATLAB toolboxes, there are no reference values: the same file holds them to independent implementations.

| metric | variant | largest difference | bound | why not 1e-6 |
|---|---|---|---|---|
"""
SIDES = """
## One picture, five definitions

Our values on {triple}. An en dash: the toolbox has no such metric.

| metric | {variants} |
|---|{rules}|
"""
VALUES = """
## Every value

| triple | metric | variant | reference | ours | relative difference |
|---|---|---|---|---|---|
"""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def grey(path: Path) -> np.ndarray:
    """As the authors read every image: float32 luma by OpenCV, rounded half to even."""
    return np.round(cv2.cvtColor(cv2.imread(str(path)).astype("float32"), cv2.COLOR_BGR2GRAY))


def difference(ours: float, reference: float) -> float:
    """Relative difference; 0 for equal values, nan included, and infinite where only one of them is 0 or not finite."""
    if ours == reference or (math.isnan(ours) and math.isnan(reference)):
        return 0.0
    return abs(ours - reference) / abs(reference) if reference and math.isfinite(reference) else math.inf


def small(value: float) -> str:
    """One digit, and none below 1e-9, where processors differ."""
    return "< 1e-9" if value < 1e-9 else f"{value:.0e}"


def compare(folder: Path) -> list[tuple[str, str, str, str, float, float]]:
    """(triple, golden name, metric, variant, reference, ours) in the goldens' order."""
    found, images = [], {}
    for row in rows_of(folder / "values.csv"):
        triple, name = row["triple"], row["metric"]
        if triple not in images:
            images[triple] = [grey(next((folder / triple).glob(f"{role}.*"))) for role in ("fused", "ir", "vi")]
        metric, variants = VARIANTS_OF.get(name, (name, ["smfnet"]))
        for variant in variants:
            ours = metrics.evaluate(*images[triple], metrics=[metric], variant=variant)[metric]
            found.append((triple, name, metric, variant, float(row["value"]), ours))
    return found


def side_by_side(folder: Path) -> str:
    images = [grey(folder / SIDE_BY_SIDE / f"{role}.png") for role in ("fused", "ir", "vi")]
    scores = {variant: metrics.evaluate(*images, variant=variant) for variant in metrics.variants()}
    text = SIDES.format(triple=SIDE_BY_SIDE, variants=" | ".join(scores), rules="---|" * (len(scores) - 1) + "---")
    for name in metrics.names():
        cells = (f"{values[name]:.6g}" if name in values else "–" for values in scores.values())
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text


def page(folder: Path) -> str:
    text = [HEAD]
    for name in metrics.names():
        for variant in (variant for variant in metrics.variants() if name in metrics.names(variant)):
            metric = metrics.get(name, variant)
            low, high = (f"{bound:.4g}".replace("inf", "∞").replace("-", "−") for bound in metric.bounds)
            text.append(f"| {name} | {variant} | {metric.arrow} | {low} … {high} | {metric.smallest} "
                        f"| {metric.source} |\n")
    compared = compare(folder)
    looser = {row["metric"]: row for row in rows_of(BOUNDS)}
    text.append(AGREEMENT)
    for golden in dict.fromkeys(entry[1] for entry in compared):
        entries = [entry for entry in compared if entry[1] == golden]
        largest = small(max(difference(ours, reference) for *_, reference, ours in entries))
        variants = ", ".join(dict.fromkeys(entry[3] for entry in entries))
        bound = looser.get(golden, {"bound": "1e-6", "reason": ""})
        text.append(f"| {entries[0][2]} | {variants} | {largest} | {bound['bound']} | {bound['reason']} |\n")
    text += [side_by_side(folder), VALUES]
    for triple, _, metric, variant, reference, ours in compared:
        text.append(f"| {triple} | {metric} | {variant} | {reference:.10g} | {ours:.10g} | "
                    f"{small(difference(ours, reference))} |\n")
    return "".join(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, help="folder that holds golden/metrics")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")
    options = parser.parse_args()
    folder = options.reference / "golden" / "metrics"
    if not (folder / "values.csv").is_file():
        parser.error(f"{folder / 'values.csv'}: no such file; name the folder that holds golden/metrics")
    text = page(folder)
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE.relative_to(ROOT)} is out of date; run python docs/metrics_calibration.py {options.reference}")


if __name__ == "__main__":
    main()

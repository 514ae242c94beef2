"""Score VIFB's own fused pictures with variant vifb and count which of its published values come out.

    python tools/vifb_published.py CHECKOUT              # a checkout of xingchenzhang/VIFB
    python tools/vifb_published.py CHECKOUT --metrics EN,SD --methods ADF,CBF

VIFB publishes, beside its pictures, 25 methods x 21 pairs x 13 metrics, five significant digits each. A value is
reproduced when ours, printed with five digits, is the same text. Writes docs/metrics/vifb_published.csv, method by
method and metric by metric: how many of the 21 are reproduced, and the largest relative difference. With --metrics or
--methods only those rows are replaced. docs/metrics-calibration.md takes its table from there.
"""

import argparse
import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

import metrics  # noqa: E402  (needs the path above)

COUNTS = ROOT / "docs" / "metrics" / "vifb_published.csv"
Values = list[tuple[float, float]]  # (published, ours)
COLUMNS = ("method", "metric", "pairs", "reproduced", "largest_difference")
# our name -> what the published files are called
FILES = {"CE": "Cross_entropy", "EN": "Entropy", "MI": "Mutinf", "PSNR": "Psnr", "AG": "Avg_gradient",
         "EI": "Edge_intensity", "Qabf": "Qabf", "SD": "Variance", "SF": "Spatial_frequency", "RMSE": "Rmse",
         "SSIM": "Ssim", "Qcb": "Qcb", "Qcv": "Qcv"}


def picture(path: Path) -> np.ndarray:
    """uint8 [H,W] or [H,W,3]."""
    with Image.open(path) as image:
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))


def pair_names(checkout: Path) -> list[str]:
    return sorted(path.stem for path in (checkout / "input" / "VI").iterdir())


def method_names(checkout: Path) -> list[str]:
    first, folder = pair_names(checkout)[0], checkout / "output" / "fused_images"
    return sorted(path.stem.removeprefix(f"{first}_") for path in folder.glob(f"{first}_*"))


def compare(checkout: Path, methods: Iterable[str], names: list[str]) -> dict[tuple[str, str], Values]:
    """(method, metric) -> (published, ours) of every pair."""
    found: dict[tuple[str, str], Values] = {(method, name): [] for method in methods for name in names}
    for pair in pair_names(checkout):
        ir, vi = (picture(checkout / "input" / role / f"{pair}.jpg") for role in ("IR", "VI"))
        scorer = metrics.Scorer(ir, vi, variant="vifb", metrics=names)
        for method in dict.fromkeys(method for method, _ in found):
            values = scorer.score(picture(checkout / "output" / "fused_images" / f"{pair}_{method}.jpg"))
            for name, ours in values.items():
                text = checkout / "output" / "evaluation_metrics_single" / f"{pair}_{method}_{FILES[name]}.txt"
                found[method, name].append((float(text.read_text()), ours))
        print(pair, flush=True)
    return found


def row(method: str, metric: str, values: Values) -> dict[str, str]:
    same = sum(f"{published:.5g}" == f"{ours:.5g}" for published, ours in values)
    largest = max(abs(ours / published - 1) for published, ours in values)
    return dict(zip(COLUMNS, (method, metric, str(len(values)), str(same), f"{largest:.1e}")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="a checkout of xingchenzhang/VIFB with input/ and output/")
    parser.add_argument("--metrics", help="comma-separated (default: all that are registered)")
    parser.add_argument("--methods", help="comma-separated (default: all of VIFB's)")
    options = parser.parse_args()
    if not (options.checkout / "output" / "evaluation_metrics_single").is_dir():
        parser.error(f"{options.checkout}: no output/evaluation_metrics_single; name a checkout of xingchenzhang/VIFB")
    names = options.metrics.split(",") if options.metrics else list(metrics.names("vifb"))
    methods = options.methods.split(",") if options.methods else method_names(options.checkout)
    rows = {}
    if COUNTS.exists():
        with COUNTS.open(encoding="utf-8") as handle:
            rows = {(of["method"], of["metric"]): of for of in csv.DictReader(handle)}
    for key, values in compare(options.checkout, methods, names).items():
        rows[key] = row(*key, values)
    with COUNTS.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))
    print(f"{sum(int(of['reproduced']) for of in rows.values())} of {sum(int(of['pairs']) for of in rows.values())} "
          f"published values reproduced; written to {COUNTS.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

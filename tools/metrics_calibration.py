"""Write docs/metrics-calibration.md: every definition, and our values beside those of the toolboxes.

    python tools/metrics_calibration.py REFERENCE           # REFERENCE/golden: triples and toolboxes' values
    python tools/metrics_calibration.py REFERENCE --check   # only say whether the page is up to date

Also writes docs/metrics/calibration.csv, the same value by value. The guide comes from docs/metrics/methods.csv and
docs/metrics/correlations.csv (tools/metrics_over_methods.py), VIFB's published values from
docs/metrics/vifb_published.csv (tools/vifb_published.py).
"""

import argparse
import csv
import io
import math
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

import metrics  # noqa: E402  (needs the path above)
from metrics.toolboxes import TOOLBOXES, toolbox  # noqa: E402
from tools import metrics_guide  # noqa: E402

PAGE = ROOT / "docs" / "metrics-calibration.md"
TABLE = ROOT / "docs" / "metrics" / "calibration.csv"
GOLDEN = ROOT / "tests" / "golden" / "metrics"
SIDE_BY_SIDE = "tno01_smfnet"

HEAD = """# Calibration of the fusion metrics

Written by `python tools/metrics_calibration.py`; do not edit. A fusion metric is a name **and** a variant: toolboxes
give different numbers for one name. This page says which of them to report, which definitions are here, and how our
values compare with what the toolboxes themselves return on ten image triples.

"""
VARIANTS = """
## Variants

`metrics.evaluate(fused, ir, vi, variant="vifb")` returns a toolbox's own list, in its own order, under its conventions.
Grey pictures are taken as they are. Colour: *luma* is OpenCV's, rounded; *matlab* rgb2gray; *pillow* convert("L");
*channels* the metric of each channel, averaged (VIFB's SF sees the channels side by side as one picture, so two seams
count; MEFB's MEF-SSIM is in grey). Variant `pyiqa` (NIQE, BRISQUE, PIQE; `pip install "ivfbench[learned]"`) is loaded
when it is asked for and not listed: PIQE runs offline, the others' weights are downloaded by pyiqa on first use.

| variant | colour | metrics, in the toolbox's order |
|---|---|---|
"""
DEFINITIONS = """
## Definitions

One line per definition; where toolboxes agree they share it. "smallest" is the smallest height and width in pixels.
Formulas are in `metrics/definitions/`.

| metric | variants | better | range | smallest | defined by |
|---|---|---|---|---|---|
"""
MATRIX = """
## Metric by toolbox

On {triple}: the toolbox's value / ours / relative difference. Ours alone where the toolbox gave none (too slow, or in
need of what Octave lacks). The toolboxes ran on rounded grey, so colour plays no part here.

| metric | {variants} |
|---|{rules}|
"""
AGREEMENT = """
## Agreement

Over all triples: how many values of a toolbox are compared, the largest relative difference of ours, the bound that
tests/test_metrics_toolboxes.py holds it to, and why it is looser than 1e-9 where it is. Value by value:
[metrics/calibration.csv](metrics/calibration.csv).

| toolbox | its name | ours | values | largest difference | bound | why not 1e-9 |
|---|---|---|---|---|---|---|
"""
EXCEPTIONS = """
{count} single values are out of that table, since rounding rules them and no other program can reach them; an empty
bound means that the value cannot be compared at all:

| triple | toolbox | its name | its value | ours | bound | why |
|---|---|---|---|---|---|---|
"""
WITHOUT = """
Values without a definition here:

| toolbox | metrics | why |
|---|---|---|
"""
PUBLISHED = """
## VIFB's published values

VIFB (xingchenzhang/VIFB@22b2ea9) publishes its fused pictures and, for 25 methods and 21 colour pairs, every metric
with five significant digits. Scored here with variant `vifb` (tools/vifb_published.py): {same} of {all} values come out
in every printed digit, among them all of {exact} methods. The pictures shipped for the others are not those that were
scored. A run on the same pictures, `run_all.py --suite ivf --variant vifb --methods adf=FOLDER,...` with the thirteen
metrics named in `--metrics`, counts the same.

| method | values | reproduced | largest relative difference |
|---|---|---|---|
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


class Compared:
    """Our values of the triples, and the toolboxes' values with the definition that each belongs to."""

    def __init__(self, folder: Path):
        self._folder = folder / "metrics"
        self._ours: dict[tuple[str, str], dict[str, float]] = {}
        self.rules = {(row["toolbox"], row["golden"]): row for row in rows_of(GOLDEN / "toolbox_metrics.csv")}
        self.exceptions = {(row["triple"], row["toolbox"], row["golden"]): row
                           for row in rows_of(GOLDEN / "toolbox_exceptions.csv")}
        self.rows = rows_of(folder / "toolboxes" / "toolboxes.csv")

    def ours(self, triple: str, variant: str) -> dict[str, float]:
        if (triple, variant) not in self._ours:
            images = [grey(next((self._folder / triple).glob(f"{role}.*"))) for role in ("fused", "ir", "vi")]
            self._ours[triple, variant] = metrics.evaluate(*images, variant=variant, undefined="nan")
        return self._ours[triple, variant]

    def values(self, of: str, golden: str) -> list[tuple[str, float, float]]:
        """(triple, the toolbox's value, ours) of one metric of a toolbox."""
        rule = self.rules[of, golden]
        return [(row["triple"], float(row["value"]), self.ours(row["triple"], rule["variant"])[rule["metric"]])
                for row in self.rows if (row["toolbox"], row["metric"]) == (of, golden)]


def variants_table() -> str:
    return VARIANTS + "".join(f"| {variant} | {toolbox(variant).colour} | {', '.join(metrics.names(variant))} |\n"
                              for variant in metrics.variants())


def definitions_table() -> str:
    shared: dict[int, list[metrics.Metric]] = {}
    for variant in metrics.variants():
        for name in metrics.names(variant):
            metric = metrics.get(name, variant)
            shared.setdefault(id(metric.definition), []).append(metric)
    text = [DEFINITIONS]
    for found in sorted(shared.values(), key=lambda found: found[0].name.lower()):
        low, high = (f"{bound:.4g}".replace("inf", "∞").replace("-", "−") for bound in found[0].bounds)
        names = " = ".join(dict.fromkeys(metric.name for metric in found))
        sources = "; ".join(dict.fromkeys(metric.source for metric in found))
        text.append(f"| {names} | {', '.join(metric.variant for metric in found)} | {found[0].arrow} | {low} … {high} "
                    f"| {found[0].smallest} | {sources} |\n")
    return "".join(text)


def matrix(compared: Compared) -> str:
    variants = [variant for variant in metrics.variants() if variant in TOOLBOXES]
    theirs = {(rule["metric"], rule["variant"]): (triple_value, rule) for rule in compared.rules.values()
              if rule["variant"] for triple, triple_value, _ in compared.values(rule["toolbox"], rule["golden"])
              if triple == SIDE_BY_SIDE}
    rules = "---|" * (len(variants) - 1) + "---"
    text = [MATRIX.format(triple=SIDE_BY_SIDE, variants=" | ".join(variants), rules=rules)]
    every = {name for variant in variants for name in metrics.names(variant)}
    for name in sorted(every, key=lambda name: (name.lower(), name)):
        cells = []
        for variant in variants:
            ours = compared.ours(SIDE_BY_SIDE, variant).get(name)
            if ours is None:
                cells.append("–")
            elif (name, variant) in theirs:
                reference, rule = theirs[name, variant]
                digits = 6 if rule["bound"] == "1e-9" else 4
                cells.append(f"{reference:.{digits}g} / {ours:.{digits}g} / {small(difference(ours, reference))}")
            else:
                cells.append(f"{ours:.6g}")
        text.append(f"| {name} | {' | '.join(cells)} |\n")
    return "".join(text)


def agreement(compared: Compared) -> str:
    text, without = [AGREEMENT], {}
    for (of, golden), rule in compared.rules.items():
        if not rule["variant"]:
            without.setdefault((of, rule["reason"]), []).append(golden)
            continue
        values = [(reference, ours) for triple, reference, ours in compared.values(of, golden)
                  if (triple, of, golden) not in compared.exceptions]
        floor = float(rule["floor"])
        largest = max(0.0 if abs(ours - reference) <= floor else difference(ours, reference)
                      for reference, ours in values)
        absolutely = f", or {rule['floor']} absolutely" if floor else ""
        text.append(f"| {of} | {golden} | {rule['metric']} ({rule['variant']}) | {len(values)} | {small(largest)} "
                    f"| {rule['bound']}{absolutely} | {rule['reason']} |\n")
    text.append(EXCEPTIONS.format(count=len(compared.exceptions)))
    for (triple, of, golden), row in compared.exceptions.items():
        reference, ours = next(values[1:] for values in compared.values(of, golden) if values[0] == triple)
        near = "processors differ" if row["processors"] else f"{ours:.3g}"
        text.append(f"| {triple} | {of} | {golden} | {reference:.3g} | {near} | {row['bound']} | {row['reason']} |\n")
    text.append(WITHOUT)
    text += [f"| {of} | {', '.join(names)} | {reason} |\n" for (of, reason), names in without.items()]
    return "".join(text)


def published() -> str:
    counts: dict[str, list[dict[str, str]]] = {}
    for row in rows_of(ROOT / "docs" / "metrics" / "vifb_published.csv"):
        counts.setdefault(row["method"], []).append(row)
    totals = {method: [sum(int(row[column]) for row in rows) for column in ("pairs", "reproduced")]
              for method, rows in counts.items()}
    text = [PUBLISHED.format(all=sum(of for of, _ in totals.values()), same=sum(same for _, same in totals.values()),
                             exact=sum(of == same for of, same in totals.values()))]
    for method, (of, same) in sorted(totals.items(), key=lambda item: item[0].lower()):
        largest = max(float(row["largest_difference"]) for row in counts[method])
        text.append(f"| {method} | {of} | {same} | {largest:.0e} |\n")
    return "".join(text)


def value_by_value(compared: Compared) -> str:
    """docs/metrics/calibration.csv; ours with fewer digits where no program can be nearer, without where processors
    differ."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("triple", "toolbox", "name", "metric", "variant", "reference", "ours", "difference"))
    for (of, golden), rule in compared.rules.items():
        if not rule["variant"]:
            continue
        for triple, reference, ours in compared.values(of, golden):
            exception = compared.exceptions.get((triple, of, golden), {})
            digits = 10 if rule["bound"] == "1e-9" and not exception else 3
            if reference != ours and abs(ours - reference) <= float(rule["floor"]):
                ours, apart = reference, f"< {rule['floor']} absolutely"
            else:
                apart = small(difference(ours, reference))
            near = f"{ours:.{digits}g}"
            if exception.get("processors"):
                near, apart = "", f"within {exception['bound']}"
            writer.writerow((triple, of, golden, rule["metric"], rule["variant"], f"{reference:.10g}", near, apart))
    return text.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, help="folder that holds golden/metrics and golden/toolboxes")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is out of date")
    options = parser.parse_args()
    folder = options.reference / "golden"
    if not (folder / "toolboxes" / "toolboxes.csv").is_file():
        parser.error(f"{folder / 'toolboxes' / 'toolboxes.csv'}: no such file; name the folder that holds golden/")
    compared = Compared(folder)
    page = (HEAD + metrics_guide.guide(ROOT / "docs" / "metrics") + variants_table() + definitions_table()
            + matrix(compared) + agreement(compared) + published())
    for path, text in ((PAGE, page), (TABLE, value_by_value(compared))):
        if not options.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.relative_to(ROOT)} is out of date; run python tools/metrics_calibration.py "
                     f"{options.reference}")


if __name__ == "__main__":
    main()

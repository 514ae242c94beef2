"""The authors' guide in docs/metrics-calibration.md: what to report, what is redundant, what flips winners.

Made from docs/metrics/methods.csv and docs/metrics/correlations.csv, which tools/metrics_over_methods.py writes.
"""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

import metrics

SOURCES = ("visible", "infrared")
ALIKE, OPPOSED = 0.9, -0.5
Key = tuple[str, str]  # (variant, metric)

TEXT = """## Which metrics to report

No metric of fusion measures quality: each measures one thing, and a method can be tuned for any one of them. What
helps a reader, and a reviewer, is one metric per question, a named variant for each, and the sources as rows.

| question | report | why this one |
|---|---|---|
| How much of the sources' information is kept? | MI, VIF | in nearly every table; say the unit of MI (nats or bits) |
| Are their edges kept? | Qabf | the toolboxes agree on it, but for pictures in 0..1 (`huili`) |
| Is their structure kept? | SSIM | never without its variant: range, window and sum differ, see below |
| Are edges invented? | Nabf | lower is better; the one that punishes sharpening, which AG, SF and EI reward |
| Is what was added the other source's? | SCD | agrees between toolboxes |
| Contrast and sharpness of the result alone | EN, SD, AG or SF | they never look at the sources: noise raises all |
| Do people see it so? | Qcb, Qcv (lower) | VIFB's two, for a benchmark table of its kind |

Reviewers who know the Hui Li line of papers ask for FMI, MS-SSIM (MEF-SSIM in truth) and Nabf; those who know VIFB or
MEFB for CE, EI, RMSE, Qcb and Qcv; multi-exposure and multi-focus reviewers for Liu's Q_G, Q_M, Q_S, Q_Y, Q_P and Q_CB.
RMSE of VIFB shrinks with the size of the picture, Q_TE is unbounded, zoo's CE is no measure: leave them out elsewhere.
MSE, and PSNR with a fixed peak, are best for the plain average of the sources by construction.

The numbers below are our own: {methods}
on {sets}. Sources are scored but left out of ranks and winners. So few methods
say which metrics can disagree, not how often they do.

### Redundant

Spearman's rank correlation over these methods, picture by picture, averaged over pictures and data sets; metrics turned
so that higher is better, each by its first definition. Of metrics in one line one is enough (all pairs at least
{alike}):

{groups}

Metrics that contradict one another (at most {opposed}), so that a table can be bent by choosing:

| one | other | correlation |
|---|---|---|
{contradictions}
### Toolboxes that flip winners

One name, several definitions: their lowest rank correlation with one another, and the method that each puts first.
Names whose definitions all agree on the winners of all data sets are not listed.

| metric | lowest correlation | data set | winner by definition |
|---|---|---|---|
{flips}"""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def family(name: str) -> str:
    """Names of one metric in several toolboxes: Qc and Q_C, QNCIE and Q_NCIE."""
    found = name.replace("_", "").upper()
    return {"TE": "QTE", "QTECVEJIC": "QTE", "QTENAVA": "QTE", "QMI": "NMI", "FMI": "FMIPIXEL"}.get(found, found)


class Study:
    """Means of the methods, and rank correlations of definitions, as committed."""

    def __init__(self, folder: Path):
        self.means: dict[tuple[str, Key], dict[str, float]] = {}  # (data set, definition) -> method -> mean
        self.pictures: dict[str, int] = {}
        for row in rows_of(folder / "methods.csv"):
            key = row["dataset"], (row["variant"], row["metric"])
            self.means.setdefault(key, {})[row["method"]] = float(row["mean"])
            self.pictures[row["dataset"]] = int(row["pictures"])
        self.correlation: dict[frozenset[Key], float] = {}
        for row in rows_of(folder / "correlations.csv"):
            found = [float(row[dataset]) for dataset in self.pictures]
            pair = frozenset({(row["variant"], row["metric"]), (row["other_variant"], row["other_metric"])})
            self.correlation[pair] = fmean(found)
        self.definitions = list(dict.fromkeys(key for _, key in self.means))
        self.methods = [method for method in next(iter(self.means.values())) if method not in SOURCES]

    def of(self, one: Key, other: Key) -> float:
        return self.correlation.get(frozenset({one, other}), math.nan)

    def winner(self, dataset: str, key: Key) -> str | None:
        """The best method by the mean; None where the metric is undefined for all."""
        metric = metrics.get(key[1], key[0])

        def merit(method: str) -> float:
            value = self.means[dataset, key][method]
            if math.isnan(value):
                return -math.inf
            if metric.target is not None:
                return -abs(value - metric.target)
            return value if metric.higher_is_better else -value

        best = max(self.methods, key=merit)
        return best if merit(best) > -math.inf else None


def first_definitions(study: Study) -> list[Key]:
    """One definition of each family of names, the first."""
    found: dict[str, Key] = {}
    for key in study.definitions:
        found.setdefault(family(key[1]), key)
    return list(found.values())


def label(key: Key) -> str:
    return f"{key[1]} ({key[0]})"


def groups(study: Study, keys: Iterable[Key]) -> list[list[Key]]:
    """Metrics that all correlate with one another, greedily, largest groups first; single ones are left out."""
    found: list[list[Key]] = []
    for key in keys:
        home = next((of for of in found if all(study.of(key, other) >= ALIKE for other in of)), None)
        if home is None:
            found.append([key])
        else:
            home.append(key)
    return sorted((of for of in found if len(of) > 1), key=len, reverse=True)


def contradictions(study: Study, keys: list[Key]) -> list[tuple[Key, Key, float]]:
    pairs = [(one, other, study.of(one, other)) for place, one in enumerate(keys) for other in keys[place + 1:]]
    return sorted((pair for pair in pairs if pair[2] <= OPPOSED), key=lambda pair: pair[2])


def flips(study: Study) -> list[str]:
    families: dict[str, list[Key]] = {}
    for key in study.definitions:
        families.setdefault(family(key[1]), []).append(key)
    lines = []
    for keys in families.values():
        if len(keys) == 1:
            continue
        lowest = min((study.of(one, other) for place, one in enumerate(keys) for other in keys[place + 1:]),
                     key=lambda value: math.inf if math.isnan(value) else value)
        for dataset in study.pictures:
            winners: dict[str, list[str]] = {}
            for key in keys:
                if (best := study.winner(dataset, key)) is not None:
                    winners.setdefault(best, []).append(label(key))
            if len(winners) > 1:
                cells = "; ".join(f"**{method}**: {', '.join(names)}" for method, names in winners.items())
                lines.append(f"| {keys[0][1]} | {lowest:.2f} | {dataset} | {cells} |\n")
    return lines


def guide(folder: Path) -> str:
    study = Study(folder)
    keys = first_definitions(study)
    return TEXT.format(
        methods=", ".join(study.methods), sets=" and ".join(f"{of} ({n} pairs)" for of, n in study.pictures.items()),
        alike=ALIKE, opposed=f"−{-OPPOSED}",
        groups="\n".join(f"* {', '.join(map(label, of))}" for of in groups(study, keys)),
        contradictions="".join(f"| {label(one)} | {label(other)} | {value:.2f} |\n"
                               for one, other, value in contradictions(study, keys)),
        flips="".join(flips(study)))

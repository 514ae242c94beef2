"""`run_all.py compare OUT1 OUT2`: what differs in what two runs were made of, then in their rows.

Pure functions of two loaded runs; `load_run` is the only one that reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import IvfbenchError
from results.records import RecordError, ResultRecord, RunRecord, WeightRecord, read_result, read_run
from results.rows import ADDRESS, read_csv
from suite.errors import UserError

# Between two orders of summation in float64 (and in a float32 network whose picture is rounded to 8 bits afterwards)
# a metric moves by some units of its last place, about 1e-15 relative; one pixel by one level moves it by more than
# 1e-8. What stays below is noise, whatever is above has another picture, another definition or another input.
NOISE = 1e-9
SHOWN = 10
_ENVIRONMENT = ("python", "platform", "threads", "device")


@dataclass(frozen=True)
class LoadedRun:
    """A run as it is compared. results: address -> what the unit left. environments: where its units were made."""

    record: RunRecord
    rows: pd.DataFrame
    results: Mapping[tuple[str, ...], ResultRecord]


@dataclass(frozen=True)
class Comparison:
    """inputs: sentences, what decides numbers first; environment: what should not change them.

    rows: the union of both runs' rows with columns one, other, off (|one - other|) and state ("equal", "noise",
    "different", "only one", "only other").
    """

    inputs: tuple[str, ...]
    environment: tuple[str, ...]
    rows: pd.DataFrame

    def count(self, *states: str) -> int:
        return int(self.rows["state"].isin(states).sum())

    @property
    def equal(self) -> bool:
        """Whether every row is in both and no value differs by more than float noise."""
        return self.count("equal", "noise") == len(self.rows)

    @property
    def worst(self) -> pd.DataFrame:
        """The rows that differ, the largest relative difference first; those of one run only before them."""
        differing = self.rows[~self.rows["state"].isin(("equal", "noise"))]
        return differing.sort_values("relative", ascending=False, kind="stable", na_position="first")


def load_run(out: Path) -> LoadedRun:
    """A run from its OUT. Raises IvfbenchError for a folder that holds none."""
    try:
        record = read_run(out)
        rows = read_csv(out / "rows.csv")
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file; name the OUT of a run, or a bundle of one") from error
    except IvfbenchError:
        raise
    except ValueError as error:
        raise UserError(str(error)) from error
    results = {}
    for unit in record.units:
        if unit.status == "done":
            try:
                result = read_result(out / unit.folder / "result.json")
            except FileNotFoundError as error:
                raise RecordError(f"{error.filename}: gone; run the same command again, or bundle the run again"
                                  ) from error
            results[_place(result)] = result
    return LoadedRun(record, rows, results)


def _place(result: ResultRecord) -> tuple[str, ...]:
    return (result.stage, result.method, result.dataset, str(result.seed), str(result.settings.get("variant", "")))


def compare(one: LoadedRun, other: LoadedRun) -> Comparison:
    """Compare two runs."""
    inputs = dict.fromkeys((*_datasets(one.record, other.record), *_methods(one.record, other.record),
                            *_run(one.record, other.record), *_units(one.results, other.results)))
    return Comparison(tuple(inputs), tuple(_environments(one.results, other.results)), _rows(one.rows, other.rows))


def _datasets(one: RunRecord, other: RunRecord) -> Iterator[str]:
    yield from _only("data set", one.datasets, other.datasets)
    for name in _shared(one.datasets, other.datasets):
        a, b = one.datasets[name], other.datasets[name]
        if a.manifest != b.manifest:
            pairs = "" if len(a.pairs) == len(b.pairs) else f", {len(a.pairs)} and {len(b.pairs)} pairs"
            yield f"data set {name}: manifest {a.manifest[:12]} and {b.manifest[:12]}{pairs}"


def _methods(one: RunRecord, other: RunRecord) -> Iterator[str]:
    yield from _only("method", one.methods, other.methods)
    for name in _shared(one.methods, other.methods):
        a, b = one.methods[name], other.methods[name]
        if [w.sha256 for w in a.weights] != [w.sha256 for w in b.weights]:
            yield f"method {name}: weights {_weights(a.weights)} and {_weights(b.weights)}"
        for what in ("version", "protocol", "precision", "kind"):
            if getattr(a, what) != getattr(b, what):
                yield f"method {name}: {what} {getattr(a, what)} and {getattr(b, what)}"
        if a.code != b.code:
            yield f"method {name}: code {a.code[:12] or 'none'} and {b.code[:12] or 'none'}"


def _run(one: RunRecord, other: RunRecord) -> Iterator[str]:
    for what in ("protocol", "precision", "profile", "paper", "schema"):
        # a folder's name counts, not where it lies: a bundle does not say
        a, b = (Path(str(getattr(run, what))).name or "none" for run in (one, other))
        if a != b:
            yield f"run: {what} {a} and {b}"
    yield from _only("suite", one.suites, other.suites)


def _units(one: Mapping[tuple[str, ...], ResultRecord], other: Mapping[tuple[str, ...], ResultRecord]) -> Iterator[str]:
    """Settings and versions of units that both runs have. Keys of what they came from follow from these."""
    yield from _only("unit", {_unit(place): 0 for place in one}, {_unit(place): 0 for place in other})
    for place in _shared(one, other):
        a, b = one[place], other[place]
        if a.version != b.version:
            yield f"{_unit(place)}: stage version {a.version} and {b.version}"
        differing = [name for name in dict.fromkeys((*a.settings, *b.settings))
                     if a.settings.get(name) != b.settings.get(name)]
        for name in differing:
            yield f"{_unit(place)}: {name} {_short(a.settings.get(name))} and {_short(b.settings.get(name))}"


def _unit(place: tuple[str, ...]) -> str:
    stage, method, dataset, seed, variant = place
    return " ".join(filter(None, [stage, method, dataset, f"seed {seed}" if seed != "0" else "", variant]))


def _environments(one: Mapping[Any, ResultRecord], other: Mapping[Any, ResultRecord]) -> Iterator[str]:
    a, b = _environment(one), _environment(other)
    for name in dict.fromkeys((*a, *b)):
        if a.get(name) != b.get(name):
            yield f"{name}: {', '.join(sorted(a.get(name, {'none'})))} and {', '.join(sorted(b.get(name, {'none'})))}"


def _environment(results: Mapping[Any, ResultRecord]) -> dict[str, set[str]]:
    """What the units' provenance says of machine and packages: name -> every value there is."""
    found: dict[str, set[str]] = {}
    for result in results.values():
        facts = {name: result.provenance.get(name) for name in ("commit", "dirty", *_ENVIRONMENT)}
        packages = result.provenance.get("packages")
        for name, value in {**facts, **(packages if isinstance(packages, Mapping) else {})}.items():
            if value is not None:
                found.setdefault(name, set()).add(str(value))
    return found


def _rows(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    rows = one.rename(columns={"value": "one"}).merge(other.rename(columns={"value": "other"}), how="outer",
                                                       on=ADDRESS, sort=False, indicator=True)
    a, b = rows["one"].to_numpy(float), rows["other"].to_numpy(float)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0.0, np.abs(a - b))
        largest = np.maximum(np.abs(a), np.abs(b))
        relative = np.where(off == 0, 0.0, off / np.where(largest > 0, largest, 1.0))
    state = np.where(same, "equal", np.where(relative <= NOISE, "noise", "different"))
    merge = rows.pop("_merge").astype(str).to_numpy()
    state = np.where(merge == "left_only", "only one", np.where(merge == "right_only", "only other", state))
    return rows.assign(off=off, relative=relative, state=state)


def report(result: Comparison) -> Iterator[str]:
    """The comparison in lines: what differs in what they were made of, the rows, the worst cells, the answer."""
    yield from (f"DIFFERS {text}" for text in result.inputs)
    if not result.inputs:
        yield "same inputs: manifests, weights, versions, settings and code"
    yield from (f"environment {text}" for text in result.environment)
    yield (f"{len(result.rows)} rows: {result.count('equal')} equal, {result.count('noise')} within float noise "
           f"(relative {NOISE:g}), {result.count('different')} different, "
           f"{result.count('only one')} only in the first, "
           f"{result.count('only other')} only in the second")
    yield from (_cell(row) for _, row in result.worst.head(SHOWN).iterrows())
    left = len(result.worst) - SHOWN
    if left > 0:
        yield f"... and {left} more"
    noise = " (float noise counts as equal)" if result.count("noise") else ""
    yield f"the runs are equal{noise}" if result.equal else "the runs differ"


def _cell(row: "pd.Series[Any]") -> str:
    where = f"{row['state'].upper()} {_address(row)}"
    if row["state"] == "only one":
        return f"{where}: {row['one']!r}"
    if row["state"] == "only other":
        return f"{where}: {row['other']!r}"
    return f"{where}: {row['one']!r} and {row['other']!r}, {row['off']:.3g} apart"


def _address(row: "pd.Series[Any]") -> str:
    seed = f" seed {row['seed']}" if row["seed"] else ""
    return f"{row['suite']} {row['method']} {row['dataset']} {row['item']} {row['metric']}:{row['variant']}{seed}"


def _only(what: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{what} {name}: only in the first" for name in one if name not in other)
    yield from (f"{what} {name}: only in the second" for name in other if name not in one)


def _shared(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[Any]:
    return [name for name in one if name in other]


def _weights(weights: tuple[WeightRecord, ...]) -> str:
    return ", ".join(f"{weight.file} {weight.sha256[:12]}" for weight in weights) or "none"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

"""`run_all.py verify OUT`: is what lies in OUT what the rows say it is?

Checks the schema and completeness of every unit, the key and the hash of everything stored, that rows.csv holds exactly
the units' rows; then fuses a random sample of pictures again, scores them on the reference path and compares.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

import metrics
from core.errors import IvfbenchError
from core.files import sha256
from fusion import images
from fusion.method import Method, load_method, weights_of
from fusion.pairs import Pair
from reports.data import RunData, load
from results.records import SCHEMA, PairRecord, ResultRecord, RunRecord, UnitRecord, read_result
from results.rows import from_json, to_frame
from suite.archive import opened
from suite.bundle import PAPER, faults
from suite.errors import UserError
from suite.stages.fuse import WEIGHTS
from suite.unit import key_of_result, result_rows, seal_of

# The reference path of a metric may differ from the fast one in the last bits, a network by float32 noise: one level.
METRIC_TOLERANCE = 1e-9
LEVELS = 1


@dataclass
class Findings:
    """What was looked at, and what is wrong. bundled: the pictures may have stayed with the run."""

    checked: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    bundled: bool = False

    def count(self, what: str, number: int = 1) -> None:
        self.checked[what] = self.checked.get(what, 0) + number


def verify(out: Path, weights: Path, *, pictures: int = 8, seed: int = 0, device: str = "cpu",
           say: Callable[[str], None] = print) -> Findings:
    """Look through OUT, or a bundle. Raises ReportError when it holds no run, UserError for an unsafe zip.

    A bundle holds no data set and perhaps no pictures: its pictures are hashed where they are, none is fused again.
    """
    with opened(Path(out)) as (folder, unpacked):
        if not unpacked:
            return _look(load(folder), weights, pictures, seed, device, say)
        findings = Findings(wrong=faults(folder), bundled=True)
        findings.count("files of the bundle", sum(path.is_file() for path in folder.rglob("*")))
        say("a bundle: no picture is fused again")
        return _look(load(folder, str(folder / PAPER)), weights, 0, seed, device, say, findings)


def _look(data: RunData, weights: Path, pictures: int, seed: int, device: str, say: Callable[[str], None],
          findings: Findings | None = None) -> Findings:
    out, run, findings = data.out, data.run, findings or Findings()
    stored: dict[str, ResultRecord] = {}
    for unit in run.units:
        if unit.status in ("failed", "stopped"):
            findings.wrong.append(f"{unit.stage} {unit.method} {unit.dataset}: {unit.status}: {unit.reason}")
        elif unit.status == "done" and (result := _check_unit(out, unit, run, findings)) is not None:
            stored[unit.key] = result
    _check_rows(data, stored, findings)
    _check_pictures(out, run, stored, weights, pictures, seed, device, findings, say)
    return findings


def _check_unit(out: Path, unit: UnitRecord, run: RunRecord, findings: Findings) -> ResultRecord | None:
    """The unit's stored result, or None when it cannot be used."""
    findings.count("units")
    path = out / unit.folder / "result.json"
    try:
        result = read_result(path)
        _compare_unit(path, result, unit, run, findings)
        return result
    except (OSError, ValueError, KeyError, TypeError) as error:
        findings.wrong.append(f"{path}: not the result of a unit ({type(error).__name__}: {error})")
        return None


def _compare_unit(path: Path, result: ResultRecord, unit: UnitRecord, run: RunRecord, findings: Findings) -> None:
    """Key, seal, hashes, completeness. Raises where rows are no rows."""
    if result.schema != SCHEMA or key_of_result(result) != result.key or result.key != unit.key:
        findings.wrong.append(f"{path}: the key does not follow from what it was made of")
    if seal_of(result) != result.seal:
        findings.wrong.append(f"{path}: its content was changed after it was written")
    for name, (digest, *_) in result.artefacts.items():
        picture = path.parent / "images" / Path(name).name
        if findings.bundled and not picture.exists():
            continue
        findings.count("hashes")
        if not picture.is_file() or sha256(picture) != digest:
            findings.wrong.append(f"{picture}: gone or not the bytes that were recorded")
    lacking = _items_wanted(result, run) - _items_there(result)
    if lacking:
        findings.wrong.append(f"{path}: nothing for {', '.join(sorted(lacking)[:5])} ({len(lacking)} in all)")


def _items_wanted(result: ResultRecord, run: RunRecord) -> set[str]:
    """What a complete unit has: a picture of every pair, or every metric of every pair."""
    if result.stage not in ("fuse", "score"):
        return set()
    pairs = [pair.id for pair in run.datasets[result.dataset].pairs]
    return set(pairs) if result.stage == "fuse" else {
        f"{metric} of {pair}" for pair in pairs for metric, _ in result.settings["metrics"]}


def _items_there(result: ResultRecord) -> set[str]:
    if result.stage == "fuse":
        return {Path(name).stem for name in result.artefacts}
    return {f"{row.metric} of {row.item}" for row in result_rows(result)}


def _check_rows(data: RunData, stored: dict[str, ResultRecord], findings: Findings) -> None:
    ours = to_frame(row for result in stored.values() for row in result_rows(result))
    listed = data.rows
    findings.count("rows", len(listed))
    order = list(ours.columns[:-1])
    try:
        pd.testing.assert_frame_equal(ours.sort_values(order, ignore_index=True),
                                      listed.sort_values(order, ignore_index=True), check_dtype=False, check_exact=True)
    except AssertionError as error:
        reason = " ".join(str(error).split())[:160]
        findings.wrong.append(f"{data.out}/rows.csv: differs from the units' rows ({reason})")


def _check_pictures(out: Path, run: RunRecord, stored: dict[str, ResultRecord], weights: Path, number: int, seed: int,
                    device: str, findings: Findings, say: Callable[[str], None]) -> None:
    scored: dict[str, list[ResultRecord]] = {}  # key of the fuse unit -> its score units (Table VI has two)
    for result in stored.values():
        if result.stage == "score":
            scored.setdefault(result.upstream[0], []).append(result)
    candidates = [(stored[unit.key], unit.folder, pair) for unit in run.units
                  if _can_be_fused_alone(stored.get(unit.key)) for pair in run.datasets[unit.dataset].pairs]
    for result, folder, entry in random.Random(seed).sample(candidates, min(number, len(candidates))):
        where = f"{result.method} {result.dataset} {entry.id}"
        say(f"fusing again: {where}")
        findings.count("pictures fused again")
        try:
            pair = _pair(out, entry)
            method = _method(out, run, result, weights, device)
            fused = method.written(method.fuse(*pair.read()), pair.vi)
            kept = images.read(out / folder / "images" / f"{entry.id}.png")
        except IvfbenchError as error:
            findings.wrong.append(f"{where}: {error}")
            continue
        off = np.abs(_channels(fused) - _channels(kept)).max()
        if off > LEVELS:
            findings.wrong.append(f"{where}: fused again it differs by {off} levels")
        for score in scored.get(result.key, ()):
            _check_scores(score, entry.id, kept, pair, where, findings)


def _pair(out: Path, entry: PairRecord) -> Pair:
    return Pair(entry.id, out / entry.ir, out / entry.vi, 0, 0)


def _method(out: Path, run: RunRecord, result: ResultRecord, weights: Path, device: str) -> Method:
    """The method of a fuse unit on its reference path, with the weights that the unit had; UserError otherwise."""
    settings = result.settings
    if "network" in settings:  # trained by this run (Table VI)
        trained = next(unit for unit in run.units if unit.key == result.upstream[0])
        method = load_method(settings["network"], weights=out / trained.folder / WEIGHTS, device=device)
    else:
        method = load_method(result.method, weights=weights_of(result.method, weights), device=device,
                             protocol=settings["protocol"])
        if [digest for _, digest in method.weight_hashes()] != settings["weights"]:
            raise UserError(f"{', '.join(map(str, method.weight_files))}: not the weights that the pictures were made "
                            "with; name those with --weights")
    method.use_reference_path()
    return method


def _channels(image: np.ndarray) -> np.ndarray:
    """int [H,W,1] or [H,W,3]: a grey picture equals itself stored as RGB."""
    return (image if image.ndim == 3 else image[..., None]).astype(int)


def _can_be_fused_alone(result: ResultRecord | None) -> bool:
    """A picture of a registered method: none that was brought or made by an object, none whose batch decides it."""
    return (result is not None and result.stage == "fuse" and result.settings["batch_size"] == 1
            and not {"precomputed", "object"} & set(result.settings))


def _check_scores(result: ResultRecord, item: str, fused: np.ndarray, pair: Pair, where: str,
                  findings: Findings) -> None:
    ir, vi = pair.read8()
    names = [name for name, _ in result.settings["metrics"]]
    again = metrics.evaluate_plainly(fused, ir, vi, metrics=names, variant=result.settings["variant"], undefined="nan")
    for row in (from_json(values) for values in result.rows):
        if row.item == item:
            findings.count("values scored again")
            if not np.isclose(again[row.metric], row.value, rtol=METRIC_TOLERANCE, atol=1e-12, equal_nan=True):
                findings.wrong.append(f"{where}: {row.metric} is {row.value!r}, scored again {again[row.metric]!r}")

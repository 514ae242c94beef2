"""Rows of trainings counted again from the predictions that they left. The trainings themselves are not repeated."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import IvfbenchError
from results.records import ResultRecord, RunRecord
from results.rows import from_json
from suite.checks.again import METRIC_TOLERANCE
from suite.checks.findings import Findings
from suite.planning import Planning
from suite.training import Training, training
from suite.unit import Unit


def check_predictions(out: Path, run: RunRecord, stored: Mapping[str, ResultRecord], plan: Planning | None,
                      findings: Findings) -> None:
    """Rows of the stages detect and segment."""
    planned = {unit.key: unit for unit in plan.units} if plan else {}
    for record in run.units:
        if record.stage not in ("detect", "segment") or record.key not in stored:
            continue
        where, unit = f"{record.stage} {record.method} {record.dataset}", planned.get(record.key)
        if unit is None or findings.bundled:
            findings.unknown.append(f"{where}: not counted again: its plan or labels are not here")
            continue
        try:
            found = _COUNT[record.stage](out / record.folder, unit, training(unit))
        except (IvfbenchError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
            findings.wrong.append(f"{where}: its predictions cannot be counted again ({error})")
            continue
        findings.count("values counted again from predictions", len(found))
        rows = {(row.item, row.metric): row.value for row in map(from_json, stored[record.key].rows)}
        off = [key for key in {**rows, **found} if not np.isclose(
            rows.get(key, np.inf), found.get(key, -np.inf), rtol=METRIC_TOLERANCE, atol=1e-12, equal_nan=True)]
        findings.wrong += [f"{where}: {metric} of {item} is {rows.get((item, metric))!r}, counted again "
                           f"{found.get((item, metric))!r}" for item, metric in off[:3]]


def _detections(folder: Path, unit: Unit, work: Training) -> dict[tuple[str, str], float]:
    from downstream.detection.run import read_predictions
    from downstream.guard import prepare

    with tempfile.TemporaryDirectory(prefix="ivfbench-") as home:
        prepare(Path(home))
        from downstream.detection.evaluate import average_precision

        sizes = {pair.id: (pair.height, pair.width) for pairs in work.pair_sets for pair in pairs.pairs}
        return _by_address(average_precision(
            read_predictions(folder / "predictions.json"), {key: work.labels.boxes[key] for key in work.split.test},
            sizes, work.labels.classes))


def _segmentations(folder: Path, unit: Unit, work: Training) -> dict[tuple[str, str], float]:
    from downstream.segmentation.confusion import confusion, rows
    from downstream.segmentation.labels import read_label

    labels = work.labels
    matrix = np.zeros((len(labels.classes),) * 2, dtype=np.int64)
    for key in work.split.test:
        truth = read_label(labels.labels[key], labels.legend)
        matrix += confusion(truth, read_label(folder / "predictions" / f"{key}.png", labels.legend, truth.shape),
                            len(matrix))
    return _by_address(rows(matrix, labels.classes, work.settings.absent))


def _by_address(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    return {(row["item"], row["metric"]): float(row["value"]) for row in rows}


_COUNT = {"detect": _detections, "segment": _segmentations}

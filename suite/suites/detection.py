"""Suite detection: train YOLO on a method's fused pictures, score the split's test pictures (Table II)."""

from dataclasses import dataclass, field
from typing import Any

from downstream.detection.data.policy import LabelPolicy
from downstream.detection.dataset import open_detection
from downstream.detection.run import check_sources, run_detection
from downstream.detection.settings import DetectionSettings
from suite.planning import Planning
from suite.stages import Context, Stage, StageResult, register_stage
from suite.suites import Suite, register_suite
from suite.training import artefacts_below, cost_of, fused_pictures, plan_trainings, progress_of, rows_of, training
from suite.unit import Unit


@dataclass(frozen=True)
class DetectionSuite:
    """Which data sets, split and label policy; with the split "folds" every seed is tested on another fold."""

    datasets: tuple[str, ...] = ()
    split: str | None = None
    labels: LabelPolicy = field(default_factory=LabelPolicy)
    training: DetectionSettings = field(default_factory=DetectionSettings, metadata={"read": False})


def plan(planning: Planning, settings: DetectionSuite) -> None:
    check_sources(settings.training)
    for dataset in settings.datasets:
        labels = open_detection(dataset, planning.data, policy=settings.labels, known=planning.known_files)
        planning.label_problems[dataset] = labels.problems
        planning.label_statistics.setdefault("detection", {})[dataset] = labels.statistics
        splits = [labels.fold(seed) for seed in range(planning.profile.seeds)] if settings.split == "folds" and \
            labels.folds else [labels.split(settings.split)]
        # the figures show the true boxes beside the found ones
        planning.boxes[dataset] = {key: [(box.label, *box.corners(1, 1)) for box in labels.boxes[key]]
                                   for split in splits for key in split.test}
        plan_trainings(planning, "detection", "detect", "downstream.detection.run", dataset, labels, splits,
                       settings.training, {})


def detect(unit: Unit, context: Context) -> StageResult:
    work = training(unit)
    folder = context.out / unit.folder
    with fused_pictures(unit, context) as pictures:
        result = run_detection(pictures, work.labels, work.split, work.settings, seed=unit.seed, device=context.device,
                               out=folder, progress=progress_of(unit, context))
    details: dict[str, Any] = {"losses": result.losses, "cost": cost_of(result), "notes": result.notes}
    return StageResult(rows_of(unit, "detection", work.settings.engine, result.rows), details,
                       artefacts_below(folder, result.predictions.name))


register_stage(Stage("detect", detect, gpus=1, epochs=True))
register_suite(Suite("detection", "Object detection, AP@0.5 per class and mAP@0.5", "items", DetectionSuite, plan,
                     training=DetectionSettings, sources=True, datasets="own"))

"""Suite segmentation: train DeepLabv3+ on a method's fused pictures, count IoU on the test pictures (Table III)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from downstream.segmentation import SegmentationSettings, open_segmentation
from downstream.segmentation.run import run_segmentation
from fusion.method import Card
from suite.planning import MethodInfo, Planning
from suite.stages import Context, Stage, StageResult, register_stage
from suite.suites import Suite, register_suite
from suite.training import (
    artefacts_below,
    cost_of,
    fused_pictures,
    plan_trainings,
    progress_of,
    rows_of,
    source_pictures,
    training,
)
from suite.unit import Unit

FOUR_CHANNEL = Card(name="four_channel", title="Early fusion (4 channels)", kind="source", task=(),
                    paper="MFNet (Ha et al., IROS 2017): both modalities as one input, nothing fused")


@dataclass(frozen=True)
class SegmentationSuite:
    """Which data sets and split. four_channel_row: a row that is trained on both sources as one input."""

    datasets: tuple[str, ...] = ()
    split: str | None = None
    four_channel_row: bool = False
    training: SegmentationSettings = field(default_factory=SegmentationSettings, metadata={"read": False})


def plan(planning: Planning, settings: SegmentationSuite) -> None:
    chosen = settings.training
    if chosen.pretrained:
        from downstream.segmentation.pretrained import read_weights  # loads torch

        read_weights(Path(chosen.pretrained))  # before anything is fused
    for dataset in settings.datasets:
        labels = open_segmentation(dataset, planning.data)
        counted = labels.check(planning.known_files)  # before anything is fused for them
        planning.label_statistics.setdefault("segmentation", {})[dataset] = counted
        split = labels.split(settings.split)
        # the reports draw errors against the test pictures' true classes; one split serves all rows and seeds
        planning.labels[dataset] = ({key: labels.labels[key] for key in split.test}, labels.teacher)
        more: dict[str, Any] = {}
        if settings.four_channel_row:
            planning.methods.setdefault(FOUR_CHANNEL.name, MethodInfo(FOUR_CHANNEL, FOUR_CHANNEL.title))
            more[FOUR_CHANNEL.name] = replace(chosen, four_channel=True)
        plan_trainings(planning, "segmentation", "segment", "downstream.segmentation.run", dataset, labels, [split],
                       chosen, more)


def segment(unit: Unit, context: Context) -> StageResult:
    work = training(unit)
    settings = work.settings
    folder = context.out / unit.folder
    with fused_pictures(unit, context) as fused:
        result = run_segmentation(fused if unit.upstream else source_pictures(unit), work.labels, work.split, settings,
                                  seed=unit.seed, device=context.device, out=folder,
                                  progress=progress_of(unit, context))
    network = f"{settings.model}-r{settings.depth}-d{settings.output_stride}"
    return StageResult(rows_of(unit, "segmentation", network, result.rows),
                {"losses": result.losses, "cost": cost_of(result), "notes": result.notes,
                 "baseline_miou": result.baseline}, artefacts_below(folder, f"{result.predictions.name}/*.png"))


register_stage(Stage("segment", segment, gpus=1, epochs=True))
register_suite(Suite("segmentation", "Semantic segmentation, IoU per class", "items", SegmentationSuite, plan,
                     training=SegmentationSettings, sources=True, datasets="own"))

"""Stage segment: train DeepLabv3+ on a method's fused pictures, count IoU on the test pictures (Table III)."""

from downstream.segmentation.run import run_segmentation
from suite.stages import Context, Made
from suite.stages.training import cost_of, pictures, progress_of, rows_of
from suite.unit import Unit

VERSION = 1


def run(unit: Unit, context: Context) -> Made:
    settings = unit.inputs["settings"]
    result = run_segmentation(
        pictures(unit, context), unit.inputs["labels"], unit.inputs["split"], settings, seed=unit.seed,
        device=context.device, out=context.out / unit.folder, progress=progress_of(unit, context))
    network = f"{settings.model}-r{settings.depth}-d{settings.output_stride}"
    return Made(rows_of(unit, "segmentation", network, result.rows),
                {"losses": result.losses, "cost": cost_of(result), "notes": result.notes,
                 "baseline_miou": result.baseline})

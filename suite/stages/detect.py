"""Stage detect: train YOLO on a method's fused pictures, score the split's test pictures (Table II)."""

from downstream.detection.run import run_detection
from suite.stages import Context, Made
from suite.stages.training import cost_of, pictures, progress_of, rows_of
from suite.unit import Unit

VERSION = 1


def run(unit: Unit, context: Context) -> Made:
    settings = unit.inputs["settings"]
    # labels are written once for all methods and seeds
    shared = context.out / ".cache" / "labels" / unit.settings["labels"][:12]
    result = run_detection(
        pictures(unit, context), unit.inputs["labels"], unit.inputs["split"], settings, seed=unit.seed,
        device=context.device, out=context.out / unit.folder, progress=progress_of(unit, context), labels=shared)
    return Made(rows_of(unit, "detection", settings.engine, result.rows),
                {"losses": result.losses, "cost": cost_of(result), "notes": result.notes})

"""Stage train: SMFNet by one recipe; goes on from its checkpoint. Leaves weights.safetensors, no rows."""

from fusion.smfnet import log
from fusion.smfnet.trainer import train
from suite.stages import Context, Made
from suite.unit import Unit

VERSION = 1
WEIGHTS = "weights.safetensors"


def run(unit: Unit, context: Context) -> Made:
    pairs = unit.inputs["pairs"].pairs
    train(unit.settings["recipe"], data=pairs[0].ir.parent.parent, out=context.out / unit.folder,
          device=context.device, overrides=unit.settings["overrides"],
          on_step=lambda step, loss: context.checkpoint(step, 0, f"step {step}, loss {loss:.3f}"))
    # from the log, not from this call's steps: a resumed training has those of all its calls
    steps = log.read(context.out / unit.folder / "losses.csv")
    return Made(details={"first_loss": float(steps[0]["loss"]), "last_loss": float(steps[-1]["loss"]),
                         "steps": len(steps)})

"""Stage train: SMFNet by one recipe; goes on from its checkpoint. Leaves weights.safetensors, no rows."""

from fusion.smfnet.trainer import train
from suite.stages import Context, Made
from suite.unit import Unit

VERSION = 1
WEIGHTS = "weights.safetensors"


def run(unit: Unit, context: Context) -> Made:
    pairs = unit.inputs["pairs"].pairs
    losses: list[float] = []

    def on_step(step: int, loss: float) -> None:
        losses.append(loss)
        context.checkpoint(step, 0, f"step {step}, loss {loss:.3f}")

    train(unit.settings["recipe"], data=pairs[0].ir.parent.parent, out=context.out / unit.folder,
          device=context.device, overrides=unit.settings["overrides"], on_step=on_step)
    return Made(details={"first_loss": losses[0], "last_loss": losses[-1], "steps": len(losses)} if losses else {})

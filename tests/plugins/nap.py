"""A plug-in of the tests: the stage `nap`, which works, raises or dies as its unit says."""

import os
import signal
from dataclasses import dataclass

from suite.stages import Stage, StageResult, register_stage
from suite.unit import Unit


@dataclass(frozen=True)
class Nap:
    """do: "work", "raise" or "die"."""

    do: str = "work"

    def decides(self):
        return {"do": self.do}


def nap(name, *upstream, stage="nap", do="work"):
    """A unit of the stage."""
    return Unit(stage, name, "-", 0, 1, "", Nap(do), upstream)


def run(unit, context):
    if unit.work.do == "raise":
        raise ValueError("no luck")
    if unit.work.do == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return StageResult()


register_stage(Stage("nap", run))

"""Suite ablation: SMFNet trained by one recipe a row, fused and scored (Table VI); beside it the suites detection and
segmentation are trained on the ablations' pictures too (Fig. 11).

SSIM is another variant there than in Table I (see docs on metrics): it is scored by a unit of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core import records
from core.files import sha256
from core.names import is_name
from core.source import source_hash
from fusion.method import Card
from fusion.pairs import PairSet
from fusion.smfnet.training import log
from fusion.smfnet.training.recipe import load_recipe, recipes
from fusion.smfnet.training.trainer import train
from suite.errors import UserError
from suite.planning import MethodInfo, Planning
from suite.stages import Context, Stage, StageResult, register_stage
from suite.suites import Suite, register_suite
from suite.training import drop_damaged
from suite.unit import Unit

METRICS = (("EN", "smfnet"), ("SD", "smfnet"), ("VIF", "smfnet"), ("SSIM", "smfnet-ablation"))


@dataclass(frozen=True)
class AblationSettings:
    """training: data set that the networks are trained on. recipes: names of recipes that come with the project.
    overrides: "section.setting" -> value over each recipe."""

    datasets: tuple[str, ...] = ()
    training: str = ""
    recipes: tuple[str, ...] = tuple(f"ae{number}" for number in range(1, 9))
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = recipes()
        for name in self.recipes:
            if not is_name(name) or name not in known:
                raise UserError(f"recipes: unknown recipe {name!r}; known: {', '.join(known)}")


@dataclass(frozen=True)
class TrainingSMFNet:
    """pairs: the training pictures. resolved: the recipe with its overrides, JSON-able."""

    pairs: PairSet
    recipe: str
    resolved: Mapping[str, Any]
    overrides: Mapping[str, Any]

    def decides(self) -> Mapping[str, Any]:
        return {"recipe": self.recipe, "resolved": self.resolved, "manifest": self.pairs.manifest}


def ready(planning: Planning, settings: AblationSettings) -> None:
    """The ablations as methods whose weights this run makes."""
    if not settings.training:
        raise UserError(f"profile {planning.profile.name}, [ablation]: key 'training' is missing; it names the data "
                        "set that the networks are trained on")
    pairs = planning.open(settings.training)
    for name in settings.recipes:
        recipe = load_recipe(name, settings.overrides)
        work = TrainingSMFNet(pairs, name, records.write(recipe), settings.overrides)
        trained = planning.add(planning.unit("train", name, pairs.name, work,
                                             code=source_hash(["fusion.smfnet.training.trainer"])), "ablation")
        card = Card(name=name, title=recipe.title, kind="ablation", task=(), paper="Table VI")
        planning.methods[name] = MethodInfo(card, recipe.title, trained=trained, network="smfnet",
                                            precision=planning.profile.precision,
                                            code=source_hash(["fusion.methods.smfnet"]))


def plan(planning: Planning, settings: AblationSettings) -> None:
    for info in planning.methods.values():
        for dataset in settings.datasets if info.trained is not None else ():
            pairs = planning.open(dataset)
            planning.score(planning.fuse(info, pairs, "ablation"), pairs, "ablation", METRICS)


def train_smfnet(unit: Unit, context: Context) -> StageResult:
    """Train by the recipe; goes on from its checkpoint. Leaves WEIGHTS, no rows."""
    work = unit.work
    assert isinstance(work, TrainingSMFNet), unit
    drop_damaged(context.out / unit.folder)
    path = train(work.recipe, data=work.pairs, out=context.out / unit.folder, device=context.device,
                 overrides=work.overrides,
                 on_step=lambda step, loss: context.checkpoint(step, 0, f"step {step}, loss {loss:.3f}"))
    # from the log, not from this call's steps: a resumed training has those of all its calls
    steps = log.read(context.out / unit.folder / "losses.csv")
    return StageResult(details={"first_loss": float(steps[0]["loss"]), "last_loss": float(steps[-1]["loss"]),
                                "steps": len(steps)}, artefacts={path.name: sha256(path)})


register_stage(Stage("train", train_smfnet, gpus=1))
register_suite(Suite("ablation", "Ablation", "pictures", AblationSettings, plan, ready=ready, datasets="kept"))

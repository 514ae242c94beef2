"""Two-stage training with exact resume.

A run's folder holds checkpoint.pt (all that is needed to go on), losses.csv, validation.csv, losses.png and, at the
end, weights.safetensors. Killed at any moment, the same call goes on from the last checkpoint; on CPU the weights are
then bitwise those of a run that was not interrupted.
"""

import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.files import aside
from fusion import checkpoints
from fusion.pairs import PairSet
from fusion.smfnet import weights
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.training import log
from fusion.smfnet.training.distributed import World, join
from fusion.smfnet.training.optimisers import Optimisers
from fusion.smfnet.training.patches import PatchSet, order
from fusion.smfnet.training.recipe import Recipe, RecipeError, load_recipe
from fusion.smfnet.training.staged import StagedLoss
from fusion.smfnet.training.validation import Score, Validation

PLOT_SECONDS = 30  # between drawings of the loss curve during a run; epochs may be shorter
VALIDATION_COLUMNS = ("step", "epoch", "stage", "name", "value")


def train(recipe: Path | str, *, data: Path | PairSet, out: Path, device: str = "cpu", resume: bool = True,
          overrides: Mapping[str, Any] | None = None, score: Score | None = None,
          on_step: Callable[[int, float], None] | None = None) -> Path:
    """Train SMFNet by a recipe.

    Args:
        recipe: name ("released", "paper", "sample", "msrs", "medical", "ae1".."ae8") or TOML file.
        data: folder that holds the recipe's folders of pairs (ir/ and vi/ unless it says otherwise), or a pair set.
        out: folder of the run.
        device: torch device; under torchrun each process takes its own GPU.
        resume: go on from out/checkpoint.pt if it is there; False starts anew.
        overrides: "section.setting" -> value over the recipe.
        score: (fused, ir, vi) float64 [H,W] 0..255 -> named numbers, for validation in stage II.
        on_step: called after every step with (steps done, loss).
    Returns: out/weights.safetensors, float32.
    Raises RecipeError: unusable recipe or data, or a checkpoint of another recipe or other data.
    """
    settings = load_recipe(recipe, overrides)
    world = join(device)
    try:
        return _Run(settings, data, Path(out), world, resume, score).train(on_step)
    finally:
        world.close()


def _root(data: Path | PairSet) -> Path:
    """Where validation looks for its own pairs."""
    return data.pairs[0].ir.parent.parent if isinstance(data, PairSet) else Path(data)


class _Run:
    """The state of one process's run."""

    def __init__(self, recipe: Recipe, data: Path | PairSet, out: Path, world: World, resume: bool,
                 score: Score | None):
        self.recipe, self.settings, self.out, self.world = recipe, recipe.training, out, world
        out.mkdir(parents=True, exist_ok=True)
        self.patches = PatchSet(data, recipe.data)
        self.validation = Validation(_root(data), self.settings.validation_pairs, score)
        torch.manual_seed(self.settings.seed)
        self.network = SMFNet(recipe.network).to(world.device)
        self.optimisers = Optimisers(self.network, self.settings)
        self.step = 0  # optimiser steps done
        self.plotted = time.monotonic()
        self.steps_per_epoch = self._steps_per_epoch()
        if resume and self.checkpoint.is_file():
            self._restore()
        world.barrier()
        self.module = world.wrap(StagedLoss(self.network, recipe.losses, self.settings.amp))

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"

    @property
    def stage(self) -> int:
        in_stage1 = self.step // self.steps_per_epoch < self.settings.stage1_epochs
        return 1 if self.settings.two_stage and in_stage1 else 2

    def _steps_per_epoch(self) -> int:
        parts = self.world.size * self.settings.accumulate
        if self.settings.batch % parts:
            raise RecipeError(f"training.batch {self.settings.batch} cannot be split over {self.world.size} processes "
                              f"x {self.settings.accumulate} parts")
        full, rest = divmod(len(self.patches), self.settings.batch)
        # a last, smaller batch is used where it need not be split (as in the released training)
        steps = full + (1 if rest and parts == 1 else 0)
        if steps == 0:
            raise RecipeError(f"{len(self.patches)} patches are fewer than training.batch {self.settings.batch}")
        return min(steps, self.settings.steps_per_epoch) if self.settings.steps_per_epoch else steps

    def train(self, on_step: Callable[[int, float], None] | None) -> Path:
        total = self.settings.epochs * self.steps_per_epoch
        logs = self._open_logs() if self.world.leads else None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                   TextColumn("loss {task.fields[loss]:.4f}"))
        with Progress(*columns, disable=not self.world.leads) as progress:
            task = progress.add_task(self.recipe.title, total=total, completed=self.step, loss=float("nan"))
            while self.step < total:
                stage, epoch = self.stage, self.step // self.steps_per_epoch
                rate, terms = self.optimisers.learning_rate, self._one_step(stage, epoch)
                loss = sum(terms.values())
                if logs:
                    logs[0].add(step=self.step, epoch=epoch, stage=stage, learning_rate=rate, loss=loss, **terms)
                if not np.isfinite(loss):
                    raise RuntimeError(f"step {self.step}: loss is {loss}; lower training.learning_rate or switch "
                                       f"training.amp off. The last good state is {self.checkpoint}")
                self._after_step(stage, epoch, logs)
                progress.update(task, completed=self.step, loss=loss)
                if on_step:
                    on_step(self.step, loss)
        return self._finish()

    def _one_step(self, stage: int, epoch: int) -> dict[str, float]:
        """Forward, backward and update; returns the weighted terms (means over processes' own shares)."""
        self.network.train()
        self.optimisers.zero()
        start = self.step % self.steps_per_epoch * self.settings.batch
        numbers = order(len(self.patches), self.settings.seed, epoch)[start:start + self.settings.batch]
        shares = np.array_split(numbers[self.world.rank::self.world.size], self.settings.accumulate)
        sums: dict[str, float] = {}
        for i, share in enumerate(shares):
            ir, vi = (x.to(self.world.device) for x in self.patches.batch(share))
            with self.world.no_sync(self.module, skip=i + 1 < len(shares)):
                terms = self.module(ir, vi, stage)
                (sum(terms.values()) / len(shares)).backward()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value.item() / len(shares)
        self.optimisers.step(stage)
        self.step += 1
        return sums

    def _after_step(self, stage: int, epoch: int, logs: tuple[log.CsvLog, log.CsvLog] | None) -> None:
        ends_epoch = self.step % self.steps_per_epoch == 0
        if ends_epoch:
            self.optimisers.end_epoch(stage)
            if logs:
                for name, value in self.validation(self.network, stage, self.world.device).items():
                    logs[1].add(step=self.step, epoch=epoch, stage=stage, name=name, value=value)
                if time.monotonic() - self.plotted > PLOT_SECONDS:
                    log.plot(logs[0].path, self.out / "losses.png")
                    self.plotted = time.monotonic()
            self.world.barrier()
        every = self.settings.checkpoint_steps
        if self.world.leads and (ends_epoch or (every and self.step % every == 0)):
            self._save()

    def _open_logs(self) -> tuple[log.CsvLog, log.CsvLog]:
        return (log.CsvLog(self.out / "losses.csv", log.LOSS_COLUMNS, self.step),
                log.CsvLog(self.out / "validation.csv", VALIDATION_COLUMNS, self.step))

    def _finish(self) -> Path:
        path = self.out / "weights.safetensors"
        if self.world.leads:
            log.plot(self.out / "losses.csv", self.out / "losses.png")
            weights.save(path, self.network)
        self.world.barrier()
        return path

    def _identity(self) -> dict[str, Any]:
        return {"recipe": dataclasses.asdict(self.recipe), "manifest": self.patches.manifest}

    def _save(self) -> None:
        state = {"identity": self._identity(), "step": self.step, "network": self.network.state_dict(),
                 "optimisers": self.optimisers.state_dict(), "rng": torch.get_rng_state()}
        if self.world.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.world.device)
        with aside(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def _restore(self) -> None:
        state = checkpoints.read(self.checkpoint, RecipeError, remedy="Delete it or start anew with resume off")
        identity = state.get("identity") if isinstance(state, dict) else None
        if not isinstance(identity, dict) or "recipe" not in identity:
            raise RecipeError(f"{self.checkpoint}: no checkpoint of a training; delete it or start anew with "
                              "resume off")
        if identity != self._identity():
            what = "data" if identity["recipe"] == self._identity()["recipe"] else "recipe"
            raise RecipeError(f"{self.checkpoint} was written with another {what}; name another --out, or start anew "
                              "with resume off")
        self.network.load_state_dict(state["network"])
        self.optimisers.load_state_dict(state["optimisers"])
        self.step = state["step"]
        torch.set_rng_state(state["rng"])
        if "cuda_rng" in state and self.world.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"], self.world.device)
        if self.world.leads:
            warnings.warn(f"going on from step {self.step} of {self.checkpoint}", stacklevel=2)

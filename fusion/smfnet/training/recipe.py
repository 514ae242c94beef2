"""Training recipes: one TOML file per experiment, read into frozen settings.

A recipe may name another one it `extends` (a file beside it, without .toml); its tables are merged over that one's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import files, records
from core.errors import IvfbenchError
from core.names import is_name, nearest
from fusion.smfnet.settings import NetworkSettings
from fusion.smfnet.training.losses import LossSettings

RECIPES = Path(__file__).with_name("recipes")


class RecipeError(IvfbenchError):
    """A recipe that cannot be used; the message names the file, the value and the remedy."""


@dataclass(frozen=True)
class DataSettings:
    """Patches. pairs: folders (infrared, visible) below the data folder; patch and stride in pixels.

    contrast: a patch is dropped when (p90 - p10) / p90 of either modality is below it (0 keeps all).
    """

    pairs: tuple[tuple[str, str], ...] = (("ir", "vi"),)
    patch: int = 128
    stride: int = 128
    contrast: float = 0.1

    def __post_init__(self):
        if self.patch < 32 or self.stride < 1 or not 0 <= self.contrast < 1 or not self.pairs:
            raise ValueError(f"patch {self.patch} (at least 32), stride {self.stride} (at least 1), contrast "
                             f"{self.contrast} (0..1), {len(self.pairs)} folder pair(s) (at least 1)")


@dataclass(frozen=True)
class TrainingSettings:
    """Schedule and optimiser.

    stage1_epochs, stage2_epochs: reconstruction, then fusion.
    two_stage: False trains all epochs, the first ones too, with the loss of stage II (AE7).
    batch: pairs per step in all (processes and accumulation together); accumulate: parts a step is split into.
    learning_rate is multiplied by `gamma` every `step_epochs` epochs of a part's training, never below `floor`.
    clip: gradient norm per part of the network. steps_per_epoch: 0 means all patches once.
    checkpoint_steps: steps between checkpoints, 0: at the end of each epoch only.
    amp: bfloat16 autocast. validation_pairs: at most so many, 0 means none.
    """

    stage1_epochs: int = 40
    stage2_epochs: int = 80
    two_stage: bool = True
    batch: int = 6
    accumulate: int = 1
    learning_rate: float = 1e-4
    step_epochs: int = 20
    gamma: float = 0.5
    floor: float = 1e-6
    clip: float = 0.01
    seed: int = 2025
    amp: bool = False
    steps_per_epoch: int = 0
    checkpoint_steps: int = 200
    validation_pairs: int = 50

    def __post_init__(self):
        if min(self.stage1_epochs, self.stage2_epochs) < 0 or self.epochs == 0:
            raise ValueError(f"stage1_epochs {self.stage1_epochs}, stage2_epochs {self.stage2_epochs}: none to train")
        if self.batch < 1 or self.accumulate < 1 or self.batch % self.accumulate:
            raise ValueError(f"batch {self.batch} is not a multiple of accumulate {self.accumulate}")
        if self.learning_rate <= 0 or not 0 < self.gamma <= 1 or self.step_epochs < 1 or self.clip <= 0:
            raise ValueError(f"learning_rate {self.learning_rate}, gamma {self.gamma}, step_epochs {self.step_epochs}, "
                             f"clip {self.clip}: all must be positive, gamma at most 1")

    @property
    def epochs(self) -> int:
        return self.stage1_epochs + self.stage2_epochs


@dataclass(frozen=True)
class Recipe:
    """One experiment. `title` is printed."""

    title: str
    network: NetworkSettings = field(default_factory=NetworkSettings)
    losses: LossSettings = field(default_factory=LossSettings)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)


def recipes() -> list[str]:
    """Names of the recipes that come with the project."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(recipe: Path | str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        recipe: name of one that comes with the project ("released", "ae3") or a TOML file.
        overrides: "section.setting" -> value, laid over the file, e.g. {"training.batch": 2}.
    Raises RecipeError: unknown name, section or setting, wrong type, values that contradict each other.
    """
    path = _locate(recipe)
    tables = _merged(path, ())
    for key, value in (overrides or {}).items():
        section, _, name = key.partition(".")
        tables.setdefault(section, {})
        if not name or not isinstance(tables[section], dict):
            raise RecipeError(f"override {key!r}; expected section.setting, e.g. training.batch")
        tables[section] = {**tables[section], name: value}
    return _build(tables, path)


def _locate(recipe: Path | str) -> Path:
    path = Path(recipe)
    if path.is_file():
        return path
    built_in = RECIPES / f"{recipe}.toml"
    if built_in.is_file():
        return built_in
    raise RecipeError(f"recipe {str(recipe)!r}: neither a file nor a known name{nearest(str(recipe), recipes())}")


def _merged(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    tables = files.read_toml(path, RecipeError)
    base = tables.pop("extends", None)
    if base is None:
        return tables
    if not isinstance(base, str) or not is_name(base):
        raise RecipeError(f"{path}: extends = {base!r}; expected the name of a recipe")
    parent = path.with_name(f"{base}.toml")
    if not parent.is_file():
        parent = _locate(base)
    if parent in (*seen, path):
        raise RecipeError(f"{path}: extends itself by way of {base}")
    merged = _merged(parent, (*seen, path))
    for key, value in tables.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _build(tables: Mapping[str, Any], path: Path) -> Recipe:
    return records.read(Recipe, {"title": path.stem, **tables}, str(path), RecipeError)

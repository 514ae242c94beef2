"""Training: recipes, patches, falling loss of every ablation, bitwise resume, DDP and bf16 on CPU."""

import csv
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from fusion.dataset_cards import DatasetCard, Layout
from fusion.pairs import Pair, PairSet
from fusion.smfnet import settings
from fusion.smfnet.network.smfnet import SMFNet
from fusion.smfnet.training import losses
from fusion.smfnet.training.patches import PatchSet, low_contrast, order
from fusion.smfnet.training.recipe import DataSettings, RecipeError, load_recipe, recipes
from fusion.smfnet.training.trainer import train
from fusion.smfnet.weights import save
from suite.profile import load_profile
from suite.stages import Context, Stopped
from suite.suites import ablation
from suite.unit import Unit

SMALL = {"network.width": 8, "network.heads": 2, "data.patch": 32, "data.stride": 32, "training.batch": 2,
         "training.learning_rate": 3e-3, "training.stage1_epochs": 1, "training.stage2_epochs": 1,
         "training.steps_per_epoch": 3, "training.checkpoint_steps": 1, "training.validation_pairs": 0}
ABLATIONS = [f"ae{i}" for i in range(1, 9)]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """Four pairs 72x104 of smooth random texture; the infrared one is the visible one's blurred negative."""
    root = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(5)
    for i in range(4):
        coarse = generator.random((12, 16)) * 255
        vi = np.asarray(Image.fromarray(coarse.astype(np.uint8)).resize((104, 72), Image.Resampling.BICUBIC))
        ir = 255 - np.roll(vi, 3, axis=1) // 2
        for folder, picture in (("ir", ir), ("vi", np.stack([vi, vi // 2, vi], axis=-1))):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(picture.astype(np.uint8)).save(root / folder / f"{i}.png")
    return root


def same(first: Path, second: Path) -> bool:
    a, b = load_file(first), load_file(second)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_recipes_state_both_protocols():
    assert {"released", "paper", "sample", "msrs", "medical", *ABLATIONS} <= set(recipes())
    released, paper = load_recipe("released"), load_recipe("paper")
    assert (released.network, released.losses) == (settings.RELEASED, losses.RELEASED)
    assert (paper.network, paper.losses) == (settings.PAPER, losses.PAPER)
    assert (released.training.stage1_epochs, released.training.stage2_epochs, released.training.batch) == (40, 80, 6)


@pytest.mark.parametrize("overrides", [{}, load_profile("sample").settings_of("ablation").overrides])
def test_each_ablation_changes_what_ae8_has(overrides):
    whole = dataclasses.replace(load_recipe("ae8", overrides), title="")
    assert all(dataclasses.replace(load_recipe(name, overrides), title="") != whole for name in ABLATIONS[:-1])
    ae7 = load_recipe("ae7", overrides)
    assert ae7.training == dataclasses.replace(whole.training, two_stage=False) and ae7.losses == whole.losses


@pytest.mark.parametrize(("overrides", "message"), [
    ({"network.widht": 8}, "did you mean width"), ({"training.batch": "six"}, "expected a whole number"),
    ({"losses.ssim_weight": -1}, "negative"), ({"trainign.batch": 2}, "did you mean training"),
    ({"training.batch": 3, "training.accumulate": 2}, "multiple of accumulate"), ({"batch": 3}, "section.setting")])
def test_wrong_settings_are_named(overrides, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe("released", overrides)


def test_unknown_recipe_and_circle(tmp_path):
    with pytest.raises(RecipeError, match="did you mean released"):
        load_recipe("relased")
    (tmp_path / "a.toml").write_text('extends = "b"')
    (tmp_path / "b.toml").write_text('extends = "a"')
    with pytest.raises(RecipeError, match="extends itself"):
        load_recipe(tmp_path / "a.toml")


def test_patches(pairs):
    patches = PatchSet(pairs, DataSettings(patch=32, stride=32))
    assert len(patches) == 4 * 2 * 3
    ir, vi = patches.batch(np.array([4, 0]))
    picture = np.asarray(Image.open(pairs / "vi/0.png")).astype(np.float64)
    expected = picture[32:64, 32:64] @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(vi[0, 0].numpy(), expected, atol=1e-6)
    assert ir.shape == vi.shape == (2, 1, 32, 32) and ir.dtype == torch.float32
    assert low_contrast(np.full((4, 4), 100), 0.1) and not low_contrast(np.arange(16), 0.1)
    with pytest.raises(RecipeError, match="no patch"):
        PatchSet(pairs, DataSettings(patch=32, stride=32, contrast=0.99))
    with pytest.raises(RecipeError, match="no such folder"):
        PatchSet(pairs, DataSettings(pairs=(("ir", "visible"),)))
    assert sorted(order(9, 1, 2)) == list(range(9)) and not np.array_equal(order(9, 1, 2), order(9, 1, 3))


@pytest.mark.long
@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_learns(name, pairs, tmp_path):
    """20 steps on the same four patches: the loss falls."""
    seen = []
    train(name, data=pairs, out=tmp_path, on_step=lambda step, loss: seen.append(loss),
          overrides={**SMALL, "training.stage1_epochs": 20, "training.stage2_epochs": 0,
                     "training.steps_per_epoch": 1, "training.checkpoint_steps": 0, "data.stride": 72,
                     "training.batch": 4, "training.step_epochs": 100})
    assert len(seen) == 20
    assert np.mean(seen[-3:]) < 0.9 * np.mean(seen[:3])


@pytest.mark.long
def test_stage_two_learns_too(pairs, tmp_path):
    seen = []
    train("released", data=pairs, out=tmp_path, on_step=lambda step, loss: seen.append(loss),
          overrides={**SMALL, "training.stage1_epochs": 1, "training.stage2_epochs": 12, "training.steps_per_epoch": 1,
                     "training.batch": 4, "data.stride": 72})
    assert np.mean(seen[-3:]) < np.mean(seen[1:4])


class Killed(BaseException):
    pass


@pytest.mark.long
@pytest.mark.parametrize("amp", [False, True])
def test_resume_is_bitwise(pairs, tmp_path, amp):
    """Interrupted at a random step and gone on, the run gives the weights, logs and rates of one that was not."""
    overrides = {**SMALL, "training.steps_per_epoch": 4, "training.checkpoint_steps": 2, "training.step_epochs": 1,
                 "training.amp": amp}
    whole = train("ae8", data=pairs, out=tmp_path / "whole", overrides=overrides)
    stop_at = int(np.random.default_rng().integers(2, 8))

    def kill(step: int, loss: float) -> None:
        if step == stop_at:
            raise Killed

    with pytest.raises(Killed):
        train("ae8", data=pairs, out=tmp_path / "cut", overrides=overrides, on_step=kill)
    with pytest.warns(UserWarning, match="going on from step"):
        cut = train("ae8", data=pairs, out=tmp_path / "cut", overrides=overrides)
    assert same(whole, cut), f"stopped at step {stop_at}"
    assert whole.read_bytes() == cut.read_bytes()
    assert (tmp_path / "whole/losses.csv").read_text() == (tmp_path / "cut/losses.csv").read_text()
    assert (tmp_path / "cut/losses.png").stat().st_size > 1000
    with pytest.raises(RecipeError, match="another recipe"):
        train("ae8", data=pairs, out=tmp_path / "cut", overrides={**overrides, "training.seed": 1})
    (tmp_path / "cut/checkpoint.pt").write_bytes(b"damaged")
    with pytest.raises(RecipeError, match="cannot be read as a checkpoint"):
        train("ae8", data=pairs, out=tmp_path / "cut", overrides=overrides)


def test_stage_tells_of_all_calls(pairs, tmp_path):
    """A stopped training that goes on, and a finished one that is called again, report the whole training.

    The pairs lie where their data set says, not in ir/ and vi/ side by side.
    """
    for ours, theirs in (("ir", "cameras/thermal"), ("vi", "rgb")):
        shutil.copytree(pairs / ours, tmp_path / theirs)
    drawn = tuple(Pair(path.stem, path, tmp_path / "rgb" / path.name, 0, 0)
                  for path in sorted((tmp_path / "cameras" / "thermal").iterdir()))
    card = DatasetCard("drawn", "ivf", "", (Layout(ir="cameras/thermal", vi="rgb"),), name="drawn")
    unit = Unit("train", "ae3", "drawn", 0, 1, "", ablation.TrainingSMFNet(
        PairSet(card, drawn, "", ""), "ae3", {}, SMALL))
    done = []
    with pytest.raises(Stopped):
        ablation.train_smfnet(unit, Context(tmp_path, "cpu", {}, progress=lambda step, *_: done.append(step),
                                      stop_requested=lambda: len(done) == 2))
    with pytest.warns(UserWarning, match="going on from step"):
        resumed, again = (ablation.train_smfnet(unit, Context(tmp_path, "cpu", {})).details for _ in range(2))
    with (tmp_path / unit.folder / "losses.csv").open() as handle:
        rows = [float(row["loss"]) for row in csv.DictReader(handle)]
    assert resumed == again == {"first_loss": rows[0], "last_loss": rows[-1], "steps": 6}


def test_stage_one_leaves_the_fusion_layers(pairs, tmp_path):
    overrides = {**SMALL, "training.steps_per_epoch": 1, "training.stage2_epochs": 0}
    once = load_file(train("released", data=pairs, out=tmp_path / "a", overrides=overrides))
    more = load_file(train("released", data=pairs, out=tmp_path / "b",
                           overrides={**overrides, "training.stage1_epochs": 2}))
    for part, expected in (("BaseFuseLayer", True), ("DetailFuseLayer", True), ("DIDF_Decoder", False)):
        keys = [key for key in once if key.startswith(part)]
        assert all(torch.equal(once[key], more[key]) for key in keys) is expected, part


@pytest.mark.long
def test_bfloat16(pairs, tmp_path):
    train("released", data=pairs, out=tmp_path, overrides={**SMALL, "training.amp": True, "training.accumulate": 2})
    with (tmp_path / "losses.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [row["stage"] for row in rows] == ["1"] * 3 + ["2"] * 3
    assert all(np.isfinite(float(row["loss"])) for row in rows)


# Without the graph there is no batch norm, and with the released CC the gradient is linear in the pictures of a batch:
# however a batch is split, the update is the same but for float32 noise.
SPLITTABLE = {**SMALL, "training.batch": 4, "losses.correlation_gradient": False}


def strayed(first: Path, second: Path, initial: Path) -> float:
    """How far two runs ended from each other, as a share of how far the first went from the initial weights."""
    a, b, start = (torch.cat([tensor.flatten() for _, tensor in sorted(load_file(path).items())])
                   for path in (first, second, initial))
    return ((a - b).norm() / (a - start).norm()).item()


@pytest.fixture(scope="module")
def whole_batches(pairs, tmp_path_factory) -> tuple[Path, Path]:
    """Weights of SPLITTABLE trained in one process with undivided batches, and those it started from."""
    out, recipe = tmp_path_factory.mktemp("whole"), load_recipe("ae3", SPLITTABLE)
    torch.manual_seed(recipe.training.seed)  # as the trainer builds it
    save(out / "initial.safetensors", SMFNet(recipe.network))
    return train("ae3", data=pairs, out=out / "trained", overrides=SPLITTABLE), out / "initial.safetensors"


@pytest.mark.long
def test_accumulation_equals_the_whole_batch(pairs, tmp_path, whole_batches):
    whole, initial = whole_batches
    parts = train("ae3", data=pairs, out=tmp_path / "a", overrides={**SPLITTABLE, "training.accumulate": 2})
    half = train("ae3", data=pairs, out=tmp_path / "b", overrides={**SPLITTABLE, "training.batch": 2})
    assert strayed(whole, parts, initial) < 0.005
    assert strayed(whole, half, initial) > 0.2  # other batches would be noticed


@pytest.mark.long
def test_two_processes_under_torchrun(pairs, tmp_path, whole_batches):
    """Both ranks see half of every batch; together they train as one process with the whole batch does."""
    script = ("from fusion.smfnet.training.trainer import train; "
              f"print(train('ae3', data={str(pairs)!r}, out={str(tmp_path)!r}, overrides={SPLITTABLE!r}))")
    (tmp_path / "run.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
                           str(tmp_path / "run.py")], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    with (tmp_path / "losses.csv").open() as handle:
        assert [int(row["step"]) for row in csv.DictReader(handle)] == list(range(1, 7))
    whole, initial = whole_batches
    assert strayed(whole, tmp_path / "weights.safetensors", initial) < 0.005

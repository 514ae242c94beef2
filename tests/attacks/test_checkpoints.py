"""Every loader of checkpoints against files that would run code: one line, and no canary."""

import contextlib
import io
import pickle
import zipfile

import pytest
import torch
from canaries import CHECKPOINTS, Canary
from detection_scenes import quick, scenes

from core.errors import IvfbenchError
from downstream import _training
from downstream.detection.engines import initial
from downstream.detection.run import check_sources, run_detection
from downstream.segmentation.pretrained import read_weights
from fusion import checkpoints
from fusion.method import load_method
from fusion.smfnet.settings import RELEASED
from fusion.smfnet.weights import load_released

LOADERS = {
    "checkpoints.read": checkpoints.read,
    "checkpoints.read_network": checkpoints.read_network,
    "detection weights": lambda path: check_sources(quick(weights=str(path))),
    "classic weights": lambda path: initial.rewritten(path, path.with_name("rewritten.pt")),
    "segmentation pretrained": read_weights,
    "trainers' state": lambda path: _training.load_state(path, "identity"),
    "SMFNet released": lambda path: load_released(path, RELEASED),
    "a baseline's file": lambda path: load_method("seafusion", weights=path),
    "a pickled baseline": lambda path: load_method("caf", weights=path),
}


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_the_canaries_can_sing(kind, tmp_path):
    (tmp_path / "evil.pt").write_bytes(CHECKPOINTS[kind](Canary(tmp_path / "ran")))
    with contextlib.suppress(Exception):
        torch.load(tmp_path / "evil.pt", weights_only=False)
    with contextlib.suppress(Exception):
        pickle.loads((tmp_path / "evil.pt").read_bytes())
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", CHECKPOINTS)
@pytest.mark.parametrize("loader", LOADERS)
def test_nothing_runs(kind, loader, tmp_path):
    canary = tmp_path / "ran"
    path = tmp_path / "evil.pt"
    path.write_bytes(CHECKPOINTS[kind](Canary(canary)))
    with pytest.raises(IvfbenchError, match=r"evil\.pt") as told:
        LOADERS[loader](path)
    assert "\n" not in str(told.value) and not canary.exists()


def test_a_training_with_a_hostile_state_or_start_ends_in_one_line(tmp_path):
    images, dataset = scenes(tmp_path / "pictures")
    canary = tmp_path / "ran"

    def train(out, **changes):
        return run_detection(images, dataset, None, quick(epochs=1, **changes), seed=0, device="cpu", out=out)

    evil = tmp_path / "evil.pt"
    evil.write_bytes(CHECKPOINTS["in a network"](Canary(canary)))
    with pytest.raises(IvfbenchError, match=r"evil\.pt: cannot be read"):
        train(tmp_path / "one", weights=str(evil))
    for name in ("state.pt", "weights.pt"):
        out = tmp_path / name
        out.mkdir()
        (out / name).write_bytes(CHECKPOINTS["torch.save"](Canary(canary)))
        with pytest.raises(IvfbenchError, match="cannot be read"):
            train(out)
    assert not canary.exists()


def bomb(path):
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(4)}, buffer)
    with zipfile.ZipFile(buffer) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
        packed.writestr("archive/data/9", bytes(2**24))


def test_sizes_are_bounded_and_only_files_are_read(tmp_path):
    bomb(tmp_path / "bomb.pt")
    with pytest.raises(IvfbenchError, match="meant to fill the memory"):
        checkpoints.read(tmp_path / "bomb.pt")
    (tmp_path / "device.pt").symlink_to("/dev/zero")
    (tmp_path / "weights.safetensors").mkdir()
    for name in ("device.pt", "weights.safetensors"):
        with pytest.raises(IvfbenchError, match="a folder or device where a file should be"):
            checkpoints.read(tmp_path / name)
    with pytest.raises(IvfbenchError, match=r"none\.pt: cannot be read"):
        checkpoints.read(tmp_path / "none.pt")


def test_what_is_no_attack_still_works(tmp_path):
    from downstream.guard import prepare, torchvision_guard

    prepare(tmp_path / "config")
    torchvision_guard()
    from downstream.detection.engines import trainer

    settings = quick(epochs=1)
    model = trainer.network(settings, 3, seed=5)
    expected = model.state_dict()
    torch.save({"model": model.half(), "ema": None, "train_args": {"epochs": 1}}, tmp_path / "library.pt")
    torch.save({name: value.clone() for name, value in expected.items()}, tmp_path / "state.pt")
    for name in ("library.pt", "state.pt"):
        given = trainer.given_network(quick(epochs=1, weights=str(tmp_path / name)))
        assert all(torch.equal(value, expected[key].half().float() if value.is_floating_point() else value)
                   or torch.equal(value, expected[key]) for key, value in given.state_dict().items())
    again = initial.rewritten(tmp_path / "library.pt", tmp_path / "classic.pt")
    read = torch.load(again, weights_only=False)["model"].float().state_dict()  # as the classic train.py does
    assert list(read) and all(torch.equal(read[key], expected[key].half().float()) for key in read
                              if read[key].is_floating_point())
    torch.save({"other": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(IvfbenchError, match="no weights of a cut-down YOLOv5u"):
        trainer.given_network(quick(weights=str(tmp_path / "other.pt")))
    images, dataset = scenes(tmp_path / "pictures")
    found = run_detection(images, dataset, None, quick(epochs=1, weights=str(tmp_path / "library.pt")), seed=0,
                          device="cpu", out=tmp_path / "out")
    assert len(found.losses) == 1


def test_the_line_says_why_and_nothing_else_is_said(tmp_path, recwarn):
    path = tmp_path / "plain.pt"
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(IvfbenchError, match=r"cannot be read as a checkpoint \(\w[^()]*\)\."):
        checkpoints.read(path)
    assert not list(recwarn)

"""Training: the same seed gives the same rows, a killed run ends like an uninterrupted one."""

import json

import numpy as np
import pytest
import torch
from detection_scenes import CLASSES, quick, scenes
from PIL import Image

from core import records
from downstream import guard
from downstream._training import TrainingError, estimate_cost
from downstream.detection import run as run_module
from downstream.detection.data.folder import build_folder
from downstream.detection.run import read_predictions, run_detection
from downstream.detection.settings import DetectionError, DetectionSettings
from downstream.splits import Split
from suite.profile import load_profile

# everything that could differ after a kill: pending gradients (nbs > batch), mosaic's memory, best epoch by validation
# (with these numbers the third epoch ends with the gradients of three batches pending)
EVERYTHING = {"epochs": 5, "nbs": 20, "mosaic": 1.0, "close_mosaic": 1, "validate": True}


class Killed(BaseException):
    pass


def train(tmp_path, out, *, seed=0, device="cpu", settings=None, progress=None, split=None):
    images, dataset = scenes(tmp_path / "pictures")
    return run_detection(images, dataset, split, settings or quick(), seed=seed, device=device, out=tmp_path / out,
                         progress=progress)


def same(first, second) -> bool:
    return repr(first.rows) == repr(second.rows) and first.losses == second.losses  # repr: nan equals nan


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)["state"]["weights"]


@pytest.mark.long
def test_a_seed_decides_everything(tmp_path):
    first, second, other = (train(tmp_path, out, seed=seed) for out, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert same(first, second)
    assert first.predictions.read_bytes() == second.predictions.read_bytes()
    assert other.losses != first.losses
    assert len(first.losses) == 3 and first.losses[-1] < first.losses[0]
    assert {(row["item"], row["metric"]) for row in first.rows} == {
        *((name, metric) for name in CLASSES for metric in ("AP50", "AP50-yolo")),
        *(("-", metric) for metric in ("mAP50", "mAP50-95", "mAP50-yolo", "precision", "recall"))}
    assert first.settings["engine"] == "yolov5-sample" and "from scratch" in first.notes[0]


def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    settings = quick(**EVERYTHING)
    whole = train(tmp_path, "whole", settings=settings)
    seen = []

    def kill_after_three(done, total, loss):
        seen.append(done)
        if seen == [1]:  # the estimate is there before the long run goes on
            cost = json.loads((tmp_path / "killed/cost.json").read_text())
            assert cost["unit"] == "CPU hours" and cost["epochs"] == total == 5 and cost["predicted_hours"] > 0
        if done == 3 and len(seen) == 3:
            raise Killed

    with pytest.raises(Killed):
        train(tmp_path, "killed", settings=settings, progress=kill_after_three)
    # the library would take a picture's .npy for the picture, whatever is in it
    np.save(tmp_path / "killed/dataset/images/00000.npy", np.zeros((48, 64, 3), np.uint8))
    resumed = train(tmp_path, "killed", settings=settings, progress=kill_after_three)
    assert seen == [1, 2, 3, 4, 5]  # continued, not restarted
    assert same(whole, resumed)
    ours, theirs = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert resumed.cost["epochs"] == 5


def test_cost_is_predicted_from_the_first_epochs_and_kept(tmp_path):
    cost = estimate_cost(tmp_path, seconds=90.0, epochs=100, device="cpu", first=2)
    assert cost == {"unit": "CPU hours", "device": "cpu", "threads": torch.get_num_threads(), "epochs": 100,
                    "seconds_per_epoch": 45.0, "predicted_hours": 1.25}
    assert json.loads((tmp_path / "cost.json").read_text()) == cost
    assert estimate_cost(tmp_path, seconds=1.0, epochs=100, device="cpu") == cost  # a resumed run keeps the first one


def test_a_finished_training_is_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "read_predictions", lambda path: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        train(tmp_path, "a")  # killed between training and scoring
    monkeypatch.undo()
    done = train(tmp_path, "a", progress=lambda *_: pytest.fail("trained again"))
    assert len(done.losses) == 3 and not (tmp_path / "a/state.pt").exists()


def test_another_training_in_the_folder_is_refused(tmp_path):
    train(tmp_path, "a", settings=quick(epochs=1))
    with pytest.raises(TrainingError, match=r"weights\.pt: belongs to a training with other settings, data or seed"):
        train(tmp_path, "a", settings=quick(epochs=1), seed=5)


def test_divergence_is_an_error(tmp_path, monkeypatch):
    train(tmp_path, "a", settings=quick(epochs=1))  # loads the library behind its guard
    from downstream.detection.engines import trainer

    monkeypatch.setattr(trainer.Trainer, "optimizer_step", lambda self: self.loss.fill_(float("nan")))
    with pytest.raises(TrainingError, match="loss is nan in epoch 1; lower lr0"):
        train(tmp_path, "b")


def test_predictions_lie_in_the_picture_and_carry_the_rows(tmp_path):
    result = train(tmp_path, "a", settings=quick(conf=0.0))
    table = json.loads(result.predictions.read_text())
    assert table["classes"] == list(CLASSES) and set(table["images"]) == {"00012", "00013"}
    for boxes in read_predictions(result.predictions).values():
        boxes = np.array(boxes).reshape(-1, 6)
        assert 0 < len(boxes) <= 300 and (np.diff(boxes[:, 4]) <= 0).all()
        assert boxes[:, :4].min() >= 0 and boxes[:, [0, 2]].max() <= 64 and boxes[:, [1, 3]].max() <= 48


def test_folder_links_the_fused_bytes_and_takes_over_no_label(tmp_path):
    images, dataset = scenes(tmp_path / "pictures")
    folder = build_folder(tmp_path / "a", images, dataset, dataset.split(), colour=True).parent
    (folder / "labels/00003.txt").write_text("")
    (folder / "labels.cache").write_bytes(b"a pickle")
    assert build_folder(tmp_path / "a", images, dataset, dataset.split(), colour=True).parent == folder
    assert not (folder / "labels.cache").exists()
    for part, count in (("train", 10), ("val", 2), ("test", 2)):
        assert len((folder / f"{part}.txt").read_text().splitlines()) == count
    assert (folder / "images/00003.png").resolve() == images["00003"].resolve()
    assert len(list((folder / "labels").iterdir())) == 14
    box = dataset.boxes["00003"][1]
    line = (folder / "labels/00003.txt").read_text().splitlines()[1]
    assert [float(word) for word in line.split()] == pytest.approx([1, box.cx, box.cy, box.w, box.h], abs=1e-6)
    assert (folder / "labels/00001.txt").read_text() == ""


def test_grey_is_the_benchmarks_grey(tmp_path):
    images, dataset = scenes(tmp_path / "pictures")
    data = build_folder(tmp_path / "grey", images, dataset, dataset.split(), colour=False)
    grey = np.asarray(Image.open(data.parent / "images/00000.png"))
    rgb = np.asarray(Image.open(images["00000"])).astype(float)
    assert grey.ndim == 2 and np.abs(grey - rgb @ [0.299, 0.587, 0.114]).max() <= 0.5 + 1e-9
    images, dataset = scenes(tmp_path / "single", colour=False)
    data = build_folder(tmp_path / "linked", images, dataset, dataset.split(), colour=False)
    assert (data.parent / "images/00000.png").is_symlink()


def test_what_is_missing_is_named(tmp_path):
    images, dataset = scenes(tmp_path / "pictures")
    del images["00005"]
    with pytest.raises(DetectionError, match="no picture for 00005"):
        run_detection(images, dataset, None, quick(), seed=0, device="cpu", out=tmp_path / "a")
    with pytest.raises(DetectionError, match="no label for 99999"):
        run_detection(images, dataset, Split("s", ("99999",), ("00001",), ("00002",)), quick(), seed=0, device="cpu",
                      out=tmp_path / "a")
    with pytest.raises(DetectionError, match="no val pictures"):
        run_detection(images, dataset, Split("s", ("00000",), (), ("00002",)), quick(), seed=0, device="cpu",
                      out=tmp_path / "a")


@pytest.mark.parametrize("table, message", [
    ({"engine": "yolov5x"}, "yolov5xu"), ({"optimizer": "auto"}, "SGD"), ({"imgsz": 100}, "multiple of 32"),
    ({"epochs": 0}, "1 or more"), ({"mosaic": 2}, "probability"), ({"weights": "none.pt"}, "nothing is downloaded"),
    ({"lr": 0.1}, "unknown key 'lr'; did you mean")])
def test_settings_are_checked(table, message):
    with pytest.raises(DetectionError, match=message):
        records.read(DetectionSettings, table, "my.toml, [detection]", DetectionError)


def test_defaults_are_the_papers(tmp_path):
    guard.prepare(tmp_path)
    guard.torchvision_guard()
    from downstream.detection.engines.trainer import overrides

    assert load_profile("paper").settings_of("detection").training == DetectionSettings()  # nothing but the defaults
    paper = DetectionSettings()
    assert (paper.engine, paper.epochs, paper.batch, paper.optimizer, paper.lr0, paper.imgsz) == (
        "yolov5xu", 100, 8, "SGD", 1e-2, 640)
    assert "YOLOv5xu (ultralytics, anchor-free)" in paper.title  # never called YOLOv5x
    handed_on = overrides(paper, tmp_path, tmp_path, 0, "cpu")
    assert {key: handed_on[key] for key in ("epochs", "batch", "imgsz", "optimizer", "lr0", "cos_lr", "patience")} == {
        "epochs": 100, "batch": 8, "imgsz": 640, "optimizer": "SGD", "lr0": 1e-2, "cos_lr": False, "patience": 0}

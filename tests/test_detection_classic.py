"""The classic engine against a stand-in repository that takes YOLOv5 v7.0's arguments and writes its files."""

import json
import time

import git
import pytest
from detection_scenes import quick, scenes

from core.trust import VARIABLE
from downstream._training import TrainingError
from downstream.detection.engines import Job
from downstream.detection.engines.classic import Classic
from downstream.detection.engines.repository import install
from downstream.detection.run import run_detection
from downstream.detection.settings import DetectionError

TRAIN = '''
import argparse, json, os, pathlib, sys
p = argparse.ArgumentParser()
for name in ("data hyp weights cfg epochs batch-size imgsz optimizer seed device workers patience project name resume"
             ).split():
    p.add_argument("--" + name, default="")
for name in "noplots exist-ok rect cache noval".split():
    p.add_argument("--" + name, action="store_true")
o = p.parse_args()
first = 0
if o.resume:
    run = pathlib.Path(o.resume).parents[1]
    saved = json.loads((run / "opt.json").read_text())
    first = int(pathlib.Path(o.resume).read_text()) + 1
else:
    saved = vars(o)
    run = pathlib.Path(o.project) / o.name
    (run / "weights").mkdir(parents=True)
    (run / "opt.json").write_text(json.dumps(saved))
    json.loads(pathlib.Path(o.hyp).read_text())["obj"]
(run / "calls.txt").open("a").write(("resume" if o.resume else "start") + "\\n")
for epoch in range(first, int(saved["epochs"])):
    table = run / "results.csv"
    head = "" if table.exists() else "      epoch,   train/box_loss,   train/obj_loss,  metrics/mAP_0.5\\n"
    with table.open("a") as f:
        f.write(head + f"{epoch:20d},{1 / (epoch + 1):20.5g},{0.5:20.5g},{0.1:20.5g}\\n")
    for name in ("last.pt", "best.pt"):
        (run / "weights" / name).write_text(str(epoch))
    if os.environ.get("STANDIN_DIES") == str(epoch):
        sys.exit("died")
'''
VAL = '''
import argparse, os, pathlib
p = argparse.ArgumentParser()
for name in "data weights task batch-size imgsz conf-thres iou-thres max-det device workers project name".split():
    p.add_argument("--" + name, required=True)
for name in "save-txt save-conf exist-ok".split():
    p.add_argument("--" + name, action="store_true")
o = p.parse_args()
if os.environ.get("STANDIN_BUSY"):
    left = pathlib.Path(os.environ["STANDIN_BUSY"])
    left.write_text(str(int(left.read_text()) - 1))
    if int(left.read_text()) >= 0:
        print("WARNING NMS time limit 0.900s exceeded")
assert o.task == "test" and pathlib.Path(o.weights).is_file()
out = pathlib.Path(o.project) / o.name / "labels"
out.mkdir(parents=True)
folder = pathlib.Path(o.data).parent
for line in (folder / "test.txt").read_text().splitlines():
    key = pathlib.Path(line).stem  # the labels themselves, in YOLOv5's form: class, box, confidence
    label = pathlib.Path(line.replace("/images/", "/labels/")).with_suffix(".txt")
    (out / f"{key}.txt").write_text("".join(f"{row} 0.9\\n" for row in label.read_text().splitlines()))
'''


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standin")
    for name, text in (("train.py", TRAIN), ("val.py", VAL), ("requirements.txt", "")):
        (folder / name).write_text(text)
    with git.Repo.init(folder) as repo:
        repo.index.add(["train.py", "val.py", "requirements.txt"])
        author = git.Actor("Stand In", "stand@in")
        repo.index.commit("stand-in", author=author, committer=author)
        repo.create_tag("v7.0")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _home(installed, monkeypatch):
    monkeypatch.setenv("IVFBENCH_CLASSIC_HOME", str(installed))
    monkeypatch.setenv(VARIABLE, "1")  # the stand-in is not the pinned repository


def settings(repository, **changes):
    return quick(engine="yolov5-classic", nbs=64, classic_repository=str(repository), **changes)


def test_the_start_is_no_part_of_the_estimate(tmp_path, repository):
    """Importing torch and reading pictures takes longer than a small network's epoch."""
    (tmp_path / "classic").mkdir()
    (tmp_path / "classic.log").write_text("Starting training for 9 epochs...\n")  # an earlier call's
    job = Job(settings(repository, epochs=9), tmp_path / "data.yaml", tmp_path, ("a",), 0, "cpu", "identity")
    classic = Classic(job)
    classic.begun = time.perf_counter() - 1000
    classic._watch(False)
    assert not classic.ready
    with (tmp_path / "classic.log").open("a") as log:
        log.write("Starting training for 9 epochs...\n")
    classic._watch(False)
    (tmp_path / "classic/results.csv").write_text("epoch, train/box_loss\n0, 0.5\n")
    classic._watch(False)
    assert json.loads((tmp_path / "cost.json").read_text())["seconds_per_epoch"] < 500


@pytest.mark.long
def test_rows_come_back_and_a_kill_is_resumed(tmp_path, repository, monkeypatch):
    images, dataset = scenes(tmp_path / "pictures")
    seen = []

    def train():
        return run_detection(images, dataset, None, settings(repository), seed=3, device="cpu", out=tmp_path / "out",
                             progress=lambda done, total, loss: seen.append((done, total)))

    monkeypatch.setenv("STANDIN_DIES", "0")
    with pytest.raises(TrainingError, match=r"(?s)train\.py ended with 1.*died"):
        train()
    monkeypatch.delenv("STANDIN_DIES")
    result = train()
    assert (tmp_path / "out/classic/calls.txt").read_text().split() == ["start", "resume"]
    assert result.losses == pytest.approx([1.5, 1.0, 1 / 3 + 0.5], abs=1e-4)
    # the stand-in predicts the truth: pixels, classes and ids survive the way there and back
    assert {row["value"] for row in result.rows if row["metric"] == "AP50"} == {1.0}
    assert seen[-1] == (3, 3) and result.cost["unit"] == "CPU hours"
    options = json.loads((tmp_path / "out/classic/opt.json").read_text())
    expected = {"cfg": "yolov5x.yaml", "seed": "3", "optimizer": "SGD", "weights": "", "imgsz": "64"}
    assert {key: options[key] for key in expected} == expected
    assert "classic" in result.notes[0] and "named by the user, not the pinned one" in result.notes[1]
    assert not [note for note in result.notes if str(tmp_path.parent) in note]  # no path reaches a table
    train()
    assert (tmp_path / "out/classic/calls.txt").read_text().split() == ["start", "resume"]  # done is done
    (tmp_path / "out/classic/weights/best.pt").write_text("somebody else's")
    train()
    assert (tmp_path / "out/classic/calls.txt").read_text().split() == ["start"]  # nothing of it is unpickled


@pytest.mark.long
@pytest.mark.parametrize(("busy", "enough"), [(2, True), (3, False)])
def test_boxes_left_out_for_want_of_time_are_no_result(busy, enough, tmp_path, repository, monkeypatch):
    images, dataset = scenes(tmp_path / "pictures")
    (tmp_path / "busy").write_text(str(busy))
    monkeypatch.setenv("STANDIN_BUSY", str(tmp_path / "busy"))
    arguments = (images, dataset, None, settings(repository))
    if enough:
        assert run_detection(*arguments, seed=3, device="cpu", out=tmp_path / "out").rows
    else:
        with pytest.raises(TrainingError, match="too busy"):
            run_detection(*arguments, seed=3, device="cpu", out=tmp_path / "out")


def test_fixed_settings_are_refused(tmp_path, repository):
    images, dataset = scenes(tmp_path / "pictures")
    with pytest.raises(DetectionError, match="close_mosaic"):
        run_detection(images, dataset, None, settings(repository, close_mosaic=1), seed=0, device="cpu",
                      out=tmp_path / "out")


def test_a_repository_out_of_reach_is_named(tmp_path):
    with pytest.raises(DetectionError, match="could not be cloned"):
        install(settings(tmp_path / "nothing"))

"""Detection as a user runs it: label policy and folds from the profile, problems and cost told to the user."""

import json

import numpy as np
import pytest

from core.errors import IvfbenchError
from downstream.detection.data.policy import LabelError
from downstream.detection.settings import DetectionSettings
from fusion.images import write_png
from reports.data import load
from reports.tables import build
from reports.trace import trace
from suite.collect import collect
from suite.plan import make_plan
from suite.profile import load_profile
from suite.progress import Display
from suite.runner import _say_label_problems
from suite.stages import Context, execute
from suite.training import _deciding, progress_of

PROFILE = """
methods = ["average"]
suites = ["detection"]
[detection]
datasets = ["msrs"]
engine = "yolov5-sample"
{}
"""


@pytest.fixture
def data(tmp_path):
    """Ten MSRS pairs with boxes; the third label has a class that MSRS does not have and a box over the border."""
    top = tmp_path / "data/msrs"
    labels = top / "detection_label/fusion/test"
    for folder in (top / "test/ir", top / "test/vi", labels):
        folder.mkdir(parents=True)
    for number in range(10):
        key = f"{number:05d}{'ND'[number % 2]}"
        for folder in ("ir", "vi"):
            write_png(top / f"test/{folder}/{key}.png", np.full((48, 64), number, np.uint8))
        (labels / f"{key}.txt").write_text("0  0.5 0.5  0.2 0.2\n")  # two blanks, as published
    (labels / "00002N.txt").write_text("0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.2 0.2\n2 0.95 0.5 0.2 0.2\n")
    return tmp_path / "data"


def plan(tmp_path, data, lines, **changes):
    path = tmp_path / "mine.toml"
    path.write_text(PROFILE.format(lines))
    return make_plan(load_profile(str(path), **changes), data=data, weights=tmp_path, named=None, known_files={})


DROP = '[detection.labels]\nunknown_class = "drop"\nmax_dropped = 0.2'


def test_the_policy_comes_from_the_profile_and_problems_are_told(tmp_path, data, capsys):
    with pytest.raises(LabelError, match=r"00002N\.txt:2: class '9'.*unknown_class to drop"):
        plan(tmp_path, data, "")
    made = plan(tmp_path, data, DROP)
    display = Display()
    _say_label_problems(made, tmp_path, display)
    said = capsys.readouterr().err
    assert "labels of msrs: 10 pictures, 100 % with boxes; 10 person, 0 bicycle, 1 car; mean box 12" in said
    assert "1 unknown_class (drop), 1 outside (clip)" in said and "label_problems/msrs.txt" in said
    first, second = (tmp_path / "label_problems/msrs.txt").read_text().splitlines()
    assert "00002N.txt:2: class '9'" in first and "00002N.txt:3: car box" in second and second.endswith("(clip)")
    stricter = plan(tmp_path, data, DROP + '\noutside = "drop"')  # other boxes: another unit of work
    assert {u.key for u in made.units if u.stage == "detect"}.isdisjoint(u.key for u in stricter.units)


@pytest.mark.parametrize("lines, message", [
    ('[detection.labels]\nunknown = "drop"', "unknown key 'unknown'; did you mean unknown_class"),
    ('[detection.labels]\noutside = "ignore"', "outside = 'ignore'; "),
    ('labels = "drop"', "labels = 'drop'; expected a table")])
def test_the_policy_is_checked(tmp_path, data, lines, message):
    with pytest.raises(IvfbenchError, match=message):
        plan(tmp_path, data, lines)


def test_with_folds_every_seed_tests_another_fold(tmp_path, data):
    units = [u for u in plan(tmp_path, data, 'split = "folds"\n' + DROP, seeds=5).units if u.stage == "detect"]
    assert {u.method for u in units} == {"visible", "infrared", "average"} and len(units) == 15
    visible = [u for u in units if u.method == "visible"]
    assert sorted(key for u in visible for key in u.work.split.test) == sorted(visible[0].work.labels.ids)
    for unit in visible:
        split = unit.work.split
        assert split.name == f"fold{unit.seed}of5" and len(split.test) == 2 and len(split.train) == 6
        assert unit.settings["split"][0] == split.name  # part of the key
    with pytest.raises(IvfbenchError, match=r"unknown split 'fold'.*known: fold0of5"):
        plan(tmp_path, data, 'split = "fold"\n' + DROP)


def test_the_cost_is_said_once_after_the_first_epoch(tmp_path, data, capsys):
    unit = next(u for u in plan(tmp_path, data, DROP).units if u.stage == "detect")
    folder = tmp_path / unit.folder
    folder.mkdir(parents=True)
    (folder / "cost.json").write_text(json.dumps({"predicted_hours": 12.5, "unit": "GPU hours",
                                                  "seconds_per_epoch": 450.0}))
    display = Display()
    display.start(3, 0, {"detect": 3})
    context = Context(tmp_path, "cpu", {}, progress=lambda *told: display.report(unit, *told))
    for epoch in (1, 2):
        progress_of(unit, context)(epoch, 100, 3.25)
    said = capsys.readouterr().err
    assert said.count("about 12 GPU hours in all (450.0 s an epoch); 3 such trainings in this run") == 1
    assert "epoch 1 of 100, loss 3.250" in said


def test_a_run_says_what_was_trained_on_what_at_which_cost(tmp_path, data):
    short = 'split = "folds"\nepochs = 1\nimgsz = 64\nbatch = 4\nmosaic = 0.0\nworkers = 0\n'
    made = plan(tmp_path, data, short + DROP, seeds=2)
    made.units = [unit for unit in made.units if unit.method == "visible"]
    outcomes = {unit.key: execute(unit, Context(tmp_path, "cpu", {})) for unit in made.units}
    assert {outcome.reason for outcome in outcomes.values()} == {""}
    collect(tmp_path, made, outcomes, {"profile": "mine", "protocol": "released", "command": "", "paper": "",
                                       "started": "", "finished": ""})
    kept = json.loads((tmp_path / "provenance.json").read_text())
    units = kept["units"]
    assert kept["labels"]["detection"]["msrs"]["boxes"] == {"person": 10, "bicycle": 0, "car": 1}
    costs = [entry["cost"] for folder, entry in units.items() if folder.startswith("detect")]
    assert len(costs) == 2
    assert all(cost["unit"] == "CPU hours" and cost["predicted_hours"] > 0 < cost["measured_hours"] for cost in costs)
    table = build(load(tmp_path), 2)
    said = " ".join(table.notes)
    assert "a cut-down YOLOv5u for the sample, 64, from scratch" in said
    assert "split fold0of5: 5 seeded folds" in said and "split fold1of5" in said
    assert table.lines[0].cells[-1].spread is not None  # over the two folds
    bicycle = next(cell for head, cell in zip(table.headers, table.lines[0].cells) if head.text == "bicycle")
    assert bicycle.value is None and bicycle.note == "no such object in the test pictures"
    told = trace(tmp_path, "table2", "MSRS", "Visible", "mAP@0.5")
    assert "split fold1of5" in told and "mean of 2 rows over 2 seed(s)" in told


def test_where_initial_weights_lie_is_not_in_a_training_s_key(tmp_path):
    """Their hash is; a path says nothing of content, and a bundle for blind review must not hold it."""
    said = []
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).touch()
        said.append(_deciding(DetectionSettings(weights=str(tmp_path / name))))
    assert said[0] == said[1] and said[0]["weights"] == "given" and _deciding(DetectionSettings())["weights"] == ""

"""The author's daily loop: code is edited between two runs, and only what it computes is done again."""

import json
from pathlib import Path

import pandas as pd
import pytest
from suite_scenes import fails, run_cli, write_pairs

METHOD = '''
import numpy as np
from fusion.method import Card, LumaMethod, register
from ivfbench_plugins.shared_rule import rule

@register
class Mine(LumaMethod):
    card = Card(name="{name}", title="{name}", kind="baseline", task=("ivf",), paper="none",
                recipe={{"released": "maximum"}}, parity="none")

    def fuse_luma(self, ir, y):
        """Fused by a rule."""
        return {what}
'''
SHARED = '''
import numpy as np

def rule(a, b):
    return np.{what}(a, b)
'''
METRIC = '''
from metrics.registry import Definition, register

def mine(fused, ir, vi):
    """The mean."""
    return {what}

register("MINE", title="Mine", higher_is_better=True, function=mine,
         variants={{"own": Definition("this test", (0, 255))}})
'''


@pytest.fixture
def place(tmp_path):
    """(data, plug-ins, OUT): three pairs, two methods that share a module, one metric."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "shared_rule.py").write_text(SHARED.format(what="maximum"))
    (plugins / "first.py").write_text(METHOD.format(name="first", what="rule(ir, y)"))
    (plugins / "second.py").write_text(METHOD.format(name="second", what="np.float32(0.5) * (ir + y)").replace(
        "from ivfbench_plugins.shared_rule import rule\n", ""))
    (plugins / "mine.py").write_text(METRIC.format(what="fused.mean()"))
    return write_pairs(tmp_path / "data"), plugins, tmp_path / "out"


def loop(place, *more) -> pd.DataFrame:
    """One run of the author's command; its rows."""
    data, plugins, out = place
    ended = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--methods", "average,first,second",
                    "--metrics", "EN,VIF,MINE", "--plugins", plugins, "--out", out, "--jobs", 1, *more)
    assert ended.returncode == 0, ended.stderr
    return pd.read_csv(out / "rows.csv").set_index(["method", "item", "metric"])["value"]


def units(out: Path) -> dict[tuple[str, str], str]:
    """(stage, method) -> key of the units of the run."""
    return {(u["stage"], u["method"]): u["key"] for u in json.loads((out / "run.json").read_text())["units"]}


@pytest.mark.long
def test_an_edited_method_gives_new_numbers_and_redoes_only_its_own_units(place):
    before, keys = loop(place), units(place[2])
    (place[1] / "first.py").write_text(METHOD.format(name="first", what="np.minimum(ir, y)"))
    after, now = loop(place), units(place[2])
    assert {key for key in keys if keys[key] != now[key]} == {("fuse", "first"), ("score", "first")}
    assert (before["first"] != after["first"]).any()
    assert before.drop("first").equals(after.drop("first"))


@pytest.mark.long
def test_an_edited_comment_changes_nothing(place):
    loop(place)
    keys = units(place[2])
    path = place[1] / "first.py"
    path.write_text(path.read_text().replace('"""Fused by a rule."""', '"""The rule of maximum."""  # said so'))
    loop(place)
    assert units(place[2]) == keys


@pytest.mark.long
def test_an_edited_shared_module_redoes_its_users(place):
    before, keys = loop(place), units(place[2])
    (place[1] / "shared_rule.py").write_text(SHARED.format(what="minimum"))
    after, now = loop(place), units(place[2])
    assert {method for (_, method), key in keys.items() if now[_, method] != key} == {"first"}
    assert (before["first"] != after["first"]).any() and before["second"].equals(after["second"])


@pytest.mark.long
def test_an_edited_metric_scores_only_itself(place):
    before, keys = loop(place), units(place[2])
    (place[1] / "mine.py").write_text(METRIC.format(what="fused.max()"))
    after, now = loop(place), units(place[2])
    changed = {stage for (stage, _), key in keys.items() if now[stage, _] != key}
    assert changed == {"score"}
    mine = before.index.get_level_values("metric") == "MINE"
    assert (before[mine] != after[mine]).all() and before[~mine].equals(after[~mine])
    # EN and VIF were not computed again: what was recorded picture by picture holds the new metric alone
    out = place[2]
    runs = json.loads((out / "run.json").read_text())["units"]
    for unit in runs:
        if unit["stage"] == "score" and "own" in (out / unit["folder"] / "result.json").read_text():
            lines = (out / unit["folder"] / "partial.jsonl").read_text().splitlines()
            assert all(list(json.loads(line)["content"]["values"]) == ["MINE"] for line in lines)


@pytest.mark.long
def test_an_added_metric_leaves_the_others_alone(place):
    loop(place)
    data, _, out = place
    ended = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--methods", "average", "--metrics",
                    "EN,VIF,SD", "--out", out, "--jobs", 1)
    assert ended.returncode == 0, ended.stderr
    unit = next(u for u in json.loads((out / "run.json").read_text())["units"] if u["stage"] == "score")
    lines = (out / unit["folder"] / "partial.jsonl").read_text().splitlines()
    assert {name for line in lines for name in json.loads(line)["content"]["values"]} == {"SD"}


@pytest.mark.long
def test_a_broken_plug_in_stops_only_what_needs_it(place):
    data, plugins, out = place
    (plugins / "broken.py").write_text("import nothing_of_this_name\n")
    loop(place)
    ended = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--methods", "broken", "--plugins", plugins,
                    "--out", out)
    assert ended.returncode == 2
    assert "broken.py: ModuleNotFoundError" in ended.stderr and "unknown method 'broken'" in ended.stderr


@pytest.mark.long
def test_a_variant_of_a_toolbox_from_the_command_line(place):
    data, _, out = place
    ended = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--methods", "average", "--variant", "vifb",
                    "--out", out, "--jobs", 1)
    assert ended.returncode == 0, ended.stderr
    import metrics

    rows = pd.read_csv(out / "rows.csv")
    assert list(rows[rows["item"] == "a"]["metric"]) == list(metrics.names("vifb"))
    header = (out / "tables" / "table1.csv").read_text().splitlines()[0]
    assert all(name in header for name in metrics.names("vifb"))


@pytest.mark.parametrize(("table", "message"), [
    ('[ivf]\nvariannt = "smfnet"', "unknown key 'variannt'; did you mean variant?"),
    ("seedz = 3", "unknown key 'seedz'; did you mean seeds?"),
    ('[ivf]\nmetrics = "EN"', "metrics = 'EN'; expected a list"),
    ('suites = ["ablation"]\n[ablation]\ndatasets = ["tno"]\nrecipes = ["ae99"]\ntraining = "tno"',
     "unknown recipe 'ae99'"),
    ('suites = ["ablation"]\n[ablation]\ndatasets = ["tno"]\nrecipes = ["../../escaped.toml"]\ntraining = "tno"',
     "unknown recipe '../../escaped.toml'"),
    ('suites = ["ablation"]\n[ablation]\ndatasets = ["tno"]', "key 'training' is missing"),
    ("ablation = 3", "expected a table"),
])
def test_a_typo_in_a_profile_is_one_line(place, tmp_path, capsys, monkeypatch, table, message):
    profile = tmp_path / "mine.toml"
    profile.write_text(table)
    assert message in fails(capsys, monkeypatch, "--profile", profile, "--data", place[0], "--out", place[2])


@pytest.mark.long
def test_a_picture_too_small_for_one_metric_leaves_the_others(tmp_path):
    data, out = write_pairs(tmp_path / "data", size=(40, 40)), tmp_path / "out"
    ended = run_cli("--suite", "ivf", "--data", data, "--datasets", "tno", "--methods", "average", "--metrics",
                    "EN,VIF", "--out", out, "--jobs", 1)
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout + ended.stderr
    assert 0 < said.find("VIF is undefined for 3 of 3 pictures of tno") < said.find("units of work")
    values = pd.read_csv(out / "rows.csv").set_index(["item", "metric"])["value"]
    assert values.xs("EN", level="metric").notna().all() and values.xs("VIF", level="metric").isna().all()
    table = (out / "tables" / "table1.md").read_text()
    assert "VIF is undefined for 3 of 3 pictures of tno (a: needs at least 41x41 pixels; the images have" in table

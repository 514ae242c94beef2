"""Whole runs on small pairs: done once, resumed picture by picture, damaged pictures made again, locked, verified."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from suite_scenes import ROOT, run_cli, write_pairs

from reports.data import load

pytestmark = pytest.mark.long  # whole runs in processes of their own

METHODS = "visible,infrared,average,laplacian"


def arguments(root, out):
    return ["--suite", "ivf", "--profile", "paper", "--data", root, "--methods", METHODS, "--datasets", "tno", "--out",
            out, "--jobs", "2"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(data root, OUT) of an undisturbed run."""
    root, out = write_pairs(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("out")
    done = run_cli(*arguments(root, out))
    assert done.returncode == 0, done.stderr
    return root, out


def stamps(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("fuse/*/*/*/images/*.png")}


def test_rows_and_tables(finished):
    _, out = finished
    rows = pd.read_csv(out / "rows.csv")
    assert len(rows) == 4 * 3 * 9 and set(rows["variant"]) == {"smfnet"}
    # a method that returns the visible picture has the visible picture's own entropy and no more than it can know
    assert rows.query("method == 'visible' and metric == 'SD'")["value"].gt(0).all()
    table = pd.read_csv(out / "tables/table1.csv")
    assert list(table["method"])[:2] == ["Visible", "Infrared"] and len(table) == 4
    mean = rows.query("method == 'average' and metric == 'EN'")["value"].mean()
    assert table.set_index("method").loc["Average", "EN"] == pytest.approx(mean, abs=5e-5)
    run = json.loads((out / "run.json").read_text())
    assert {u["status"] for u in run["units"]} == {"done"} and len(run["units"]) == 8


def test_the_same_command_computes_nothing(finished):
    root, out = finished
    before, table = stamps(out), (out / "tables/table1.tex").read_bytes()
    again = run_cli(*arguments(root, out))
    assert again.returncode == 0 and "0 done now, 8 not touched" in again.stderr
    assert stamps(out) == before and (out / "tables/table1.tex").read_bytes() == table


def test_a_damaged_picture_is_made_again_and_only_that(finished):
    root, out = finished
    before, rows = stamps(out), (out / "rows.csv").read_bytes()
    victim = next(path for path in before if "/average/" in str(path))
    good = victim.read_bytes()
    victim.write_bytes(b"damaged")
    again = run_cli(*arguments(root, out))
    assert again.returncode == 0 and "made again" in again.stderr
    after = stamps(out)
    assert {path for path in before if after[path] != before[path]} == {victim}
    assert victim.read_bytes() == good and (out / "rows.csv").read_bytes() == rows


def test_killed_and_run_again(finished, tmp_path):
    root, out = finished
    mine = tmp_path / "out"
    process = subprocess.Popen([sys.executable, ROOT / "run_all.py", *map(str, arguments(root, mine))],
                               stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while not stamps(mine) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = stamps(mine)
    assert kept
    assert run_cli(*arguments(root, mine)).returncode == 0
    after = stamps(mine)
    assert {path: after[path] for path in kept} == kept
    assert (mine / "rows.csv").read_bytes() == (out / "rows.csv").read_bytes()
    assert (mine / "tables/table1.csv").read_bytes() == (out / "tables/table1.csv").read_bytes()


def test_two_runs_on_one_out(finished):
    from suite.runner import locked

    root, out = finished
    with locked(out):
        second = run_cli(*arguments(root, out))
    assert second.returncode == 2 and "in use by process" in second.stderr and str(os.getpid()) in second.stderr


def test_a_changed_input_is_a_new_unit(finished, tmp_path):
    root, out = finished
    changed = write_pairs(tmp_path / "data", size=(56, 72))
    before = stamps(out)
    assert run_cli(*arguments(changed, out)).returncode == 0
    assert set(before) < set(stamps(out))
    assert run_cli(*arguments(root, out)).returncode == 0  # and back: nothing is done again
    assert {p: t for p, t in stamps(out).items() if p in before} == before


def test_verify_finds_what_was_tampered_with(finished):
    _, out = finished
    weights = out / "weights"
    weights.mkdir(exist_ok=True)
    good = run_cli("verify", out, "--weights", weights, "--pictures", "3")
    assert good.returncode == 0 and "all of it holds" in good.stdout
    text = (out / "rows.csv").read_text()
    line = next(line for line in text.splitlines() if ",EN," in line)
    (out / "rows.csv").write_text(text.replace(line, line[:-1] + ("1" if line[-1] != "1" else "2"), 1))
    bad = run_cli("verify", out, "--weights", weights, "--pictures", "0")
    (out / "rows.csv").write_text(text)
    assert bad.returncode == 1 and "rows.csv: differs" in bad.stdout


def test_trace_leads_to_rows_and_hashes(finished):
    _, out = finished
    traced = run_cli("trace", "table1", "tno", "average", "VIF", out)
    assert traced.returncode == 0 and "manifest sha256" in traced.stdout and traced.stdout.count("seed 0") == 3
    assert "no method 'avarage'" in run_cli("trace", "table1", "tno", "avarage", "VIF", out).stderr


def test_verify_names_what_is_missing_and_what_was_changed(finished, tmp_path):
    _, out = finished
    copy, weights = tmp_path / "copy", tmp_path / "weights"
    weights.mkdir()
    shutil.copytree(out, copy, ignore=shutil.ignore_patterns("figures"))
    # OUT keeps the units of the changed input too (a test above): which are the run's, only run.json knows
    data = load(copy)
    average, visible, laplacian = (copy / data.unit(stage, method, "tno").folder for stage, method in
                                   (("fuse", "average"), ("fuse", "visible"), ("score", "laplacian")))
    gone, other = sorted((average / "images").glob("*.png"))[:2]
    gone.unlink()
    other.write_bytes((visible / "images" / gone.name).read_bytes())
    result = laplacian / "result.json"
    content = json.loads(result.read_text())
    content["rows"] = content["rows"][1:]
    result.write_text(json.dumps(content))
    found = run_cli("verify", copy, "--weights", weights, "--pictures", "12")
    assert found.returncode == 1
    for text in (f"{gone.name}: gone or not the bytes", f"{other.name}: gone or not the bytes", "rows.csv: differs",
                 "nothing for EN of a (1 in all)", "fused again it differs by"):
        assert text in found.stdout, (text, found.stdout)

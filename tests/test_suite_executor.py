"""The local executor: a dead worker fails its unit only; what needs a failed unit says so."""

from pathlib import Path

import pytest

from core.plugins import load_folders
from suite.executors import inprocess, local

load_folders([Path(__file__).parent / "plugins"])
from ivfbench_plugins.nap import nap  # noqa: E402 - there once the plug-ins are loaded


def run(units, tmp_path, stop=lambda: False, run_units=local.run_units):
    outcomes = run_units(units, set(), out=tmp_path, device="cpu", jobs=2, environment={},
                         report=lambda *a: None, stop=stop)
    return {u.method: outcome for u, outcome in outcomes}


@pytest.mark.long
def test_failures_stay_with_their_unit(tmp_path):
    bad, dead = nap("bad", do="raise"), nap("dead", do="die")
    found = run([bad, dead, nap("after", bad), nap("good"), nap("last")], tmp_path)
    assert found["good"].status == found["last"].status == "done"
    assert found["bad"].status == "failed" and "ValueError: no luck" in found["bad"].reason
    assert "SIGKILL" in found["dead"].reason
    assert "what it needs failed: ValueError: no luck" in found["after"].reason
    assert (tmp_path / bad.folder / "failure.json").exists() and not (tmp_path / bad.folder / "result.json").exists()


@pytest.mark.parametrize("executor", [local, inprocess])
def test_stop_leaves_the_rest_undone(tmp_path, executor):
    assert run([nap("a")], tmp_path, stop=lambda: True, run_units=executor.run_units) == {}


def test_in_process_failures_stay_with_their_unit_too(tmp_path):
    bad = nap("bad", do="raise")
    found = run([bad, nap("after", bad), nap("good")], tmp_path, run_units=inprocess.run_units)
    assert found["good"].status == "done" and "no luck" in found["bad"].reason
    assert "what it needs failed: ValueError: no luck" in found["after"].reason

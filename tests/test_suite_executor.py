"""The local executor: a dead worker fails its unit only; what needs a failed unit says so."""

import os

from suite.executors.local import run_units
from suite.unit import Unit


def unit(name, *upstream, **settings):
    return Unit("nap", name, "-", 0, 1, settings, upstream)


def run(units, tmp_path, stop=lambda: False):
    outcomes = run_units(units, set(), out=tmp_path, device="cpu", jobs=2, environment={},
                         report=lambda *a: None, stop=stop)
    return {u.method: outcome for u, outcome in outcomes}


def test_failures_stay_with_their_unit(tmp_path, monkeypatch):
    _stage(tmp_path, monkeypatch)
    bad, dead = unit("bad", do="raise"), unit("dead", do="die")
    found = run([bad, dead, unit("after", bad), unit("good", do="work"), unit("last", do="work")], tmp_path)
    assert found["good"].status == found["last"].status == "done"
    assert found["bad"].status == "failed" and "ValueError: no luck" in found["bad"].reason
    assert "SIGKILL" in found["dead"].reason
    assert "what it needs failed: ValueError: no luck" in found["after"].reason
    assert (tmp_path / bad.folder / "failure.json").exists() and not (tmp_path / bad.folder / "result.json").exists()


def test_stop_leaves_the_rest_undone(tmp_path, monkeypatch):
    _stage(tmp_path, monkeypatch)
    assert run([unit("a", do="work")], tmp_path, stop=lambda: True) == {}


def _stage(tmp_path, monkeypatch):
    """A stage `nap` that the spawned workers can import too."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys, types, os, signal\n"
        "import importlib.abc, importlib.machinery\n"
        "class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        return importlib.machinery.ModuleSpec(name, self) if name == 'suite.stages.nap' else None\n"
        "    def exec_module(self, module):\n"
        "        from suite.stages import Made\n"
        "        def run(unit, context):\n"
        "            if unit.settings['do'] == 'raise': raise ValueError('no luck')\n"
        "            if unit.settings['do'] == 'die': os.kill(os.getpid(), signal.SIGKILL)\n"
        "            return Made()\n"
        "        module.VERSION, module.run = 1, run\n"
        "sys.meta_path.append(Finder())\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

"""The benchmark from Python: in a script without a main guard, in a thread, with objects and functions."""

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from suite_scenes import ROOT, write_pairs

import results
from core.errors import IvfbenchError
from suite import run


def darker(ir, vi):
    return np.minimum(ir, vi if vi.ndim == 2 else vi.mean(axis=-1, dtype=np.float32))


class Mixture:
    name = "mixture"

    def __init__(self, weight):
        self.weight = weight

    def fuse(self, ir, vi):
        return self.weight * ir + (1 - self.weight) * (vi if vi.ndim == 2 else vi.mean(axis=-1))


@pytest.fixture
def data(tmp_path):
    return write_pairs(tmp_path / "data")


def ivf(data, out, methods, **more):
    return run(suites=["ivf"], methods=methods, datasets=["tno"], data=data, out=out, weights=data, **more)


def test_names_functions_and_objects_in_one_run(data, tmp_path):
    made = ivf(data, tmp_path / "out", ["average", darker, Mixture(0.25)])
    assert made.ok and set(made.rows["method"]) == {"average", "darker", "mixture"}
    assert [line.label for line in made.table(1).table.lines] == ["Average", "darker", "mixture"]
    assert "mixture" in repr(made.table(1)) and "<table" in made.table(1)._repr_html_()
    again = results.load(tmp_path / "out")
    assert again.rows.equals(made.rows) and again.table(1).frame.equals(made.table(1).frame)


@pytest.mark.long
def test_an_object_with_another_state_is_done_again(data, tmp_path):
    first = ivf(data, tmp_path / "out", [Mixture(0.25)]).rows
    second = ivf(data, tmp_path / "out", [Mixture(0.75)]).rows
    third = ivf(data, tmp_path / "out", [Mixture(0.25)]).rows
    assert not first["value"].equals(second["value"]) and first.equals(third)


@pytest.mark.long
def test_in_a_thread(data, tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(ivf(data, tmp_path / "out", ["average"], jobs=1)))
    thread.start()
    thread.join()
    assert found and found[0].ok


@pytest.mark.long
@pytest.mark.parametrize("jobs", [0, 2])
def test_a_script_without_a_main_guard(data, tmp_path, jobs):
    script = tmp_path / "mine.py"
    script.write_text(textwrap.dedent(f"""
        from suite import run
        print("once")
        made = run(suites=["ivf"], methods=["average", "visible"], datasets=["tno"], data={str(data)!r},
                   weights={str(data)!r}, out={str(tmp_path / "out")!r}, jobs={jobs})
        print(len(made.rows), made.ok)
    """))
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, cwd=ROOT,
                           env={**__import__("os").environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["once", "54 True"]


def test_objects_need_this_process_and_say_so(data, tmp_path):
    with pytest.raises(IvfbenchError, match="jobs=0"):
        ivf(data, tmp_path / "out", [darker], jobs=2)


@pytest.mark.parametrize(("methods", "message"), [
    ([3], "has no fuse"), (["averge"], "did you mean average"), (["a=nowhere"], "no such folder")])
def test_what_cannot_be_begun(data, tmp_path, methods, message):
    with pytest.raises(IvfbenchError, match=message):
        ivf(data, tmp_path / "out", methods)

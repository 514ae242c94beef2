"""Any file under OUT, damaged in any way: re-run, verify, report and trace repair it or name it in one line."""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from suite_scenes import write_pairs

VALUES = st.sampled_from([None, True, 0, -1, 2**70, 0.5, "", "x", "../../x", [], [None], [[1]], {}, {"x": 1}])
COMMANDS = ("run", "verify", "report", "trace", "compare", "bundle", "audit")


@pytest.fixture(scope="module", autouse=True)
def without_drawing():
    """Figures take most of a report's time and read the same files as the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.write.write_figures", lambda data, folder, progress=None: sorted(folder.glob("*.png")))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(data root, OUT)."""
    root, out = write_pairs(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("out")
    assert call(*command("run", root, out))[0] == 0
    return root, out


def command(name: str, root: Path, out: Path) -> list[Any]:
    return {"run": ["--suite", "ivf", "--profile", "paper", "--data", root, "--methods", "visible,average",
                    "--datasets", "tno", "--metrics", "EN,MI", "--jobs", "0", "--out", out],
            "verify": ["verify", out, "--data", root], "report": ["report", out],
            "trace": ["trace", "table1", "tno", "average", "EN", out], "compare": ["compare", out, out],
            "bundle": ["bundle", out, "--to", out.parent / "bundle.zip"],
            "new-paper": ["new-paper", out.parent / "paper", "--out", out],
            "audit": ["audit", _claimed(root), "--images", f"average={root / 'tno' / 'vi'}", "--data", root,
                      "--datasets", "tno", "--out", out]}[name]


def _claimed(root: Path) -> Path:
    """A printed table that the audit finds wrong."""
    path = root / "claimed.csv"
    path.write_text("method,EN\naverage,1.23\n")
    return path


def call(*arguments: Any) -> tuple[int, str]:
    """(exit code, what was printed) of the command line in this process; anything but an exit is raised."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from suite.cli import main

    said = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(said), redirect_stdout(said):
        patch.setattr(sys, "argv", ["run_all.py", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return code, said.getvalue()


def damage(path: Path, data: st.DataObject) -> str:
    """Damage a file in some way; what was done."""
    content = path.read_bytes()
    ways = ["empty", "cut", "noise", "one byte", "gone", "a folder", "a dead link", "nested"]
    if path.suffix in (".json", ".jsonl"):
        ways += ["another value"] * 8
    how = data.draw(st.sampled_from(ways), "how")
    if how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(content[:data.draw(st.integers(0, max(0, len(content) - 1)), "at")])
    elif how == "noise":
        path.write_bytes(data.draw(st.binary(max_size=60), "noise"))
    elif how == "nested":
        path.write_bytes(b"[" * 100_000)
    elif how == "one byte" and content:
        place = data.draw(st.integers(0, len(content) - 1), "place")
        path.write_bytes(content[:place] + bytes([data.draw(st.integers(0, 255), "byte")]) + content[place + 1:])
    elif how == "another value":
        try:
            path.write_text(json.dumps(changed(json.loads(content), data)))
        except ValueError:  # lines of a journal
            path.write_text(json.dumps(data.draw(VALUES, "value")))
    else:
        path.unlink()
        if how == "a folder":
            (path / "inside").mkdir(parents=True)
        elif how == "a dead link":
            path.symlink_to(path.with_name("nowhere"))
    return how


def changed(content: Any, data: st.DataObject, values: st.SearchStrategy[Any] = VALUES) -> Any:
    """JSON with one value, somewhere, replaced by one of `values` or taken out."""
    if isinstance(content, dict) and content and data.draw(st.integers(0, 9), "deeper"):
        name = data.draw(st.sampled_from(sorted(content)), "key")
        if not data.draw(st.integers(0, 5), "kept"):
            return {key: value for key, value in content.items() if key != name}
        return {**content, name: changed(content[name], data, values)}
    if isinstance(content, list) and content and data.draw(st.integers(0, 9), "deeper"):
        place = data.draw(st.integers(0, len(content) - 1), "place")
        return [*content[:place], changed(content[place], data, values), *content[place + 1:]]
    return data.draw(values, "value")


def files(out: Path) -> list[Path]:
    return sorted(path.relative_to(out) for path in out.rglob("*")
                  if path.is_file() and "matplotlib" not in path.parts and "ultralytics" not in path.parts)


def check(finished: tuple[Path, Path], data: st.DataObject) -> None:
    root, out = finished
    rows = (out / "rows.csv").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "out"
        shutil.copytree(out, copy)
        victim = data.draw(st.sampled_from(files(out)), "file")
        how = damage(copy / victim, data)
        for name in dict.fromkeys([data.draw(st.sampled_from(COMMANDS), "command"), "run"]):
            code, said = call(*command(name, root, copy))
            what = f"{how} {victim}, {name}: {code}\n{said}"
            assert "Traceback" not in said and code in (0, 1, 2), what
            if code == 2:
                assert said.count("error: ") == 1 and victim.name in said.replace("\n", ""), what
            if code == 1:
                assert (name == "verify" and "WRONG" in said) or name == "audit", what
        assert code == 2 or (copy / "rows.csv").read_bytes() == rows, what


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True, "derandomize": True,
          "phases": (Phase.explicit, Phase.generate)}


@pytest.mark.long
@settings(max_examples=25, **COMMON)
@given(data=st.data())
def test_some(finished, data):
    check(finished, data)


@pytest.mark.long
@settings(max_examples=80, **{**COMMON, "derandomize": False})
@given(data=st.data())
def test_many(finished, data):
    check(finished, data)

"""Killed, interrupted, out of room: what is finished stays; the same command ends with an undisturbed run's rows."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
import tomllib

import pytest
from suite_scenes import ROOT, run_cli, started, write_pairs

pytestmark = pytest.mark.long  # whole runs in processes of their own

KILLS = 8
# pictures and results are complete under their names; once there, no later run may touch them
FINISHED = ("sample/**/*.png", "fuse/*/*/*/images/*.png", "*/*/*/*/result.json")


def finished(out):
    return {path: path.stat().st_mtime_ns for pattern in FINISHED for path in out.glob(pattern)}


def small_profile(folder):
    """The sample profile with one fused method and three epochs."""
    text = (ROOT / "suite/profiles/sample.toml").read_text()
    methods = tomllib.loads(text)["methods"]
    text = text.replace(str(methods).replace("'", '"'), '["average"]')
    for epochs in ("25", "28"):
        assert f"epochs = {epochs}" in text
        text = text.replace(f"epochs = {epochs}", "epochs = 3")
    path = folder / "small.toml"
    path.write_text(text)
    assert tomllib.loads(text)["methods"] == ["average"]
    return path


def test_killed_at_random_moments(tmp_path):
    profile, out, log = small_profile(tmp_path), tmp_path / "killed", tmp_path / "log"
    command = ["--profile", profile, "--jobs", "2", "--out"]
    quiet = run_cli(*command, tmp_path / "quiet")
    assert quiet.returncode == 0, quiet.stderr
    moments, kept, killed = random.Random(5), {}, 0
    for _ in range(KILLS):
        with started(*command, out, log=log) as process:
            time.sleep(moments.uniform(0.5, 11))
            killed += process.poll() is None
        now = finished(out)
        assert {path: now.get(path) for path in kept} == kept, "a finished file was touched"
        kept = now
    assert killed >= KILLS // 2, "most of the kills came after the end"
    last = run_cli(*command, out)
    assert last.returncode == 0, last.stderr
    now = finished(out)
    assert {path: now[path] for path in kept} == kept
    tables = [f"tables/table{number}.{kind}" for number in (1, 2, 3) for kind in ("csv", "tex", "md")]
    for name in ("rows.csv", *tables):
        assert (out / name).read_bytes() == (tmp_path / "quiet" / name).read_bytes(), name
    assert not list(out.glob("*/*/*/*/images/.*.tmp"))


def arguments(root, out):
    return ["--suite", "ivf", "--profile", "paper", "--data", root, "--methods", "infrared,laplacian", "--datasets",
            "tno", "--jobs", "1", "--out", out]


def wait_for_pictures(process, out, log):
    while not list(out.glob("fuse/*/*/*/images/*.png")):
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)


def test_one_interrupt_ends_after_the_picture_with_a_summary(tmp_path):
    pairs = write_pairs(tmp_path / "data", [f"{number:02}" for number in range(24)], (480, 640))
    out, log = tmp_path / "out", tmp_path / "log"
    with started(*arguments(pairs, out), log=log) as process:
        wait_for_pictures(process, out, log)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the group
        assert process.wait(timeout=60) == 1
    text = log.read_text()
    assert "stopped by the user" in text and "Traceback" not in text and "2 failed or stopped" not in text
    kept = finished(out)
    assert 0 < len(kept) < 24 * 2
    assert run_cli(*arguments(pairs, out)).returncode == 0
    assert kept.items() <= finished(out).items()


def test_a_second_interrupt_ends_at_once(tmp_path):
    pairs = write_pairs(tmp_path / "data", "abc", (1200, 1600))  # slow enough for two signals within one picture
    out, log = tmp_path / "out", tmp_path / "log"
    with started(*arguments(pairs, out), log=log) as process:
        wait_for_pictures(process, out, log)
        for _ in range(5):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.03)
        assert process.wait(timeout=60) == 130
    assert "the same command goes on" in log.read_text() and "Traceback" not in log.read_text()
    assert not list(out.glob("fuse/*/*/*/result.json"))
    kept = finished(out)
    assert run_cli(*arguments(pairs, out)).returncode == 0
    assert kept.items() <= finished(out).items()


def test_no_room_left(tmp_path):
    """Files may not grow beyond 100 kB: writing a picture fails in the middle, as on a full disk."""
    pairs, out = write_pairs(tmp_path / "data", "abc", (480, 640)), tmp_path / "out"
    limited = subprocess.run(
        [sys.executable, ROOT / "run_all.py", *map(str, arguments(pairs, out))], capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)), cwd=ROOT)
    assert limited.returncode in (1, 2) and "File too large" in limited.stderr and "Traceback" not in limited.stderr
    assert not list(out.glob("fuse/*/*/*/images/*.png")) and not list(out.glob("fuse/*/*/*/result.json"))
    assert run_cli(*arguments(pairs, out)).returncode == 0

"""Small pairs in a documented layout, and the command line called in this process or in one of its own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fusion import images

ROOT = Path(__file__).resolve().parent.parent


def write_pairs(root: Path, names=("a", "b", "c"), size=(48, 64)) -> Path:
    """`root`/tno/{ir,vi} with textured pictures."""
    rng = np.random.default_rng(0)
    for folder in ("ir", "vi"):
        (root / "tno" / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            smooth = np.kron(rng.integers(0, 200, (size[0] // 8, size[1] // 8)), np.ones((8, 8)))
            picture = smooth + rng.integers(0, 50, size)
            images.write_png(root / "tno" / folder / f"{name}.png", picture.astype(np.uint8))
    return root


def run_cli(*arguments, timeout=300) -> subprocess.CompletedProcess:
    """run_all.py in a process of its own."""
    return subprocess.run([sys.executable, str(ROOT / "run_all.py"), *map(str, arguments)], capture_output=True,
                          text=True, timeout=timeout, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=ROOT)


@contextlib.contextmanager
def started(*arguments, log: Path) -> Iterator[subprocess.Popen]:
    """run_all.py in a process group of its own, its messages in `log`; nothing of it is left afterwards."""
    with log.open("a") as stream:
        process = subprocess.Popen([sys.executable, str(ROOT / "run_all.py"), *map(str, arguments)], stderr=stream,
                                   stdout=stream, start_new_session=True, cwd=ROOT,
                                   env={**os.environ, "OMP_NUM_THREADS": "1"})
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def fails(capsys, monkeypatch, *arguments) -> str:
    """Call the command line here; it must end with code 2 and one line on stderr, which is returned."""
    from suite.cli import main

    monkeypatch.setattr(sys, "argv", ["run_all.py", *map(str, arguments)])
    code = None
    try:
        main()
    except SystemExit as end:
        code = end.code
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(error) == 1, (code, error)
    return error[0]

"""200 mutated inputs through the command line: each a clear error, and nothing else happens."""

import random
import shutil
import sys

import mutations_inputs  # noqa: F401 - it registers its mutations, as do the next two
import mutations_labels  # noqa: F401
import mutations_runs  # noqa: F401
import pytest
from mutation_sandbox import MUTATIONS, ivf, write_sandbox
from suite_scenes import run_cli

CASES = 200


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A sandbox with a finished run."""
    box = write_sandbox(tmp_path_factory.mktemp("original"))
    done = run_cli(*ivf(box, "average,visible"))
    assert done.returncode == 0, done.stderr
    return box


def contents(folder):
    """path -> bytes of everything but a run's caches."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and ".cache" not in path.parts}


@pytest.mark.long
@pytest.mark.parametrize("case", range(CASES))
def test_refused(case, original, tmp_path, capsys, monkeypatch):
    from suite.cli import main

    box, home = tmp_path / "box", tmp_path / "home"
    shutil.copytree(original, box)
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    mutate = MUTATIONS[case % len(MUTATIONS)]
    arguments = mutate(box, random.Random(case))
    before = contents(tmp_path)
    monkeypatch.setattr(sys, "argv", ["run_all.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    shown = f"{mutate.__name__} {arguments}\n{said.out}\n{said.err}"
    assert end.value.code not in (0, None), shown
    assert "Traceback" not in said.err + said.out, shown
    errors = [line for line in said.err.splitlines() if "error" in line.lower()]
    assert errors or "WRONG" in said.out, shown
    assert contents(tmp_path) == before, shown


def test_every_mutation_is_fed():
    assert len(MUTATIONS) * 5 <= CASES and len({m.__name__ for m in MUTATIONS}) == len(MUTATIONS)

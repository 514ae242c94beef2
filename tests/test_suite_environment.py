"""The provenance says which commit ran and whether it was changed, and looking leaves the checkout as it is."""

import os
from pathlib import Path

import pytest
from git import Repo

from suite import environment


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A checkout that the module seems to lie in; its index is older than its file, so that git would refresh it."""
    repository = Repo.init(tmp_path)
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "environment.py").write_text("a")
    repository.index.add(["suite/environment.py"])
    repository.index.commit("x")
    os.utime(tmp_path / "suite" / "environment.py", (1, 1))
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "suite" / "environment.py"))
    return repository


def test_looking_does_not_write_the_index(checkout):
    index = Path(checkout.index.path)
    before = index.stat()
    assert environment._git() == (checkout.head.commit.hexsha, False)
    assert (index.stat().st_mtime_ns, index.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_change_is_said_and_a_new_file_is_none(checkout):
    (Path(checkout.working_dir) / "new").write_text("b")
    assert environment._git()[1] is False
    (Path(checkout.working_dir) / "suite" / "environment.py").write_text("b")
    assert environment._git()[1] is True


def test_no_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "suite" / "environment.py"))
    assert environment._git() == (None, None)

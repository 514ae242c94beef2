"""What a result must say about where it was made: code version, packages, machine."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "ultralytics", "onedl-mmengine", "onedl-mmsegmentation", "opencv-python", "numpy",
            "scipy", "pandas", "pillow")


def environment() -> dict[str, Any]:
    """JSON-able: git commit and dirty flag (None outside a checkout), versions, python, platform, cores."""
    commit, dirty = _git()
    return {"commit": commit, "dirty": dirty, "python": platform.python_version(), "platform": platform.platform(),
            "cores": len(os.sched_getaffinity(0)), "packages": {name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> tuple[str | None, bool | None]:
    from git import InvalidGitRepositoryError, NoSuchPathError, Repo

    try:
        repository = Repo(Path(__file__).resolve().parent.parent)
        # looking must not write: `git diff` (is_dirty) refreshes the index, and a run that is killed meanwhile, or runs
        # out of room, leaves .git/index.lock behind, with which nothing can be committed
        repository.git.update_environment(GIT_OPTIONAL_LOCKS="0")
        changes = repository.git.status("--porcelain", "--untracked-files=no", "--ignore-submodules")
        return repository.head.commit.hexsha, bool(changes)
    except (InvalidGitRepositoryError, NoSuchPathError, ValueError):
        return None, None

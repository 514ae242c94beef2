"""The classic YOLOv5's repository and the environment that it runs in: cloned and installed once, nothing imported.

They are kept below $IVFBENCH_CLASSIC_HOME or a per-user cache. Only the pinned commit is run unless the user names
another repository or tag and allows foreign code.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from core.files import read_text, write_text
from core.trust import OPTION, foreign_code_allowed
from downstream.detection.settings import DetectionError, DetectionSettings

COMMITS = {("https://github.com/ultralytics/yolov5", "v7.0"): "915bbf294bb74c859f0b41f1c23bc395014ea679"}
# What v7.0's requirements.txt names, at the releases that were run together (Python 3.11): its own lower bounds let any
# release in, and v7.0 is of November 2022. Newer ones break it: torch 2.6 (torch.load refuses whole networks), numpy 2
# (opencv-python 4.12, pandas and matplotlib are held to what runs with 1.26), Pillow 10 (no font.getsize, used by
# val.py), setuptools 81 (no pkg_resources; not named there, but imported). The rest is held so that numbers stay.
CONSTRAINTS = ("torch==2.5.1", "torchvision==0.20.1", "numpy==1.26.4", "pillow==9.5.0", "setuptools==80.9.0",
               "pandas==2.2.3", "opencv-python==4.11.0.86", "matplotlib==3.9.4", "scipy==1.17.1", "seaborn==0.13.2",
               "tensorboard==2.21.0", "thop==0.1.1.post2209072238", "gitpython==3.2.1", "ipython==9.18.1",
               "psutil==7.2.2", "pyyaml==6.0.4", "requests==2.34.2", "tqdm==4.70.1")


def home() -> Path:
    """Where repositories and environments are kept."""
    import platformdirs

    return Path(os.environ.get("IVFBENCH_CLASSIC_HOME") or platformdirs.user_cache_path("ivfbench") / "yolov5-classic")


def install(settings: DetectionSettings) -> tuple[Path, Path]:
    """(repository, python) of the settings' repository and tag; cloned and installed on first use.

    Raises DetectionError when the clone fails, the commit is not a pinned one (unless the user allows foreign code), or
    the packages cannot be installed.
    """
    folder = _folder(settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    python, ready = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), folder / "ready"
    with FileLock(f"{folder}.lock"):
        if not ready.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            commit = _clone(settings, folder / "repository")
            try:
                _trusted(settings, commit)
            except DetectionError:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            _environment(folder, python)
            write_text(ready, commit)
        _trusted(settings, read_text(ready, DetectionError))
    return folder / "repository", python


def _folder(settings: DetectionSettings) -> Path:
    named = "\0".join((settings.classic_repository, settings.classic_tag, *CONSTRAINTS))  # other pins, another folder
    return home() / hashlib.sha256(named.encode()).hexdigest()[:16]


def check_source(settings: DetectionSettings) -> None:
    """DetectionError before anything is fused, where it is plain that the repository may not be run."""
    url, tag = settings.classic_repository, settings.classic_tag
    if (url, tag) not in COMMITS:
        _trusted(settings, _commit(url, tag) if Path(url).is_dir() else "")  # a folder may be a copy of the pinned one


def _commit(folder: str, name: str) -> str:
    """What `git clone --branch NAME` of a local repository takes: a branch, else a tag. "" where there is neither."""
    import git

    refs = [f"refs/heads/{name}", f"refs/tags/{name}^{{}}", f"refs/tags/{name}"]  # the second: of a tag with a message
    try:
        lines = str(git.cmd.Git().ls_remote("--", folder, *refs)).splitlines()
    except git.GitError:
        return ""  # cloning says what is wrong
    found = {ref: commit for commit, ref in (line.split("\t", 1) for line in lines)}
    return next((str(found[ref]) for ref in refs if ref in found), "")


def described(settings: DetectionSettings) -> str:
    """Which code was run, for the notes below a table: repository, tag, commit. A folder is named by no path.

    Call it after `install`.
    """
    url, tag = settings.classic_repository, settings.classic_tag
    commit = read_text(_folder(settings) / "ready", DetectionError)
    pinned = next((f"{repository} at {name}" for (repository, name), known in COMMITS.items() if known == commit), "")
    if pinned:
        return f"trained by the code of {pinned}, commit {commit[:12]} (the pinned one)"
    where = "a local repository" if Path(url).is_dir() else url
    return f"trained by the code of {where} at {tag}, commit {commit[:12]}: named by the user, not the pinned one"


def _trusted(settings: DetectionSettings, commit: str) -> None:
    """A pinned commit is the same files wherever they come from; any other is code of whoever named it."""
    url, tag = settings.classic_repository, settings.classic_tag
    pinned = COMMITS.get((url, tag))
    if pinned and commit != pinned:
        raise DetectionError(f"{url}: {tag} is {commit[:12]}, expected {pinned[:12]}")
    if commit not in COMMITS.values() and not foreign_code_allowed():
        known = ", ".join(f"{repository} at {name}" for repository, name in COMMITS)
        raise DetectionError(f"classic_repository {url} at {tag} is not the pinned {known}: its train.py and what its "
                             "requirements.txt names would run on this machine with your rights. If you have read and "
                             f"trust them, say so with {OPTION}")


def _clone(settings: DetectionSettings, target: Path) -> str:
    """Clone one commit and return its hash.

    Also a folder is cloned through a pack (--no-local): a hard link would be whatever bytes lie there under the name.
    """
    import git

    url, tag = settings.classic_repository, settings.classic_tag
    try:
        repository = git.Repo.clone_from(url, target, branch=tag, depth=1, no_local=True, no_tags=True,
                                         env={"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:https:ssh"})
    except git.GitError as error:
        told = getattr(error, "stderr", "") or str(error)
        raise DetectionError(f"{url} at {tag} could not be cloned ({' '.join(told.split())[:400]}); clone it elsewhere "
                             "and name its path as classic_repository") from error
    commit = str(repository.head.commit.hexsha)
    repository.close()
    return commit


def _environment(folder: Path, python: Path) -> None:
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(CONSTRAINTS) + "\n", encoding="utf-8")
    for command in ([sys.executable, "-m", "venv", str(folder / "venv")],
                    [str(python), "-m", "pip", "install", "-q", "-r", str(folder / "repository/requirements.txt"),
                     "setuptools", "-c", str(constraints)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DetectionError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")

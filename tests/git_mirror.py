"""Small git repositories, made here, that stand for the authors'."""

from collections.abc import Mapping
from pathlib import Path

import git


def make_repository(mirror: Path, name: str, files: Mapping[str, bytes]) -> str:
    """A repository owner/name below `mirror` with one commit that holds `files`. Returns the commit."""
    folder = mirror / name
    folder.mkdir(parents=True)
    with git.Repo.init(folder) as repo, repo.config_writer() as config:
        config.set_value("user", "name", "author")
        config.set_value("user", "email", "author@example.org")
        config.set_value("commit", "gpgsign", "false")
    return commit(folder, files)


def commit(folder: Path, files: Mapping[str, bytes]) -> str:
    """Add files to a repository. Returns the new commit."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with git.Repo(folder) as repo:
        repo.git.add(".")
        repo.git.commit("-m", "pictures")
        return repo.head.commit.hexsha


def lose_content(folder: Path, commit_id: str, path: str) -> None:
    """Take a file's content out of a repository that goes on listing it."""
    with git.Repo(folder) as repo:
        blob = repo.commit(commit_id).tree / path
        Path(repo.git_dir, "objects", blob.hexsha[:2], blob.hexsha[2:]).unlink()

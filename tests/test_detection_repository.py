"""Which code the classic engine clones, and what is said about it."""

from dataclasses import replace

import git
import pytest
from detection_scenes import quick

from core.trust import OPTION, VARIABLE
from downstream.detection.engines import repository
from downstream.detection.engines.repository import COMMITS, CONSTRAINTS, check_source, described, install
from downstream.detection.settings import DetectionError, DetectionSettings


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("IVFBENCH_CLASSIC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    # the environment is not what is looked at
    monkeypatch.setattr(repository, "_environment", lambda folder, python: None)


@pytest.fixture
def source(tmp_path):
    """A repository of two commits, the second tagged v1, and a branch beside."""
    folder = tmp_path / "source"
    author = git.Actor("A", "a@b")
    with git.Repo.init(folder) as repo:
        for text in ("first", "second"):
            (folder / "train.py").write_text(text)
            repo.index.add(["train.py"])
            repo.index.commit(text, author=author, committer=author)
        repo.create_tag("v1")
        repo.create_head("beside", "HEAD~1")
        return folder, repo.head.commit.hexsha


def settings(folder, **changes):
    return quick(engine="yolov5-classic", nbs=64, classic_repository=str(folder), classic_tag="v1", **changes)


def test_the_default_is_the_pinned_commit():
    default = DetectionSettings(engine="yolov5-classic")
    assert (default.classic_repository, default.classic_tag) in COMMITS
    assert all(len(commit) == 40 for commit in COMMITS.values())
    assert [line for line in CONSTRAINTS if line.count("==") != 1] == []


def test_one_commit_is_cloned_and_named(source, monkeypatch):
    folder, commit = source
    monkeypatch.setattr(repository, "COMMITS", {("https://host.invalid/owner/name", "v1"): commit})
    clone, _ = install(settings(folder))  # a copy of the pinned commit: no permission needed
    with git.Repo(clone) as repo:
        assert [each.hexsha for each in repo.iter_commits("--all")] == [commit]
        assert (clone / "train.py").read_text() == "second"
    note = described(settings(folder))
    assert f"https://host.invalid/owner/name at v1, commit {commit[:12]} (the pinned one)" in note
    assert str(folder) not in note


def test_another_one_is_refused_or_named_as_such(source, monkeypatch):
    folder, commit = source
    with pytest.raises(DetectionError, match=f"is not the pinned .*ultralytics/yolov5 at v7.0.*{OPTION}"):
        install(settings(folder))
    monkeypatch.setenv(VARIABLE, "1")
    install(settings(folder))
    note = described(settings(folder))
    assert f"commit {commit[:12]}: named by the user, not the pinned one" in note and str(folder) not in note


def test_a_local_repository_is_judged_by_what_the_tag_names_before_anything_is_fused(source, monkeypatch):
    folder, commit = source
    with pytest.raises(DetectionError, match=f"is not the pinned .*{OPTION}"):
        check_source(settings(folder))
    monkeypatch.setattr(repository, "COMMITS", {("https://host.invalid/owner/name", "v1"): commit})
    check_source(settings(folder))
    with git.Repo(folder) as repo:
        repo.create_tag("signed", ref=commit, message="a tag of its own object")
    check_source(replace(settings(folder), classic_tag="signed"))
    with pytest.raises(DetectionError, match="is not the pinned"):
        check_source(replace(settings(folder), classic_tag="nowhere"))


def test_a_pinned_tag_that_moved_is_refused_whatever_is_allowed(source, monkeypatch, tmp_path):
    folder, commit = source
    monkeypatch.setattr(repository, "COMMITS", {(str(folder), "v1"): "0" * 40})
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(DetectionError, match=f"v1 is {commit[:12]}, expected 000000000000"):
        install(settings(folder))
    assert not [path for path in (tmp_path / "home").iterdir() if path.is_dir()]


def test_other_pins_make_another_environment(source, monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    before, _ = install(settings(source[0]))
    monkeypatch.setattr(repository, "CONSTRAINTS", ("torch==0",))
    assert install(settings(source[0]))[0] != before

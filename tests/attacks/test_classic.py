"""The classic engine: names that leave its folder or reach git's command line, and repositories that are not pinned."""

import git
import pytest
from detection_scenes import quick, scenes

from core.trust import OPTION, VARIABLE
from downstream.detection.engines.repository import check_source, install
from downstream.detection.run import run_detection
from downstream.detection.settings import DetectionError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "a/b/home"
    monkeypatch.setenv("IVFBENCH_CLASSIC_HOME", str(folder))
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


@pytest.fixture
def foreign(tmp_path):
    """A repository whose train.py leaves a canary."""
    folder = tmp_path / "foreign"
    with git.Repo.init(folder) as repo:
        for name, text in (("train.py", f"open({str(tmp_path / 'ran')!r}, 'w')"), ("requirements.txt", "")):
            (folder / name).write_text(text)
            repo.index.add([name])
        author = git.Actor("A", "a@b")
        repo.index.commit("first", author=author, committer=author)
        for tag in ("v1", "group/v1"):
            repo.create_tag(tag)
    return folder


def classic(**changes):
    return quick(engine="yolov5-classic", nbs=64, epochs=1, **changes)


@pytest.mark.parametrize("tag", ["../../../victim/x", "..", "--upload-pack=touch ran", "-u", "a//b", "/a", "a/", "a..b",
                                 "x.lock", "a b", "a\nb", "", "HEAD@{1}", "a:b"])
def test_tags_that_are_none(tag):
    with pytest.raises(ValueError, match="classic_tag"):
        classic(classic_tag=tag)


@pytest.mark.parametrize("source", ["--upload-pack=x", "ext::sh -c touch% ran", "", "a\nb"])
def test_repositories_that_are_none(source):
    with pytest.raises(ValueError, match="classic_repository"):
        classic(classic_repository=source)


@pytest.mark.parametrize("model", ["../evil", "/tmp/evil", "-x", ""])
def test_models_that_are_files(model):
    with pytest.raises(ValueError, match="classic_model"):
        classic(classic_model=model)


@pytest.mark.long
@pytest.mark.parametrize("tag", ["v1", "group/v1"])
def test_a_foreign_repository_is_not_run_unless_the_user_says_so(tag, foreign, home, tmp_path, monkeypatch):
    settings = classic(classic_repository=str(foreign), classic_tag=tag)
    images, dataset = scenes(tmp_path / "pictures")
    with pytest.raises(DetectionError, match="would run on this machine") as told:
        run_detection(images, dataset, None, settings, seed=0, device="cpu", out=tmp_path / "out")
    assert OPTION in str(told.value) and not (tmp_path / "ran").exists()
    # everything that it left lies in one folder named by a hash
    assert {path.name.removesuffix(".lock") for path in home.iterdir() if path.name != "ledgers"} == \
        {next(path.name for path in home.iterdir() if path.name.endswith(".lock")).removesuffix(".lock")}
    assert not list(home.rglob("venv"))
    monkeypatch.setenv(VARIABLE, "1")
    repository, _ = install(settings)
    assert (repository / "train.py").is_file() and repository.parent.parent == home
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(DetectionError, match="would run on this machine"):
        install(settings)  # allowed once is not allowed for ever


def test_what_is_plainly_foreign_is_said_before_anything_is_fused():
    with pytest.raises(DetectionError, match="is not the pinned"):
        check_source(classic(classic_repository="https://example.invalid/x"))
    check_source(classic())

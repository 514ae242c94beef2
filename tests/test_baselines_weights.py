"""Fetching released weights from real git repositories that are made here."""

import hashlib
import io
import zipfile
from pathlib import Path

import git
import pytest

from baselines.weights import default_root, fetch, status
from fusion.method import Card, WeightFile, methods, require_weights
from fusion.repositories import mirror_url

MODEL, BUNDLE = b"weights of a network " * 100, b"second file"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("models/inner.ckpt", BUNDLE)
    return buffer.getvalue()


@pytest.fixture
def mirror(tmp_path) -> tuple[Path, str]:
    """A folder of repositories owner/name; returns it and the commit that holds the weights (not the newest)."""
    folder = tmp_path / "mirror" / "authors" / "net"
    folder.mkdir(parents=True)
    with git.Repo.init(folder) as repo, repo.config_writer() as config:
        config.set_value("user", "name", "author")
        config.set_value("user", "email", "author@example.org")
        config.set_value("commit", "gpgsign", "false")
    with git.Repo(folder) as repo:
        (folder / "models").mkdir()
        for name, content in {"net.pth": MODEL, "packed.zip": archive(), "huge.bin": bytes(200_000)}.items():
            (folder / "models" / name).write_bytes(content)
        repo.git.add(".")
        repo.git.commit("-m", "release")
        commit = repo.head.commit.hexsha
        (folder / "models" / "net.pth").write_bytes(b"retrained")
        repo.git.commit("-am", "retrain")
    return tmp_path / "mirror", commit


def card(commit: str, *files: WeightFile, name: str = "net") -> Card:
    return Card(name=name, title="Net", kind="baseline", task=("ivf",), paper="", weights=files or (
        WeightFile("net.pth", digest(MODEL), "authors/net", commit, "models/net.pth"),
        WeightFile("inner.ckpt", digest(BUNDLE), "authors/net", commit, "models/packed.zip!models/inner.ckpt")))


def states(outcomes) -> dict[str, str]:
    return {outcome.file: outcome.state for outcome in outcomes}


def test_fetch_places_the_pinned_commit_and_is_idle_afterwards(tmp_path, mirror):
    folder, commit = mirror
    lines, root = [], tmp_path / "weights"
    assert states(fetch([card(commit)], root, mirrors=str(folder), progress=lines.append)) == {
        "net.pth": "fetched", "inner.ckpt": "fetched"}
    assert (root / "net" / "net.pth").read_bytes() == MODEL
    assert (root / "net" / "inner.ckpt").read_bytes() == BUNDLE
    assert len(lines) == 1 and "authors/net" in lines[0]  # one clone for both files
    assert sorted(p.name for p in (root / "net").iterdir()) == ["inner.ckpt", "net.pth"]
    assert states(fetch([card(commit)], root, mirrors="/nowhere")) == {"net.pth": "ready", "inner.ckpt": "ready"}
    assert [s.state for s in status([card(commit)], root)] == ["ready", "ready"]
    assert require_weights(card(commit), root / "net")[0].name == "net.pth"


def test_only_what_is_needed_travels(tmp_path, mirror, monkeypatch):
    folder, _ = mirror
    with git.Repo(folder / "authors" / "net") as repo:  # a data set that does not compress lies beside the weights
        noise = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(20_000))
        Path(repo.working_dir, "noise.bin").write_bytes(noise)
        repo.git.add(".")
        repo.git.commit("-m", "add a data set")
        commit = repo.head.commit.hexsha
    sizes = []
    close = git.Repo.close

    def measured(repo):
        if not Path(repo.git_dir).is_relative_to(folder):  # the mirror's own are closed whenever they are collected
            sizes.append(sum(f.stat().st_size for f in Path(repo.git_dir).rglob("*") if f.is_file()))
        close(repo)

    monkeypatch.setattr(git.Repo, "close", measured)
    item = WeightFile("net.pth", digest(b"retrained"), "authors/net", commit, "models/net.pth")
    assert states(fetch([card(commit, item)], tmp_path / "w", mirrors=str(folder))) == {"net.pth": "fetched"}
    assert 0 < max(sizes) < len(noise) / 2


def test_a_wrong_file_is_replaced_only_by_the_right_one(tmp_path, mirror):
    folder, commit = mirror
    path = tmp_path / "w" / "net" / "net.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else")
    state = status([card(commit)], tmp_path / "w")[0]
    assert state.state == "wrong-hash" and str(path) in state.remedy and "fetch net" in state.remedy
    fetch([card(commit)], tmp_path / "w", mirrors="/nowhere")
    assert path.read_bytes() == b"something else"
    fetch([card(commit)], tmp_path / "w", mirrors=str(folder))
    assert path.read_bytes() == MODEL


def test_a_wrong_hash_is_never_put_into_place(tmp_path, mirror):
    folder, commit = mirror
    item = WeightFile("net.pth", digest(b"expected"), "authors/net", commit, "models/net.pth")
    [outcome] = fetch([card(commit, item)], tmp_path / "w", mirrors=str(folder))
    assert outcome.state == "failed" and digest(MODEL)[:12] in outcome.message and item.sha256[:12] in outcome.message
    assert list((tmp_path / "w" / "net").iterdir()) == []


@pytest.mark.parametrize(("path", "message"), [
    ("models/gone.pth", "no file models/gone.pth"), ("models/packed.zip!gone", "no member gone"),
    ("models/net.pth!inner", "damaged archive")])
def test_paths_that_do_not_exist(tmp_path, mirror, path, message):
    folder, commit = mirror
    [outcome] = fetch([card(commit, WeightFile("f", digest(b"f"), "authors/net", commit, path))], tmp_path / "w",
                      mirrors=str(folder))
    assert outcome.state == "failed" and message in outcome.message
    assert not (tmp_path / "w" / "net" / "f").exists()


def test_a_mirror_without_the_content_is_named(tmp_path, mirror):
    folder, commit = mirror
    with git.Repo(folder / "authors" / "net") as repo:
        blob = repo.commit(commit).tree / "models" / "net.pth"
        Path(repo.git_dir, "objects", blob.hexsha[:2], blob.hexsha[2:]).unlink()
    outcomes = fetch([card(commit)], tmp_path / "w", mirrors=str(folder))
    assert [o.state for o in outcomes] == ["failed", "fetched"]
    assert "lists models/net.pth but its content cannot be had there" in outcomes[0].message


def test_a_git_lfs_pointer_is_named(tmp_path, mirror):
    folder, _ = mirror
    with git.Repo(folder / "authors" / "net") as repo:
        Path(repo.working_dir, "lfs.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        repo.git.add(".")
        repo.git.commit("-m", "pointer")
        commit = repo.head.commit.hexsha
    [outcome] = fetch([card(commit, WeightFile("lfs.pth", digest(b""), "authors/net", commit, "lfs.pth"))],
                      tmp_path / "w", mirrors=str(folder))
    assert outcome.state == "failed" and "Git LFS pointer" in outcome.message


def test_one_unreachable_repository_does_not_stop_the_others(tmp_path, mirror):
    folder, commit = mirror
    lost = card(commit, WeightFile("a.pth", digest(b""), "authors/lost", commit, "a.pth"), name="lost")
    old = card("0" * 40, WeightFile("net.pth", digest(MODEL), "authors/net", "0" * 40, "models/net.pth"), name="old")
    outcomes = fetch([lost, old, card(commit)], tmp_path / "w", mirrors=str(folder))
    assert [o.state for o in outcomes] == ["failed", "failed", "fetched", "fetched"]
    assert "authors/lost" in outcomes[0].message and "mirror" in outcomes[0].message
    assert "000000000000" in outcomes[1].message


def test_files_behind_a_sharing_service_are_only_named(tmp_path):
    url = "https://drive.google.com/file/d/abc/view"
    hidden = card("", WeightFile("fuse.pth", url=url), name="hidden")
    [outcome] = fetch([hidden], tmp_path)
    assert outcome.state == "manual" and url in outcome.message
    assert str(tmp_path / "hidden" / "fuse.pth") in outcome.message
    unknown = card("", WeightFile("fuse.pth"), name="unknown")
    assert "no public download is known" in fetch([unknown], tmp_path)[0].message


def test_methods_without_weights_say_so(tmp_path):
    outcomes = fetch([methods()["csmca"], methods()["average"]], tmp_path)
    assert [(o.method, o.file, o.state) for o in outcomes] == [("csmca", "-", "manual"), ("average", "-", "ready")]
    assert "--methods csmca=FOLDER" in outcomes[0].message and "no weights" in outcomes[1].message
    assert status([methods()["csmca"]], tmp_path) == []


def test_status_of_missing_files_names_the_remedy(tmp_path):
    state = status([methods()["didfuse"]], tmp_path)[0]
    assert (state.method, state.state) == ("didfuse", "missing")
    assert "run_all.py fetch didfuse" in state.remedy and "Zhaozixiang1228/IVIF-DIDFuse" in state.remedy


def test_mirrors():
    assert mirror_url("a/b", None) == "https://github.com/a/b.git"
    assert mirror_url("a/b", {"a/b": "ssh://host/b"}) == "ssh://host/b"
    assert mirror_url("a/c", {"a/b": "ssh://host/b"}) == "https://github.com/a/c.git"
    assert mirror_url("a/b", "https://host/git/") == "https://host/git/a/b"
    assert mirror_url("a/b", "https://host/{owner}+{name}.git") == "https://host/a+b.git"


def test_default_root(monkeypatch, tmp_path):
    monkeypatch.setenv("IVFBENCH_WEIGHTS", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("IVFBENCH_WEIGHTS")
    assert default_root().name == "weights" and "ivfbench" in str(default_root())


def test_every_pinned_file_is_the_reference_file(reference):
    cards = [c for c in methods().values() if (reference / "weights" / c.name).is_dir()]
    assert len(cards) >= 5
    wrong = [s for s in status(cards, reference / "weights") if s.state == "wrong-hash"]
    assert wrong == []

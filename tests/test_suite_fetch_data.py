"""`fetch data` from real git repositories that are made here: what is pinned comes whole, or nothing does."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from git_mirror import commit, lose_content, make_repository

from fusion import dataset_cards, repositories
from fusion.dataset_cards import find_dataset, read_card
from fusion.origins import manifest_of
from suite.commands.fetch import fetch as command
from suite.data.fetch import fetch
from suite.errors import UserError

IR = {f"{n}.png": f"infrared {n}".encode() * 50 for n in range(5)}
VI = {f"{n}.jpg": f"visible {n}".encode() * 50 for n in range(5)}
BESIDE = {"ir/Thumbs.db": b"x", "ir/.hidden.png": b"x", "ir/deep/9.png": b"x", "more/huge.bin": bytes(1000)}


def tree(ir: dict[str, bytes] = IR) -> dict[str, bytes]:
    return {**{f"ir/{n}": c for n, c in ir.items()}, **{f"vi/{n}": c for n, c in VI.items()}, **BESIDE}


def block(kind: str, files: dict[str, bytes], sources: list[tuple[str, str]], folder: Path, more: str = "") -> str:
    (folder / kind).mkdir(parents=True)
    for name, content in files.items():
        (folder / kind / name).write_bytes(content)
    listed = ", ".join(f'{{repository = "{name}", commit = "{at}", path = "{kind}"}}' for name, at in sources)
    return (f'[[fetch]]\nto = "mine/{kind}"\nfiles = {len(files)}\nbytes = {sum(map(len, files.values()))}\n'
            f'manifest = "{manifest_of(folder / kind)}"\nsources = [{listed}]\n{more}')


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """(mirror, data root, function that describes the data set with these sources)."""
    monkeypatch.setattr(dataset_cards, "_more_folders", [])
    mirror, cards = tmp_path / "mirror", tmp_path / "cards"
    cards.mkdir()

    def describe(*sources: tuple[str, str], ir: dict[str, bytes] = IR, more: str = ""):
        count = len(list(tmp_path.glob("expected*")))
        expected = tmp_path / f"expected{count}"
        path = cards / "mine.toml"
        path.write_text('title = "Mine"\ntask = "ivf"\npublished = "here"\n'
                        'layouts = [{ir = "mine/ir", vi = "mine/vi"}]\n'
                        + block("ir", ir, list(sources), expected, more) + block("vi", VI, list(sources), expected))
        return read_card(path)

    return mirror, tmp_path / "data", describe


def bring(card, root: Path, mirror: Path | str, lines: list[str] | None = None):
    [outcome] = fetch([card], root, mirrors=str(mirror), say=(lines if lines is not None else []).append)
    return outcome


def files(root: Path) -> list[str]:
    """Everything below the data root."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


WHOLE = sorted([f"mine/ir/{n}" for n in IR] + [f"mine/vi/{n}" for n in VI])


def test_pinned_folders_come_whole_and_once(scene):
    mirror, root, describe = scene
    pinned = make_repository(mirror, "authors/set", tree())
    commit(mirror / "authors/set", {"ir/0.png": b"changed later"})
    card, lines = describe(("authors/set", pinned)), []
    assert bring(card, root, mirror, lines).state == "fetched"
    assert files(root) == WHOLE and not (root / ".fetch").exists()
    assert (root / "mine/ir/0.png").read_bytes() == IR["0.png"]
    assert len(lines) == 2 and "5 files from" in lines[0]
    assert bring(card, root, "/nowhere").state == "ready"


def test_one_folder_that_is_gone_is_brought_alone(scene):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    bring(card, root, mirror)
    for path in (root / "mine/vi").iterdir():
        path.unlink()
    (root / "mine/vi").rmdir()
    lines = []
    assert bring(card, root, mirror, lines).state == "fetched" and files(root) == WHOLE
    assert [line.split(":")[0] for line in lines] == ["mine/vi"]


def test_the_clone_serves_several_data_sets(scene, monkeypatch):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    other = replace(card, name="other", fetch=tuple(replace(f, to=f"other/{f.to}") for f in card.fetch))
    made = []
    start = repositories.Commit.__init__
    monkeypatch.setattr(repositories.Commit, "__init__", lambda self, *a: (made.append(a), start(self, *a))[1])
    outcomes = fetch([card, other], root, mirrors=str(mirror), say=print)
    assert [o.state for o in outcomes] == ["fetched", "fetched"] and len(made) == 1


def test_names_can_be_chosen_by_a_list(scene):
    mirror, root, describe = scene
    pinned = make_repository(mirror, "authors/set", tree())
    two = {name: IR[name] for name in ("1.png", "3.png")}
    card = describe(("authors/set", pinned), ir=two, more='only = "names.txt"\n')
    (card.path.parent / "names.txt").write_text("1\n3\n")
    assert bring(card, root, mirror).state == "fetched"
    assert sorted(p.name for p in (root / "mine/ir").iterdir()) == ["1.png", "3.png"]
    rest = {name: content for name, content in IR.items() if name not in two}
    card = describe(("authors/set", pinned), ir=rest, more='without = "names.txt"\n')
    assert bring(card, root / "rest", mirror).state == "fetched"
    assert sorted(p.name for p in (root / "rest/mine/ir").iterdir()) == ["0.png", "2.png", "4.png"]


def test_a_wrong_hash_puts_nothing_into_place(scene):
    mirror, root, describe = scene
    pinned = make_repository(mirror, "authors/set", tree({**IR, "2.png": b"other content"}))
    card = describe(("authors/set", pinned))
    outcome = bring(card, root, mirror)
    assert outcome.state == "failed" and card.fetch[0].manifest[:12] in outcome.message
    assert "nothing was put into place" in outcome.message and files(root) == []


def test_the_next_source_is_tried_and_the_manifest_decides(scene):
    mirror, root, describe = scene
    wrong = make_repository(mirror, "authors/set", tree({**IR, "2.png": b"other content"}))
    right = make_repository(mirror, "copies/set", tree())
    lines = []
    card = describe(("authors/gone", "0" * 40), ("authors/set", wrong), ("copies/set", right))
    assert bring(card, root, mirror, lines).state == "fetched" and files(root) == WHOLE
    assert (root / "mine/ir/2.png").read_bytes() == IR["2.png"]
    assert any("not from authors/gone" in line for line in lines) and any("not from authors/set" in x for x in lines)


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda mirror: tree({n: c for n, c in IR.items() if n != "3.png"}), "4 files in ir; expected 5"),
    (lambda mirror: {n: c for n, c in tree().items() if not n.startswith("ir/")}, "no folder ir in the repository"),
    (lambda mirror: tree({**IR, "3.png": b"version https://git-lfs.github.com/spec/v1\n"}), "ir/3.png is a Git LFS")])
def test_what_a_repository_lacks_is_named(scene, spoil, message):
    mirror, root, describe = scene
    outcome = bring(describe(("authors/set", make_repository(mirror, "authors/set", spoil(mirror)))), root, mirror)
    assert outcome.state == "failed" and message in outcome.message
    assert not (root / "mine").exists()


def test_a_file_without_content_is_named_and_the_rest_waits(scene):
    mirror, root, describe = scene
    pinned = make_repository(mirror, "authors/set", tree())
    lose_content(mirror / "authors/set", pinned, "ir/3.png")
    card = describe(("authors/set", pinned))
    outcome = bring(card, root, mirror)
    assert outcome.state == "failed" and "lists ir/3.png but its content cannot be had" in outcome.message
    assert not (root / "mine").exists() and "\n" not in outcome.message


def test_an_unreachable_repository_names_the_mirror(scene):
    mirror, root, describe = scene
    outcome = bring(describe(("authors/set", "0" * 40)), root, mirror)
    assert outcome.state == "failed" and "--mirror" in outcome.message and files(root) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from fusion import repositories
from fusion.dataset_cards import read_card
from suite.data.fetch import fetch
write, written = repositories.Commit.write, []
def dying(self, path, sink):
    write(self, path, sink)
    written.append(path)
    if len(written) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
repositories.Commit.write = dying
fetch([read_card(Path(sys.argv[1]))], Path(sys.argv[2]), mirrors=sys.argv[3], say=print)
"""


def test_a_killed_fetch_goes_on_where_it_was(scene, monkeypatch):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    done = subprocess.run([sys.executable, "-c", KILLED, card.path, root, mirror], check=False,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
    assert done.returncode == -signal.SIGKILL and not (root / "mine").exists()
    written, write = [], repositories.Commit.write
    monkeypatch.setattr(repositories.Commit, "write", lambda self, path, sink: (written.append(path),
                                                                                write(self, path, sink))[1])
    assert bring(card, root, mirror).state == "fetched"
    assert len(written) == len(WHOLE) - 6 and all(path.startswith("vi/") for path in written)
    assert files(root) == WHOLE and not (root / ".fetch").exists()  # half a file and the clone are gone too


def test_a_fetch_killed_while_folders_are_renamed_needs_no_clone_again(scene, monkeypatch):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    rename, renamed = Path.rename, []

    def broken(self, target):
        renamed.append(target)
        if len(renamed) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", broken)
        with pytest.raises(KeyboardInterrupt):
            bring(card, root, mirror)
    assert bring(card, root, "/nowhere").state == "fetched" and files(root) == WHOLE


def test_a_full_disk_is_an_error_and_keeps_what_came(scene, monkeypatch):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    write, written = repositories.Commit.write, []

    def full(self, path, sink):
        written.append(path)
        if len(written) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, path, sink)

    with monkeypatch.context() as patch:
        patch.setattr(repositories.Commit, "write", full)
        with pytest.raises(OSError, match="No space left") as caught:
            bring(card, root, mirror)
    assert caught.value.filename and not (root / "mine").exists()  # the command line prints file and reason in a line
    assert len(files(root)) == 3 and all(".fetch" in name for name in files(root))
    assert bring(card, root, mirror).state == "fetched" and files(root) == WHOLE


def test_too_little_room_is_said_before_anything_travels(scene, monkeypatch):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    huge = replace(card, fetch=tuple(replace(folder, bytes=10**18) for folder in card.fetch))
    outcome = bring(huge, root, "/nowhere")
    assert outcome.state == "failed" and "MB are free; mine needs" in outcome.message and files(root) == []


def test_a_users_own_folder_is_never_replaced(scene):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    (root / "mine/ir").mkdir(parents=True)
    (root / "mine/ir/own.png").write_bytes(b"own")
    outcome = bring(card, root, mirror)
    assert outcome.state == "failed" and str(root / "mine/ir") in outcome.message and "1 files" in outcome.message
    assert files(root) == ["mine/ir/own.png"]


def test_what_cannot_be_cloned_names_the_way(tmp_path):
    outcomes = fetch([find_dataset("m3fd"), find_dataset("flir_aligned")], tmp_path, say=print)
    assert [o.state for o in outcomes] == ["manual", "manual"]
    assert "import-data m3fd" in outcomes[0].message and "published at" in outcomes[1].message


def test_the_command(scene, monkeypatch, capsys, tmp_path):
    mirror, root, describe = scene
    card = describe(("authors/set", make_repository(mirror, "authors/set", tree())))
    dataset_cards.add_datasets(card.path.parent)
    command(["data", "mine"], data=root, weights=None, mirror=str(mirror))
    assert "fetched  mine" in capsys.readouterr().out and files(root) == WHOLE
    with pytest.raises(UserError, match=r"mine is a data set.*run_all\.py fetch data mine"):
        command(["mine"], data=root, weights=tmp_path / "w", mirror=str(mirror))
    command(["weights", "average"], data=root, weights=tmp_path / "w", mirror="/nowhere")
    command(["average"], data=root, weights=tmp_path / "w", mirror="/nowhere")
    assert capsys.readouterr().out.count("ready    average") == 2
    with pytest.raises(typer.Exit) as caught:
        command(["data", "tno"], data=root, weights=None, mirror=str(tmp_path / "empty"))
    assert caught.value.exit_code == 1 and "failed   tno" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["tno", "roadscene", "roadscene_train", "mri_pet", "mri_ct", "mri_spect"])
def test_the_cards_pin_the_reference_pictures(reference, name):
    for folder in find_dataset(name).fetch:
        assert manifest_of(reference / "data" / folder.to) == folder.manifest

"""`import-data`: releases from made-up small archives and folders, counted, checked, unpacked without harm."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.files import sha256
from fusion.dataset_cards import find_dataset
from fusion.origins import ReleasePart, manifest_of
from suite.data import importing
from suite.data.importing import import_data
from suite.errors import UserError

COUNTS = {"m3fd": (4,), "mfnet": (6,), "fmb": (3, 2), "llvip": (3, 2, 5)}  # of the small trees, per part


def small(name: str):
    """The data set's card with a release of a few files."""
    card = find_dataset(name)
    parts = tuple(ReleasePart(part.folders, n) for part, n in zip(card.release.parts, COUNTS[name], strict=True))
    lists = dict(zip(card.release.lists, (3, 1, 2), strict=True)) if card.release.lists else {}
    return replace(card, release=replace(card.release, parts=parts, lists=lists))


def make_tree(card, folder: Path) -> Path:
    """The release's layout; names of lists are drawn from the first part in order."""
    for part in card.release.parts:
        for inner in part.folders:
            (folder / inner).mkdir(parents=True)
            for n in range(part.files):
                kind = "xml" if inner.startswith("Annotation") else "png"
                (folder / inner / f"{n:05}.{kind}").write_bytes(f"{inner} {n}".encode() * 9)
    start = 0
    for name, lines in card.release.lists.items():
        (folder / name).write_text("".join(f"{n:05}\n" for n in range(start, start + lines)))
        start += lines
    return folder


def pack(tree: Path, path: Path, inside: str = "release") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(tree.rglob("*")):
            if file.is_file():
                archive.write(file, f"{inside}/{file.relative_to(tree)}")
    return path


def left(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("packed", [True, False])
def test_a_release_is_found_counted_and_described(tmp_path, name, packed):
    card = small(name)
    tree = make_tree(card, tmp_path / "download" / "M3FD_Detection" / "inner")
    (tree / "README.txt").write_text("not taken")
    given = pack(tree, tmp_path / "all.zip") if packed else tmp_path / "download"
    path = import_data(card, given, tmp_path / "data")
    told = json.loads(path.read_text())
    assert path == tmp_path / "data" / f"{name}.manifest.json" and left(tmp_path / "data") == [name, path.name]
    for folder in card.release.folders:
        placed = tmp_path / "data" / name / folder
        assert told["folders"][folder] == {"files": len(list(placed.iterdir())), "manifest": manifest_of(placed)}
        assert manifest_of(placed) == manifest_of(tree / folder)  # the user's folder is left as it was
    assert not (tmp_path / "data" / name / "README.txt").exists()
    assert told["sha256"] == (sha256(given) if packed else None) and told["release"] == card.release.source


def test_the_official_numbers():
    counts = {name: [part.files for part in find_dataset(name).release.parts] for name in COUNTS}
    assert counts == {"m3fd": [4200], "mfnet": [1569], "fmb": [1220, 280], "llvip": [12025, 3463, 15488]}
    assert dict(find_dataset("mfnet").release.lists) == {"train.txt": 784, "val.txt": 392, "test.txt": 393}
    for name in COUNTS:  # what is imported lies where the data set is looked for
        card = find_dataset(name)
        folders = {f"{card.release.to}/{folder}" for folder in card.release.folders}
        assert folders >= set(card.layouts[0].folders)
        labels = card.detection or card.segmentation
        assert any({f"{card.release.to}/{at}" for at in place.at} <= folders for place in labels.places)


def test_pictures_that_a_script_of_the_release_added_are_not_counted(tmp_path):
    card = small("mfnet")
    tree = make_tree(card, tmp_path / "in")
    for folder in ("images", "labels"):
        shutil.copy(tree / folder / "00000.png", tree / folder / "00000_flip.png")
    with (tree / "train.txt").open("a") as handle:
        handle.write("00000_flip\n")
    import_data(card, tree, tmp_path / "data")
    assert (tmp_path / "data/mfnet/images/00000_flip.png").is_file()


def spoil_lost(tree: Path) -> None:
    (tree / "labels/00002.png").rename(tree / "labels/00009.png")


def spoil_list(tree: Path) -> None:
    (tree / "test.txt").write_text("00004\n00044\n")


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda tree: (tree / "images/00002.png").unlink(), "5 files in images/; the release has 6"),
    (spoil_lost, r"nothing named 00002\.\* in labels/, but in images/"),
    (lambda tree: shutil.rmtree(tree / "labels"), "no folder in it holds images/, labels/; found images"),
    (lambda tree: (tree / "val.txt").unlink(), "no val.txt"),
    (lambda tree: (tree / "val.txt").write_text("00003\n00003\n"), "2 names in val.txt, 1 different"),
    (spoil_list, "test.txt names 00044, which is not in images/"),
    (lambda tree: shutil.copytree(tree, tree / "copy"), "2 folders in it hold images/, labels/")])
@pytest.mark.parametrize("packed", [True, False])
def test_what_differs_from_the_release_is_named_and_nothing_is_placed(tmp_path, spoil, message, packed):
    card = small("mfnet")
    tree = make_tree(card, tmp_path / "in" / "set")
    spoil(tree)
    given = pack(tree, tmp_path / "set.zip", "") if packed else tree
    with pytest.raises(UserError, match=message) as caught:
        import_data(card, given, tmp_path / "data")
    assert str(given) in str(caught.value) and ".import" not in str(caught.value)
    assert left(tmp_path / "data") == []


@pytest.mark.parametrize(("name", "content", "message"), [
    ("../../evil.png", b"x", "no plain path inside the release of M3FD"), ("/evil.png", b"x", "no plain path"),
    ("m3fd/Ir/bomb.png", bytes(200 * 2**20), "would become")])
def test_archives_that_would_do_harm_are_not_unpacked(tmp_path, name, content, message):
    card = small("m3fd")
    path = pack(make_tree(card, tmp_path / "in"), tmp_path / "set.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    with pytest.raises(UserError, match=message):
        import_data(card, path, tmp_path / "data")
    assert left(tmp_path / "data") == [] and not (tmp_path / "evil.png").exists()


def test_links_in_archives_are_refused(tmp_path):
    path = tmp_path / "set.zip"
    link = zipfile.ZipInfo("set/Ir/00000.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match=r"is a link or device.*release of M3FD"):
        import_data(small("m3fd"), path, tmp_path / "data")


def test_a_macs_second_tree_is_passed_over(tmp_path):
    card = small("m3fd")
    path = pack(make_tree(card, tmp_path / "in"), tmp_path / "set.zip")
    with zipfile.ZipFile(path, "a") as archive:
        for folder in card.release.folders:
            archive.writestr(f"__MACOSX/release/{folder}/._00000.png", b"x")
    assert import_data(card, path, tmp_path / "data").is_file()


def test_other_faults(tmp_path, monkeypatch):
    card = small("m3fd")
    with pytest.raises(UserError, match="no such archive or folder"):
        import_data(card, tmp_path / "gone.zip", tmp_path / "data")
    (tmp_path / "torn.zip").write_bytes(b"PK\3\4 torn")
    with pytest.raises(UserError, match="not a whole zip"):
        import_data(card, tmp_path / "torn.zip", tmp_path / "data")
    with pytest.raises(UserError, match=r"tno: not a release.*m3fd.*fetch data tno"):
        import_data(find_dataset("tno"), tmp_path, tmp_path / "data")
    tree = make_tree(card, tmp_path / "in")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # killed while it gathers
        patch.setattr(importing.shutil, "copyfile", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        import_data(card, tree, tmp_path / "data")
    assert left(tmp_path / "data") == []
    import_data(card, tree, tmp_path / "data")
    with pytest.raises(UserError, match="exists already, nothing was changed"):
        import_data(card, tree, tmp_path / "data")

"""The fuse stage where a device takes several pictures at once: the same files, resumed where it was stopped."""

import pytest
from device_scenes import Roomy
from suite_scenes import write_pairs

from fusion.method import find
from fusion.pairs import open_pairs
from suite.errors import Stopped
from suite.stages import Context, fuse
from suite.stages.fuse import Fusing
from suite.unit import Unit


@pytest.fixture
def groups(monkeypatch):
    """How many pictures went through `average` at once, one after the other, on a device with room."""
    seen, cls = [], find("average")
    monkeypatch.setattr(fuse, "memory_of", lambda _: Roomy())
    monkeypatch.setattr(cls, "several", True)
    together = cls.fuse_several
    monkeypatch.setattr(cls, "fuse_several", lambda self, pairs: seen.append(len(pairs)) or together(self, pairs))
    return seen


@pytest.fixture
def unit(tmp_path):
    write_pairs(tmp_path, "abcd")
    write_pairs(tmp_path, "ef", (32, 40))
    write_pairs(tmp_path, "g")
    pairs = open_pairs("tno", tmp_path)
    unit = Unit("fuse", "average", "tno", 0, 1, "", Fusing(pairs))
    (tmp_path / unit.folder).mkdir(parents=True)
    return unit


def run(unit, tmp_path, **how):
    return fuse.run(unit, Context(tmp_path, "cpu", {}, **how))


def test_pictures_of_one_size_go_through_at_once_and_are_the_same(groups, unit, tmp_path, monkeypatch):
    made = run(unit, tmp_path)
    assert groups == [1, 3, 2, 1] and made.provenance == {"pictures_at_once": 3}
    for path in (tmp_path / unit.folder).rglob("*.png"):
        path.unlink()
    monkeypatch.setattr(fuse, "memory_of", lambda _: None)
    alone = run(unit, tmp_path)
    assert alone.artefacts == made.artefacts and len(made.artefacts) == 7 and alone.provenance == {}
    assert groups == [1, 3, 2, 1]


def test_what_a_stop_left_is_not_made_again(groups, unit, tmp_path):
    asked = iter((False, False, True))  # before the first, before the next three, before e and f
    with pytest.raises(Stopped):
        run(unit, tmp_path, stop_requested=lambda: next(asked))
    assert groups == [1, 3]
    images = tmp_path / unit.folder / "images"
    (images / "b.png").write_bytes(b"half")
    run(unit, tmp_path)
    assert groups == [1, 3, 1, 2, 1]  # b alone says what a picture takes
    assert sorted(path.stem for path in images.iterdir()) == list("abcdefg")
    assert min(path.stat().st_size for path in images.iterdir()) > 100

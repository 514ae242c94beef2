import os

import numpy as np
import pytest

from fusion import images
from fusion.pairs import PairsError, datasets, find_dataset, open_pairs


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("b", "a"):
        for folder in ("tno/ir", "tno/vi"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            images.write_png(tmp_path / folder / f"{name}.png", rng.integers(0, 256, (8, 9), dtype=np.uint8))
    return tmp_path


def test_order_size_and_manifest(root):
    pairs = open_pairs("tno", root)
    assert [p.id for p in pairs.pairs] == ["a", "b"] and pairs.canvas == (8, 9)
    assert "2 pairs; the paper uses 25" in pairs.note
    same = open_pairs("tno", root).manifest
    images.write_png(root / "tno/vi/a.png", np.zeros((8, 9), np.uint8))
    assert same == pairs.manifest != open_pairs("tno", root).manifest


def test_facts_spare_a_second_look_but_not_at_a_changed_file(root, monkeypatch):
    known = {}
    first = open_pairs("tno", root, known_files=known)
    assert len(known) == 4
    with monkeypatch.context() as patch:
        patch.setattr(images, "read_with_form", lambda *_: pytest.fail("read again"))
        assert open_pairs("tno", root, known_files=known).manifest == first.manifest
    path = root / "tno/ir/a.png"
    stat = path.stat()
    path.write_bytes(b"x" * stat.st_size)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(images.ImageError, match=r"a\.png"):
        open_pairs("tno", root, known_files=known)


def test_missing_data_root_and_set(tmp_path):
    with pytest.raises(PairsError, match=r"nowhere: no such folder; .*--data"):
        open_pairs("tno", tmp_path / "nowhere")
    (tmp_path / "else").mkdir()
    with pytest.raises(PairsError, match=r"expected tno/ir/ \+ tno/vi/.*found else.*Published at http"):
        open_pairs("tno", tmp_path)


def test_missing_counterpart(root):
    (root / "tno/vi/b.png").unlink()
    with pytest.raises(PairsError, match=r"tno/ir/b\.png: no counterpart named b\.\* in .*tno/vi"):
        open_pairs("tno", root)


def test_sizes_that_differ(root):
    images.write_png(root / "tno/vi/b.png", np.zeros((8, 10), np.uint8))
    with pytest.raises(PairsError, match=r"vi/b\.png: 10x8 but b\.png .* is 9x8"):
        open_pairs("tno", root)


def test_empty_set(root):
    for path in (root / "tno/ir").iterdir():
        path.unlink()
    with pytest.raises(PairsError, match=r"tno/ir: no pictures"):
        open_pairs("tno", root)


def test_two_files_of_one_name(root):
    (root / "tno/ir/a.jpg").write_bytes(b"")
    with pytest.raises(PairsError, match=r"same name"):
        open_pairs("tno", root)


def test_unknown_name_suggests():
    with pytest.raises(PairsError, match="did you mean roadscene"):
        find_dataset("roadscen")


def test_packed_pictures(tmp_path):
    (tmp_path / "mfnet/images").mkdir(parents=True)
    array = np.random.default_rng(1).integers(0, 256, (6, 7, 4), dtype=np.uint8)
    images.write_png(tmp_path / "mfnet/images/1.png", array)
    pair = open_pairs("mfnet", tmp_path).pairs[0]
    ir, vi = pair.read()
    assert ir.shape == (6, 7) and vi.shape == (6, 7, 3) and ir.dtype == vi.dtype == np.float32
    assert (images.to_8bit(ir) == array[..., 3]).all()


def test_every_card_is_complete():
    for card in datasets().values():
        assert card.title and card.published and card.layouts and card.task in ("ivf", "mif")


def test_real_sets_open_with_the_papers_counts(reference):
    for name in ("tno", "roadscene", "mri_pet", "mri_ct", "mri_spect"):
        pairs = open_pairs(name, reference / "data")
        assert len(pairs.pairs) == pairs.card.paper_pairs and not pairs.note

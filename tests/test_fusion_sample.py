"""The embedded sample: determinism, labels that agree with both pictures, layouts, complete or absent."""

import json
import shutil
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image

from fusion import images
from fusion.pairs import open_pairs
from fusion.sample import M3FD_CLASSES, MFNET_CLASSES, render_phantom, render_scene, write_sample, writing

SMALL = {"size": (96, 128), "pairs": 2, "training_pairs": 2, "detection": (12, 2, 6), "segmentation": (14, 2, 7),
         "phantoms": 2, "phantom_size": (64, 64)}
TINY = {"size": (32, 32), "pairs": 1, "training_pairs": 1, "detection": (1, 1, 1), "segmentation": (1, 1, 1),
        "phantoms": 1, "phantom_size": (32, 32)}
MASK_OF = {"People": (2,), "Car": (1,), "Bus": (1,), "Truck": (1,), "Motorcycle": (2, 3)}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "root"
    write_sample(folder, **SMALL)
    return folder


@pytest.fixture(scope="module")
def dark_streets():
    """Night and fog at the default size; traffic and street things take turns."""
    return [render_scene(seed, light=light) for light in ("night", "fog") for seed in range(16)]


@pytest.fixture(scope="module")
def furnished_streets():
    return [render_scene(seed, light=light, focus="masks") for light in ("day", "night") for seed in range(14)]


def around(mask):
    """A ring of a few pixels around a mask."""
    kernel = np.ones((3, 3), np.uint8)
    inner, outer = (cv2.dilate(mask.astype(np.uint8), kernel, iterations=n) > 0 for n in (1, 4))
    return outer & ~inner


def contrast(picture, mask, others):
    """Median inside a mask against the ring around it, other labelled things left out."""
    ring = around(mask) & ~others
    return float(np.median(picture[mask]) - np.median(picture[ring])) if ring.sum() > 20 else None


def contrasts(scenes, label, picture):
    found = []
    for scene in scenes:
        mask = scene.mask == label
        if mask.sum() > 60:
            found.append(contrast(picture(scene), mask, scene.mask > 0))
    return np.array([f for f in found if f is not None])


def grey(scene):
    return images.grey8(scene.vi).astype(float)


def thermal(scene):
    return scene.ir.astype(float)


def chroma(scene):
    return np.ptp(scene.vi.astype(float), axis=2)


def test_same_seed_same_bytes():
    np.random.seed(1)  # noqa: NPY002 - global state must not matter
    first = render_scene(5, size=(48, 64), light="dusk")
    np.random.seed(2)  # noqa: NPY002
    again, other = render_scene(5, size=(48, 64), light="dusk"), render_scene(6, size=(48, 64), light="dusk")
    for name in ("ir", "vi", "mask"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
        assert getattr(first, name).tobytes() != getattr(other, name).tobytes()
    assert first.boxes == again.boxes
    for one, two, three in zip(render_phantom(5), render_phantom(5), render_phantom(6)):
        assert one.tobytes() == two.tobytes() != three.tobytes()


@pytest.mark.parametrize("size", [(32, 32), (65, 47), (60, 130)])
def test_any_size_has_the_declared_shapes(size):
    for light in ("day", "night"):
        scene = render_scene(3, size=size, light=light)
        assert scene.ir.shape == scene.mask.shape == size and scene.vi.shape == (*size, 3)
        assert scene.ir.dtype == scene.vi.dtype == scene.mask.dtype == np.uint8
        assert scene.light == light
    mri, pet = render_phantom(0, size)
    assert mri.shape == size and pet.shape == (*size, 3)


@pytest.mark.parametrize("wrong", [{"size": (31, 64)}, {"light": "noon"}, {"focus": "cats"}])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))[:2].strip("(")):
        render_scene(0, **wrong)


def test_boxes_hold_what_they_name(dark_streets):
    seen = set()
    for scene in dark_streets:
        height, width = scene.mask.shape
        for name, x1, y1, x2, y2 in scene.boxes:
            assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
            seen.add(name)
            if name in MASK_OF:
                inside = np.isin(scene.mask[y1:y2, x1:x2], MASK_OF[name])
                assert inside.mean() > 0.15, (name, inside.mean())
                # the box is tight: its rows and columns all hold some of the object or of what hides it
                assert (scene.mask[y1:y2, x1:x2] > 0).any(axis=0).mean() > 0.8
    assert seen == set(M3FD_CLASSES)


def test_people_in_the_dark_show_in_the_infrared_only(dark_streets):
    for light in ("night", "fog"):
        scenes = [s for s in dark_streets if s.light == light]
        warm, seen = contrasts(scenes, 2, thermal), np.abs(contrasts(scenes, 2, grey))
        assert len(warm) >= 6
        assert (warm > 0).all()
        assert np.median(warm) > 40
        assert np.median(seen) < np.median(warm) / 3


def test_day_people_show_in_the_visible_better_than_at_night(dark_streets):
    day = [render_scene(seed, light="day") for seed in range(16)]
    night = [s for s in dark_streets if s.light == "night"]
    assert np.median(contrasts(day, 2, chroma)) > 3 * np.median(contrasts(night, 2, chroma))
    assert np.median(np.abs(contrasts(day, 2, thermal))) < np.median(contrasts(night, 2, thermal))


@pytest.mark.parametrize("name", ["color cone", "curve", "car stop", "bump"])
def test_painted_things_show_in_the_visible_only(name, furnished_streets):
    scenes, label = furnished_streets, MFNET_CLASSES.index(name)
    cool, tinted = np.abs(contrasts(scenes, label, thermal)), contrasts(scenes, label, chroma)
    brightness = np.abs(contrasts(scenes, label, grey))
    assert len(cool) >= 3
    assert np.median(cool) < 5  # grey levels; the detector's own noise has a deviation of 3
    assert np.median(np.maximum(tinted, brightness)) > 25


def test_cones_are_colourful_at_night(furnished_streets):
    scenes = [scene for scene in furnished_streets if scene.light == "night"]
    assert np.median(contrasts(scenes, 7, chroma)) > 60


def test_lamps_shine_in_both_pictures_when_on(dark_streets):
    for scene in dark_streets:
        for name, x1, y1, x2, y2 in scene.boxes:
            if name == "Lamp" and scene.light == "night":
                assert scene.vi[y1:y2, x1:x2].max() > 230
                assert scene.ir[y1:y2, x1:x2].max() > scene.ir.mean() + 40


def test_infrared_sky_is_cold_and_day_road_is_warm():
    scene = render_scene(4, light="day", size=(96, 128))
    assert scene.ir[:3].min() + 100 < np.median(scene.ir[-10:])


def test_phantoms_carry_different_content():
    mri, pet = render_phantom(1)
    edge = cv2.Laplacian(mri.astype(np.float32), cv2.CV_32F).std()
    blurry = cv2.Laplacian(images.grey8(pet).astype(np.float32), cv2.CV_32F).std()
    assert edge > 2 * blurry  # fine structure in the MRI only
    assert np.ptp(pet.astype(int), axis=2).max() > 150  # colour in the PET only


def test_layouts_open_as_the_real_data_sets(root):
    counts = {"sample": 2, "sample_m3fd": 20, "sample_mfnet": 23, "sample_mri_pet": 2}
    for name, count in counts.items():
        pairs = open_pairs(name, root)
        assert len(pairs.pairs) == count
        ir, vi = pairs.pairs[0].read8()
        assert ir.ndim == 2 and vi.ndim == 3
    train = sorted(p.name for p in (root / "sample_train/ir").iterdir())
    assert train == sorted(p.name for p in (root / "sample_train/vi").iterdir()) and len(train) == 2


def test_detection_labels_and_splits(root):
    base, listed, classes = root / "sample_m3fd", [], set()
    for role, count in zip(("train", "val", "test"), SMALL["detection"]):
        names = (base / f"{role}.txt").read_text().split()
        assert len(names) == count
        listed += names
    assert sorted(listed) == sorted(p.name for p in (base / "Ir").iterdir())
    for name in listed:
        tree = ElementTree.parse(base / "Annotation" / name.replace(".png", ".xml"))
        width, height = Image.open(base / "Vis" / name).size
        assert (tree.findtext("size/width"), tree.findtext("size/height")) == (str(width), str(height))
        assert tree.findtext("filename") == name
        for item in tree.iter("object"):
            classes.add(item.findtext("name"))
            x1, y1, x2, y2 = (int(item.findtext(f"bndbox/{k}")) for k in ("xmin", "ymin", "xmax", "ymax"))
            assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
    assert classes == set(M3FD_CLASSES)


def test_segmentation_labels_and_splits(root):
    base, listed, ids = root / "sample_mfnet", [], set()
    for role, count in zip(("train", "val", "test"), SMALL["segmentation"]):
        names = (base / f"{role}.txt").read_text().split()
        assert len(names) == count
        listed += names
    for name in listed:
        ir, vi = images.read_rgbt(base / f"images/{name}.png")
        label = images.read(base / f"labels/{name}.png")
        assert label.shape == ir.shape == vi.shape[:2]
        ids |= set(np.unique(label).tolist())
    assert ids == set(range(len(MFNET_CLASSES)))


def test_no_scene_is_used_twice(root):
    folders = ("sample/ir", "sample_train/ir", "sample_m3fd/Ir", "sample_mfnet/images")
    files = [file for folder in folders for file in (root / folder).iterdir()]
    assert len({f.read_bytes() for f in files}) == len(files) == 2 + 2 + 20 + 23


def test_an_interrupted_writing_leaves_nothing(tmp_path, monkeypatch):
    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "render_phantom", broken)  # the last part: everything else is on disk by then
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path / "s", **TINY)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_run_are_swept(tmp_path):
    dead = tmp_path / ".s.999999999.tmp" / "sample"
    dead.mkdir(parents=True)
    write_sample(tmp_path / "s", **TINY)
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_a_current_sample_is_left_alone_and_a_stale_one_replaced(tmp_path):
    root = tmp_path / "s"
    write_sample(root, **TINY)
    witness = root / "sample/ir/00000.png"
    before = witness.stat().st_mtime_ns, witness.read_bytes()
    write_sample(root, **TINY)
    assert (witness.stat().st_mtime_ns, witness.read_bytes()) == before
    manifest = json.loads((root / writing.MANIFEST).read_text())
    (root / writing.MANIFEST).write_text(json.dumps({**manifest, "renderer": "older"}))
    (root / "sample/ir/99999.png").write_bytes(b"left by an older renderer")
    write_sample(root, **TINY)
    assert json.loads((root / writing.MANIFEST).read_text()) == manifest
    assert witness.read_bytes() == before[1] and not (root / "sample/ir/99999.png").exists()
    write_sample(root, **{**TINY, "seed": 7})
    assert witness.read_bytes() != before[1]


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="holds other files"):
        write_sample(tmp_path, **TINY)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_sample_without_its_manifest_is_not_taken_for_complete(tmp_path):
    root = tmp_path / "s"
    write_sample(root, **TINY)
    (root / writing.MANIFEST).unlink()
    assert not writing.is_current(root, writing.Plan(**TINY))
    shutil.rmtree(root)
    root.mkdir()  # an empty folder is fine
    write_sample(root, **TINY)
    assert writing.is_current(root, writing.Plan(**TINY))


def test_an_edited_sample_is_rendered_again(tmp_path):
    root = tmp_path / "s"
    write_sample(root, **TINY)
    picture = next(root.glob("sample/vi/*.png"))
    good = picture.read_bytes()
    images.write_png(picture, 255 - images.read(picture))
    assert not writing.is_current(root, writing.Plan(**TINY))
    write_sample(root, **TINY)
    assert picture.read_bytes() == good


def test_counts_out_of_range_are_refused(tmp_path):
    with pytest.raises(ValueError, match="every count"):
        write_sample(tmp_path / "s", **{**TINY, "pairs": 0})
    assert list(tmp_path.iterdir()) == []

"""The sample on disk, in the layouts of the real data sets, complete or absent."""

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import psutil
from PIL import Image

from core.files import read_json
from fusion.sample.lighting import LIGHTS
from fusion.sample.phantom import render_phantom
from fusion.sample.scene import Scene, render_scene

MANIFEST = "sample.json"
CONTENT = "content"  # in it: hash over all files


@dataclass(frozen=True)
class Plan:
    """How much is rendered. Sizes are (height, width); splits are (train, val, test) counts."""

    seed: int = 2025
    size: tuple[int, int] = (128, 160)
    pairs: int = 12
    training_pairs: int = 16
    detection: tuple[int, int, int] = (48, 8, 24)
    segmentation: tuple[int, int, int] = (32, 8, 24)
    phantoms: int = 6
    phantom_size: tuple[int, int] = (128, 128)

    @property
    def scenes(self) -> int:
        return self.pairs + self.training_pairs + sum(self.detection) + sum(self.segmentation) + self.phantoms

    def __post_init__(self):
        counts = (self.pairs, self.training_pairs, *self.detection, *self.segmentation, self.phantoms)
        if self.seed < 0 or min(counts) < 1 or max(counts) > _BLOCK:
            raise ValueError(f"{self}: the seed is not negative, every count is 1 to {_BLOCK}")


_BLOCK = 10_000  # seeds set aside for every part, so that no scene is in two parts


def renderer_version() -> str:
    """Hash of the renderer's own source: any change to it makes a written sample stale."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def is_current(root: Path, plan: Plan) -> bool:
    """Whether `root` holds this renderer's complete sample for this plan, every file as it was written."""
    found = _read_manifest(root)
    return found is not None and found == {**_manifest(plan), CONTENT: _content(root)}


def write_sample(root: Path, *, seed: int = 2025, size: tuple[int, int] = (128, 160), pairs: int = 12,
                 training_pairs: int = 16, detection: tuple[int, int, int] = (48, 8, 24),
                 segmentation: tuple[int, int, int] = (32, 8, 24), phantoms: int = 6,
                 phantom_size: tuple[int, int] = (128, 128),
                 progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Render the sample into `root`, or leave it alone when it is there and current.

    Layout: sample/{ir,vi}, sample_train/{ir,vi}, sample_m3fd/{Ir,Vis,Annotation} and its splits,
    sample_mfnet/{images,labels} and its splits, sample_mri_pet/{MRI,PET}, sample.json. All parts and splits come from
    different seeds. It is written beside `root` and renamed, so `root` is complete or absent; a sample of another
    renderer or plan is replaced. The arguments are Plan's;
    `progress` is told how many of all scenes are rendered.
    Raises ValueError when `root` holds something that is not a sample, or for counts and sizes out of range.
    """
    plan = Plan(seed, size, pairs, training_pairs, detection, segmentation, phantoms, phantom_size)
    root = Path(root).absolute()
    if is_current(root, plan):
        return
    if root.exists() and (not root.is_dir() or (any(root.iterdir()) and _read_manifest(root) is None)):
        raise ValueError(f"{root}: holds other files; name an empty or new folder for the sample")
    root.parent.mkdir(parents=True, exist_ok=True)
    aside = root.with_name(f".{root.name}.{os.getpid()}.tmp")
    _sweep(root)
    try:
        _render(aside, plan, progress)
        manifest = {**_manifest(plan), CONTENT: _content(aside)}
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        _replace(root, aside, plan)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _replace(root: Path, aside: Path, plan: Plan) -> None:
    old = root.with_name(f".{root.name}.{os.getpid()}.old")
    if root.exists():
        root.rename(old)
    try:
        aside.rename(root)
    except OSError:
        if not is_current(root, plan):  # not another process that was faster
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what killed runs left beside `root`."""
    for path in root.parent.glob(f".{root.name}.*"):
        pid, _, kind = path.name.removeprefix(f".{root.name}.").partition(".")
        if kind in ("tmp", "old") and pid.isdigit() and (int(pid) == os.getpid() or not psutil.pid_exists(int(pid))):
            shutil.rmtree(path, ignore_errors=True)


def _manifest(plan: Plan) -> dict:
    return json.loads(json.dumps({"renderer": renderer_version(), "plan": asdict(plan)}))


def _content(root: Path) -> str:
    """sha256 over names and bytes of everything but the manifest; "" where something cannot be read."""
    digest = hashlib.sha256()
    try:
        for path in sorted(path for path in root.rglob("*") if not path.is_dir() and path.name != MANIFEST):
            name, content = path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    except OSError:
        return ""
    return digest.hexdigest()


def _read_manifest(root: Path) -> dict | None:
    """The manifest of a sample, or None when there is none that can be read."""
    try:
        table = read_json(root / MANIFEST)
    except (OSError, ValueError):
        return None
    return table if isinstance(table, dict) and "renderer" in table else None


def _render(root: Path, plan: Plan, progress: Callable[[int, int], None]) -> None:
    done = itertools.count(1)

    def scenes(part: int, count: int, focus: str) -> Iterator[tuple[int, Scene]]:
        """(number, scene) of one part; lights and leading classes take turns."""
        for number in range(count):
            # classes change with every scene, the light only after each round of them: all combinations occur
            light = LIGHTS[(number + number // 6) % len(LIGHTS)]
            yield number, render_scene((plan.seed * 100 + part) * _BLOCK + number, size=plan.size, light=light,
                                       focus=focus)
            progress(next(done), plan.scenes)

    for part, (folder, count) in enumerate((("sample", plan.pairs), ("sample_train", plan.training_pairs))):
        for number, scene in scenes(part, count, "both"):
            name = f"{number:05d}.png"
            _save(root / folder / "ir" / name, scene.ir)
            _save(root / folder / "vi" / name, scene.vi)
    number = 0
    for part, (role, count) in enumerate(zip(("train", "val", "test"), plan.detection), start=2):
        names = []
        for _, scene in scenes(part, count, "boxes"):
            names.append(f"{number:05d}.png")
            _save(root / "sample_m3fd/Ir" / names[-1], scene.ir)
            _save(root / "sample_m3fd/Vis" / names[-1], scene.vi)
            _write_voc(root / f"sample_m3fd/Annotation/{number:05d}.xml", names[-1], scene)
            number += 1
        (root / f"sample_m3fd/{role}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    number = 0
    for part, (role, count) in enumerate(zip(("train", "val", "test"), plan.segmentation), start=5):
        names = []
        for _, scene in scenes(part, count, "masks"):
            names.append(f"{number:05d}{'N' if scene.light == 'night' else 'D'}")  # MFNet's day and night suffix
            _save(root / f"sample_mfnet/images/{names[-1]}.png", np.dstack([scene.vi, scene.ir]))
            _save(root / f"sample_mfnet/labels/{names[-1]}.png", scene.mask)
            number += 1
        (root / f"sample_mfnet/{role}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    for number in range(plan.phantoms):
        mri, pet = render_phantom(plan.seed * _BLOCK + number, plan.phantom_size)
        _save(root / f"sample_mri_pet/MRI/{number:05d}.png", mri)
        _save(root / f"sample_mri_pet/PET/{number:05d}.png", pet)
        progress(next(done), plan.scenes)


def _save(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, format="PNG", compress_level=1)


def _write_voc(path: Path, picture: str, scene: Scene) -> None:
    """PASCAL VOC as M3FD publishes it: class names, corners in pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    top = ElementTree.Element("annotation")
    ElementTree.SubElement(top, "folder").text = "Vis"
    ElementTree.SubElement(top, "filename").text = picture
    size = ElementTree.SubElement(top, "size")
    for tag, value in zip(("width", "height", "depth"), (scene.vi.shape[1], scene.vi.shape[0], 3)):
        ElementTree.SubElement(size, tag).text = str(value)
    for name, *corners in scene.boxes:
        item = ElementTree.SubElement(top, "object")
        ElementTree.SubElement(item, "name").text = name
        box = ElementTree.SubElement(item, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners):
            ElementTree.SubElement(box, tag).text = str(value)
    ElementTree.indent(top)
    ElementTree.ElementTree(top).write(path, encoding="utf-8")

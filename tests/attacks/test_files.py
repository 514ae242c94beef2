"""Files beside pictures and labels that some library would obey: none is."""

import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
from canaries import Canary
from detection_scenes import quick, scenes
from mutations import write_sandbox
from suite_scenes import ROOT, write_pairs

from core.errors import IvfbenchError
from downstream.detection.dataset import open_detection
from downstream.detection.run import run_detection
from fusion.smfnet.training.trainer import train


def poisoned(folder, canary, names):
    """`folder` with files of these names that run code when they are unpickled."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(pickle.dumps(Canary(canary)))


def test_caches_of_the_library_are_not_unpickled(tmp_path):
    """ultralytics loads labels.cache and x.npy with pickle where it finds them: beside pictures, in an old folder."""
    images, dataset = scenes(tmp_path / "pictures")
    canary, out = tmp_path / "ran", tmp_path / "out"
    names = ["labels.cache", "images.cache", *(f"{key}.npy" for key in images)]
    for folder in (tmp_path / "pictures", out / "labels", out / "library", out / "dataset", out / "dataset/images",
                   out / "dataset/labels"):
        poisoned(folder, canary, names)
    result = run_detection(images, dataset, None, quick(epochs=1, cache=True), seed=0, device="cpu", out=out)
    assert len(result.losses) == 1 and not canary.exists()


def test_the_poison_works(tmp_path):
    poisoned(tmp_path, tmp_path / "ran", ["x.npy"])
    np.load(tmp_path / "x.npy", allow_pickle=True)
    assert (tmp_path / "ran").exists()


TAGS = ("!!python/object/apply:os.mkdir ['{canary}']", "names: !!python/object/apply:os.mkdir ['{canary}']",
        "names: !!python/object/new:os.mkdir ['{canary}']")


@pytest.mark.parametrize("text", TAGS)
def test_yaml_makes_no_objects(text, tmp_path):
    box = write_sandbox(tmp_path / "box")
    folder = box / "data/M3FD/labels"
    shutil.rmtree(box / "data/M3FD/Annotation")
    folder.mkdir()
    for number in range(3):
        (folder / f"{number:05}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (folder / "data.yaml").write_text(text.format(canary=tmp_path / "ran"))
    with pytest.raises(IvfbenchError):
        open_detection("m3fd", box / "data")
    assert not (tmp_path / "ran").exists()


def test_xml_reads_no_other_file(tmp_path):
    box = write_sandbox(tmp_path / "box")
    (tmp_path / "secret").write_text("secret")
    for number in range(3):
        (box / f"data/M3FD/Annotation/{number:05}.xml").write_text(
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><annotation><object><name>&x;</name></object>'
            "</annotation>")
    with pytest.raises(IvfbenchError) as told:
        open_detection("m3fd", box / "data")
    assert "secret" not in str(told.value).replace(f"{tmp_path}/secret", "")


def test_a_resume_file_of_smfnet(tmp_path):
    write_pairs(tmp_path / "data", size=(96, 96))
    poisoned(tmp_path / "out", tmp_path / "ran", ["checkpoint.pt"])
    small = {"network.width": 8, "network.heads": 2, "data.patch": 64, "training.batch": 1}
    with pytest.raises(IvfbenchError, match=r"checkpoint\.pt: cannot be read"):
        train("sample", data=tmp_path / "data/tno", out=tmp_path / "out", overrides=small)
    assert not (tmp_path / "ran").exists()


@pytest.mark.long
def test_code_that_lies_about_is_not_imported(tmp_path):
    """In the working folder, in the data and in OUT: files that Python or matplotlib would take for theirs."""
    write_pairs(tmp_path / "data")
    for folder in (tmp_path / "here", tmp_path / "data", tmp_path / "out", tmp_path / "out/.cache/matplotlib"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("sitecustomize.py", "usercustomize.py", "torch.py", "json.py", "matplotlib.py", "conftest.py"):
            (folder / name).write_text(f"import os; os.mkdir({str(tmp_path / 'ran')!r})")
        (folder / "matplotlibrc").write_text("backend: module://torch\ntext.usetex: True\n")
    done = subprocess.run(
        [sys.executable, ROOT / "run_all.py", "--suite", "ivf", "--profile", "paper", "--data", tmp_path / "data",
         "--methods", "average", "--datasets", "tno", "--jobs", "1", "--out", tmp_path / "out"], capture_output=True,
        text=True, cwd=tmp_path / "here")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists() and (tmp_path / "out/figures/panel_tno.png").is_file()

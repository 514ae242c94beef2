"""Bad input: a one-line error naming file and remedy, exit code 2, nothing half-written."""


import numpy as np
import pytest
from PIL import Image
from suite_scenes import fails, write_pairs

from fusion import images


@pytest.fixture
def fail(tmp_path, capsys, monkeypatch):
    """Run ivf with `average` on tmp_path/data; returns the error line and checks that no unit was begun."""
    def call(*arguments):
        out = tmp_path / "out"
        text = fails(capsys, monkeypatch, "--suite", "ivf", "--profile", "paper", "--data", tmp_path / "data",
                     "--methods", "average", "--datasets", "tno", "--out", out, *arguments)
        assert not (out / "fuse").exists() and not (out / "rows.csv").exists()
        return text

    write_pairs(tmp_path / "data")
    return call


def test_missing_data_folder(fail, tmp_path):
    assert f"{tmp_path}/nowhere: no such folder; name an existing one with --data" in fail("--data",
                                                                                          tmp_path / "nowhere")


def test_missing_set(fail):
    text = fail("--datasets", "roadscene")
    assert "data set roadscene not found; expected roadscene/ir/" in text and "Published at https://" in text


def test_missing_counterpart(fail, tmp_path):
    (tmp_path / "data/tno/vi/b.png").unlink()
    text = fail()
    assert "ir/b.png: no counterpart" in text and "add it or remove" in text


def test_sizes_that_differ(fail, tmp_path):
    images.write_png(tmp_path / "data/tno/vi/b.png", np.zeros((41, 64), np.uint8))
    assert "vi/b.png: 64x41 but b.png" in fail()


def test_truncated_png(fail, tmp_path):
    path = tmp_path / "data/tno/ir/a.png"
    path.write_bytes(path.read_bytes()[:-300])
    text = fail()
    assert "ir/a.png: cannot be decoded" in text and "copy it again" in text


def test_16_bit(fail, tmp_path):
    Image.fromarray(np.zeros((48, 64), np.uint16)).save(tmp_path / "data/tno/ir/a.png")
    assert "ir/a.png: sample format I;16; expected 8 bits" in fail()


def test_4_channels(fail, tmp_path):
    Image.fromarray(np.zeros((48, 64, 4), np.uint8)).save(tmp_path / "data/tno/vi/a.png")
    text = fail()
    assert "vi/a.png: 4 channels" in text and "alpha" in text


def test_empty_set(fail, tmp_path):
    for path in (tmp_path / "data/tno/ir").iterdir():
        path.unlink()
    assert "tno/ir: no pictures" in fail()


def test_unknown_names(fail):
    assert "unknown method 'laplace'; did you mean laplacian?" in fail("--methods", "laplace")
    assert "unknown data set 'tmo'; did you mean tno?" in fail("--datasets", "tmo")
    assert "unknown suite 'detecton'; did you mean detection" in fail("--suite", "detecton")
    assert "unknown profile 'papers'; did you mean paper?" in fail("--profile", "papers")
    assert "unknown protocol 'relased'; did you mean released?" in fail("--protocol", "relased")
    assert "unknown executor 'rai'" in fail("--executor", "rai")
    assert "--jobs -1: at least 0" in fail("--jobs", "-1")
    assert "--device abacus" in fail("--device", "abacus")


def test_named_method_without_weights(fail, tmp_path):
    (tmp_path / "weights").mkdir()
    text = fail("--methods", "didfuse", "--weights", tmp_path / "weights")
    assert "Encoder_weight_IJCAI.pkl" in text and "fetch didfuse" in text


def test_unwritable_out(fail, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in fail("--out", tmp_path / "file" / "below")


def test_read_only_file_system(fail):
    assert "/proc/ivfbench: cannot be written" in fail("--out", "/proc/ivfbench")


def test_paper_profile_needs_data(tmp_path, capsys, monkeypatch):
    text = fails(capsys, monkeypatch, "--suite", "ivf", "--profile", "paper", "--out", tmp_path / "out")
    assert "--data DIR" in text


def test_report_and_verify_of_no_run(tmp_path, capsys, monkeypatch):
    assert "rows.csv: no such file" in fails(capsys, monkeypatch, "report", tmp_path)
    assert "run.json: no such file" in fails(capsys, monkeypatch, "verify", tmp_path)

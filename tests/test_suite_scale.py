"""What a run of a million rows must not cost: parts give what the whole would, files are looked at once."""

import numpy as np
import pytest

from core import records
from core.errors import IvfbenchError
from metrics import statistics
from reports.figures.boxes import POINTS, _thinned
from results.records import ResultRecord
from results.rows import Row, read_csv, to_frame, write_csv, write_csv_parts
from suite.unit import _leads_out, artefact_path

ROWS = [Row("ivf", f"m{n % 3}", "tno", f"picture, {n}", "EN", "smfnet", 0, value)
        for n, value in enumerate([1 / 3, 2.0, float("nan"), -1e-9, float("inf")])]


def test_rows_written_in_parts_are_the_same_bytes(tmp_path):
    write_csv(tmp_path / "whole.csv", to_frame(ROWS))
    number = write_csv_parts(tmp_path / "parts.csv", (to_frame(part) for part in (ROWS[:2], [], ROWS[2:])))
    assert number == len(ROWS) and (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    write_csv(tmp_path / "none.csv", to_frame([]))
    assert write_csv_parts(tmp_path / "nothing.csv", []) == 0
    assert (tmp_path / "nothing.csv").read_bytes() == (tmp_path / "none.csv").read_bytes()
    assert len(read_csv(tmp_path / "parts.csv")) == len(ROWS)


def test_a_part_that_fails_leaves_no_file(tmp_path):
    def parts():
        yield to_frame(ROWS)
        raise OSError("no luck")

    with pytest.raises(OSError):
        write_csv_parts(tmp_path / "rows.csv", parts())
    assert list(tmp_path.iterdir()) == []


def record(**changed):
    table = {"schema": 2, "stage": "fuse", "method": "m", "dataset": "tno", "seed": 0, "key": "k", "version": 1,
             "settings": {"deep": {"list": [1, {"a": None}]}}, "upstream": ["u"], "rows": [["ivf", 1, 2.5]],
             "details": {}, "artefacts": {"images/a.png": ["hash", 1, 2]}, "provenance": {}}
    return records.read(ResultRecord, {**table, **changed}, "here", IvfbenchError)


def test_records_come_back_as_they_were_written():
    read = record()
    assert read.artefacts == {"images/a.png": ("hash", 1, 2)} and read.rows == (["ivf", 1, 2.5],)
    assert records.read(ResultRecord, records.write(read), "there", IvfbenchError) == read


@pytest.mark.parametrize("artefacts", [{"a": ["hash", 1]}, {"a": ["hash", 1, True]}, {"a": ["hash", 1.0, 2]}, {"a": 1},
                                       {"a": ["hash", 1, 2, 3]}, {"a": [1, 1, 2]}])
def test_what_is_seen_at_a_glance_is_checked_as_before(artefacts):
    with pytest.raises(IvfbenchError, match=r"here, artefacts\.a"):
        record(artefacts=artefacts)


@pytest.mark.parametrize("name, out", [("images/a.png", False), ("images/a..b.png", False), ("..", True),
                                       ("images/../../a", True), ("/etc/passwd", True), (".hidden", False)])
def test_a_name_that_leads_out_is_known(name, out, tmp_path):
    assert _leads_out(name) is out
    if not out:
        assert artefact_path(tmp_path, name).is_relative_to(tmp_path)


def test_a_bootstrap_in_smaller_batches_is_the_same(monkeypatch):
    values = np.random.default_rng(1).random((3, 50))
    whole = statistics.bootstrap_interval(values, resamples=99)
    monkeypatch.setattr(statistics, "_DRAWN", 1000)
    assert np.array_equal(whole, statistics.bootstrap_interval(values, resamples=99))


@pytest.mark.parametrize("length", [1, 2, POINTS, POINTS + 1, 20_000])
def test_a_curve_of_many_points_keeps_its_ends(length):
    kept = _thinned(np.arange(float(length)))
    assert kept[0] == 0 and kept[-1] == length - 1 and len(kept) == min(length, POINTS) and (np.diff(kept) > 0).all()

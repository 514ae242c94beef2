"""Records of a foreign OUT that are well formed and say something else: every command that reads them shows them, or
refuses them in one line; nothing ends in a traceback."""

import csv
import io
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports_run import make_run
from suite_scenes import write_pairs
from test_suite_damaged_out import COMMON, call, changed, command, without_drawing  # noqa: F401 - a fixture

READING = ("report", "trace", "verify", "compare", "bundle", "new-paper")
# what could stand in a column of text and what could not; names that mean something elsewhere, and none
TEXTS = ["", "-", "x", "ivf", "mif", "detection", "segmentation", "complexity", "ablation", "tno", "visible", "average",
         "nobody", "../x", "a/b", "=1+1", "<b>", "$x_1%", "Ω" * 40, "x" * 300, "nan", "1", "EN", "PSNR", "AP50", "mIoU",
         "params", "macs_g", "time_s", "smfnet", "tang", "a\nb", "a\0b", "a,b", '"']
NUMBERS = ["", "nan", "inf", "-inf", "1e308", "-1e308", "1e999", "0", "-1", "2", "18446744073709551616", "0.5", "true",
           "text"]
OTHER = st.sampled_from([*TEXTS, 0, -1, 2**70, 0.5, None, True, [], {}, ["x"], {"x": 1}])
COLUMNS = ["suite", "method", "dataset", "item", "metric", "variant", "seed", "value"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(data root, OUT) with an audit in it."""
    root, out = write_pairs(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("out") / "out"
    assert call(*command("run", root, out))[0] == 0
    assert call(*command("audit", root, out))[0] in (0, 1) and (out / "audit.csv").is_file()
    return root, out


@pytest.fixture(scope="module")
def every_suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(no data, OUT): a synthetic run of six suites, whose tables and figures are of every kind."""
    root = tmp_path_factory.mktemp("whole")
    (root / "data").mkdir()
    return root / "data", make_run(root / "out")


def change_rows(path: Path, data: st.DataObject) -> str:
    """rows.csv with a column or some cells changed; what was done."""
    with path.open(newline="") as handle:
        table = list(csv.reader(handle))
    how = data.draw(st.sampled_from(["cell", "cell", "whole column", "whole column", "column gone", "column twice",
                                     "column renamed", "row gone", "row twice", "no rows", "short row"]), "how")
    place, name = data.draw(st.integers(1, len(table) - 1), "row"), data.draw(st.sampled_from(COLUMNS), "column")
    column = table[0].index(name)
    if how in ("cell", "whole column"):
        value = data.draw(st.sampled_from(TEXTS if column < 6 else NUMBERS), "value")
        for row in table[1:] if how == "whole column" else [table[place]]:
            row[column] = value
        how = f"{how}: {value!r}"
    elif how == "column gone":
        table = [[*row[:column], *row[column + 1:]] for row in table]
    elif how == "column twice":
        table = [[*row, row[column]] for row in table]
    elif how == "column renamed":
        table[0][column] = "other"
    elif how == "row gone":
        del table[place]
    elif how == "row twice":
        table.append(table[place])
    elif how == "no rows":
        del table[1:]
    else:
        del table[place][column:]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    path.write_text(text.getvalue())
    return f"{how}, {name}"


def change_record(path: Path, data: st.DataObject) -> str:
    """A record with some values changed; what was done."""
    content = json.loads(path.read_text())
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        content = changed(content, data, OTHER)
    path.write_text(json.dumps(content))
    return "changed"


def check(finished: tuple[Path, Path], data: st.DataObject) -> None:
    root, out = finished
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "out"
        shutil.copytree(out, copy)
        once = [name for name in ("provenance.json", "audit.csv", "seal.json") if (out / name).exists()]
        results = sorted(str(path.relative_to(out)) for path in out.rglob("result.json"))
        names = ["rows.csv", "rows.csv", "run.json", "run.json", *once, *results]
        name = data.draw(st.sampled_from(names), "file")
        how = change_record(copy / name, data) if name.endswith(".json") else \
            change_rows(copy / name, data) if name == "rows.csv" else change_audit(copy / name, data)
        asked = data.draw(st.sampled_from(READING), "command")
        code, said = call(*command(asked, root, copy))
        what = f"{how} in {name}, {asked}: {code}\n{said}"
        assert "Traceback" not in said and code in (0, 1, 2), what
        assert code != 2 or (said.count("error: ") == 1 and len(said.strip().splitlines()) == 1), what
        assert code != 1 or (asked == "verify" and "WRONG" in said) or (asked == "compare" and "differ" in said), what


def change_audit(path: Path, data: st.DataObject) -> str:
    with path.open(newline="") as handle:
        table = list(csv.reader(handle))
    place, column = data.draw(st.integers(0, len(table) - 1), "row"), data.draw(st.integers(0, len(table[0]) - 1), "at")
    table[place][column] = value = data.draw(st.sampled_from([*TEXTS, *NUMBERS]), "value")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    path.write_text(text.getvalue())
    return f"row {place}, column {column}: {value!r}"


@pytest.mark.long
@settings(max_examples=40, **COMMON)
@given(data=st.data())
def test_some(finished, data):
    check(finished, data)


@pytest.mark.long
@settings(max_examples=30, **COMMON)
@given(data=st.data())
def test_some_of_every_suite(every_suite, data):
    check(every_suite, data)


@pytest.mark.long
@settings(max_examples=120, **{**COMMON, "derandomize": False})
@given(data=st.data())
def test_many_of_every_suite(every_suite, data):
    check(every_suite, data)


@pytest.mark.long
@settings(max_examples=120, **{**COMMON, "derandomize": False})
@given(data=st.data())
def test_many(finished, data):
    check(finished, data)


@pytest.mark.parametrize("column, value", [("seed", "18446744073709551616"), ("seed", "1.5"), ("value", "text"),
                                           ("suite", "a/b"), ("method", "=1+1")])
def test_a_cell_that_no_run_writes_is_named(finished, tmp_path, column, value):
    root, out = finished
    shutil.copytree(out, tmp_path / "out")
    with (tmp_path / "out" / "rows.csv").open(newline="") as handle:
        table = list(csv.reader(handle))
    table[1][table[0].index(column)] = value
    (tmp_path / "out" / "rows.csv").write_text("".join(",".join(row) + "\n" for row in table))
    for name in READING[:-1]:
        code, said = call(*command(name, root, tmp_path / "out"))
        assert code == 2 and said.startswith("error: ") and "rows.csv: " in said, (name, said)


def test_a_row_that_stands_twice_is_named(finished, tmp_path):
    root, out = finished
    shutil.copytree(out, tmp_path / "out")
    path = tmp_path / "out" / "rows.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    for name in READING[:-1]:
        code, said = call(*command(name, root, tmp_path / "out"))
        assert code == 2 and "rows.csv: " in said and "stands twice" in said, (name, said)

"""Everything that a run shows: complete, the same bytes every time, honest about what is missing, and compilable."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from latex import compiled
from reports_run import SKIPPED, SUITES, make_run

from reports import Options, ReportError, is_current, load, write_all
from reports.comparison import compare
from reports.figures import style
from reports.trace import trace
from reports.write import beside_the_paper, build_tables, write_tables


def digests(made, out) -> dict[str, str]:
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """(OUT, file -> sha256) of a run that has every table's and every figure's kind, reported once."""
    out = make_run(tmp_path_factory.mktemp("full"), [suite for suite in SUITES if suite != "mif"], fused=("tno",))
    return out, digests(write_all(out), out)


def test_all_files(full):
    out, made = full
    tables = {f"tables/table{n}.{kind}" for n in (1, 2, 3, 5, 6) for kind in ("tex", "md", "csv")}
    figures = {f"figures/{name}.{kind}" for kind in ("pdf", "png") for name in (
        "radar_tno", "boxes_tno", "curves_tno", "panel_tno", "ranks_table1", "cost_tno", "detection_m3fd",
        "detection_classes_m3fd", "segmentation_mfnet", "segmentation_classes_mfnet", "ablation_roadscene",
        "detections_m3fd", "segmentations_mfnet")}
    others = {"report.html", "tables/all.tex", "tables/table1_statistics.csv", "tables/comparison_cells.csv"}
    beside = ("comparison", "claims", "placings")
    tables |= {f"tables/{name}.{kind}" for name in beside for kind in ("tex", "md", "csv")}
    assert tables | figures | others == set(made)
    assert not [path for path in out.rglob("*") if ".tmp" in path.name]


@pytest.mark.long
def test_making_it_again_gives_the_same_bytes(full):
    """In another process, whose sets and hashes are ordered otherwise."""
    out, made = full
    code = "import sys, pathlib, reports; reports.write_all(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, out], check=True, timeout=600, cwd=Path(__file__).parents[1],
                   env={**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"})
    assert digests([out / name for name in made], out) == made


def test_current_until_rows_or_files_change(full):
    out, _ = full
    assert is_current(out)
    rows = (out / "rows.csv").read_bytes()
    address = b"ivf,smfnet,tno,00001,EN,smfnet,0,"
    (out / "rows.csv").write_bytes(rows.replace(address, address + b"1"))
    assert not is_current(out)
    (out / "rows.csv").write_bytes(rows)
    assert is_current(out)
    page = out / "report.html"
    page.rename(out / "away.html")
    assert not is_current(out)
    (out / "away.html").rename(page)
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    run["finished"] = "another time"
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    assert is_current(out)  # another time is not another result


@pytest.mark.parametrize("single", [False, True])
def test_the_document_compiles(tmp_path, single):
    """No undefined reference, nothing more than 5 pt too wide, every table on its page."""
    hostile = "50 % of a_b & c^d ~ {x} \\y → ü ☃ " + "very-long-path" * 9
    data = load(make_run(tmp_path, pictures=False, hostile=hostile))
    options = Options(single_column=single, colour=not single)
    tables = build_tables(data, options)
    write_tables(data, [*tables, *beside_the_paper(data, tables, compare(data))], options)
    log = compiled(tmp_path / "tables" / "all.tex", tmp_path)
    assert not re.findall(r"undefined", log)
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert max(wide, default=0) <= 5
    labels = re.findall(r"\\newlabel\{tab:(\w+)\}", (tmp_path / "all.aux").read_text())
    assert {f"table{n}" for n in range(1, 7)} <= set(labels)


@pytest.mark.parametrize("suite", ["detection", "complexity"])
def test_a_run_of_one_suite(tmp_path, suite):
    """Without pictures, statistics and the other tables."""
    out = make_run(tmp_path, [suite], pictures=False)
    made = {path.name for path in write_all(out)}
    number = {"detection": 2, "complexity": 5}[suite]
    assert {name for name in made if re.fullmatch(r"table\d\.csv", name)} == {f"table{number}.csv"}
    assert "No pictures" in (out / "report.html").read_text(encoding="utf-8")


def test_reports_made_with_options_are_not_taken_for_the_run_s_own(tmp_path):
    out = make_run(tmp_path, ["complexity"], pictures=False)
    write_all(out, Options(digits=1))
    assert not is_current(out)
    write_all(out)
    assert is_current(out)


def test_what_did_not_run_is_said_everywhere(tmp_path):
    data = load(make_run(tmp_path, ["ivf"], pictures=False))
    from reports.page import page
    tables = build_tables(data, Options())
    text = page(data, tables, [])
    assert "What did not run" in text and "out of memory at picture 00002" in text and "cddfuse" in text.lower()
    assert SKIPPED[1].replace("`", "") in text.replace("`", "")


def test_some_pictures_are_gone(tmp_path):
    out = make_run(tmp_path, ["ivf"], fused=("tno",))
    shutil.rmtree(out / "source")
    for path in (out / "fuse" / "average").rglob("*.png"):
        path.unlink()
    from reports.page import browser
    shown = browser(load(out))
    titles = {title for entry in shown[0]["items"] for title in entry["pictures"]}
    assert titles == {"DenseFuse", "U2Fusion", "SMFNet"}


def test_a_run_in_which_nothing_finished(tmp_path):
    out = make_run(tmp_path, [], pictures=False)
    assert {path.name for path in write_all(out)} == {"report.html", "all.tex"}


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ReportError, match=r"run\.json: no such file; name the OUT of a run"):
        write_all(tmp_path)
    make_run(tmp_path, ["ivf"], pictures=False)
    (tmp_path / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReportError, match="run the same command again"):
        write_all(tmp_path)


def test_a_method_has_one_colour_everywhere(tmp_path):
    """By its name alone: what else ran does not change it."""
    many = load(make_run(tmp_path, pictures=False))
    few = load(make_run(tmp_path, ["mif"], pictures=False))
    for method in ("densefuse", "u2fusion", "smfnet", "visible"):
        assert style.colour(many, method) == style.colour(few, method)
    colours = [style.colour(many, m) for m in many.run.methods if many.kind(m) != "ablation"]
    assert len(set(colours)) == len(colours)


def test_trace_leads_to_rows_units_weights_and_pairs(full):
    out, _ = full
    text = trace(out, "table1", "TNO", "smfnet", "VIF")
    values = load(out).rows.query("suite == 'ivf' and method == 'smfnet' and metric == 'VIF'")["value"]
    assert f"SMFNet, TNO, VIF: {values.mean():.6f} = mean of 3 rows" in text
    assert all(repr(float(value)) in text for value in values)
    assert "weights.pth sha256 " + "cd" * 32 in text and "manifest sha256 " + "ab" * 32 in text
    assert "unit: fuse done" in text and "unit: score done" in text and "variant smfnet" in text


@pytest.mark.parametrize(("table", "dataset", "column"), [
    ("table2", "M3FD", "Motor"), ("Table2", "m3fd", "mAP@0.5"), ("table3", "mfnet", "Car stop"),
    ("table3", "MFNet", "mIoU"), ("table5", "msrs", "time_s"), ("table5", "msrs", "Time (s)"),
    ("table5", "msrs", "MACs (G)"), ("table6", "roadscene", "SSIM")])
def test_trace_takes_columns_by_their_printed_names(full, table, dataset, column):
    method = "ae3" if table == "table6" else "smfnet"
    assert "mean of" in trace(full[0], table, dataset, method, column)


@pytest.mark.parametrize(("arguments", "message"), [
    (("table7", "TNO", "SMFNet", "VIF"), "unknown table 'table7'; known: table1"),
    (("table1", "MSRS", "SMFNet", "VIF"), "no data set 'MSRS' in this table; known: TNO"),
    (("table1", "TNO", "SHIP", "VIF"), "no method 'SHIP'"),
    (("table1", "TNO", "SMFNet", "FID"), "no metric or class 'FID'")])
def test_trace_names_what_is_there(full, arguments, message):
    with pytest.raises(ReportError, match=re.escape(message)):
        trace(full[0], *arguments)

"""Papers as data: tables that follow the description and the rows."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from latex import compiled
from paper_scenes import GROUPS, KNOWN, MINE, described, styled
from reports_run import make_run

from reports import Options, ReportError, load, new_paper, write_all
from reports.claims import placings_table
from reports.columns import columns
from reports.comparison import compare
from reports.figures import bars, radar, style
from reports.page import page
from reports.render import latex
from reports.table import Cell, Header, Line, Table, ranked, with_average_rank
from reports.tables import build, build_all
from reports.trace import trace
from reports.write import build_tables, write_tables
from results.papers import PaperError, check, load_paper
from results.records import SuiteRecord, write_run
from results.rows import Row, to_frame, write_csv


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), pictures=False)


def test_tables_are_the_descriptions(out, tmp_path):
    data = load(out, described(tmp_path))
    table = build(data, 1)
    assert table.caption == "Fusion on The TNO set, RoadScene"  # a set that no table names stands in the suite's first
    assert [(h.text, h.higher_is_better) for h in table.headers] == [("VIF", True), ("Entropy", True)]
    tno = [line.label for line in table.lines if line.block == "The TNO set"]
    assert tno[-4:] == ["DF", "CDDFuse", "U2Fusion", "Mine"]  # printed, strangers by title, ours
    assert [c.digits for c in table.lines[0].cells] == [4, 1]
    assert {(c.method, c.metric) for c in compare(data)} == {(m, c) for m in ("DF", "Mine") for c in ("VIF", "Entropy")}


def test_the_same_run_in_the_words_of_another_paper(out):
    data = load(out, "cddfuse")
    table = build(data, 1)
    # scored by another toolbox than the paper's: printed under its own definition, compared with nothing
    assert {c.table for c in compare(data)} == {3} and "metric definitions: smfnet." in table.notes[0]
    assert {"U2F", "CDDFuse"} < {line.label for line in table.lines}
    detection = build(data, 3)
    rows = data.rows.query("suite == 'detection' and method == 'visible' and metric == 'mAP50'")["value"]
    line = next(line for line in detection.lines if line.label == "VI")
    assert line.cells[-1].value == pytest.approx(100 * rows.mean())
    assert {t.name for t in build_all(data)} == {"table1", "table3", "table4",
                                                 "table5", "table_complexity", "table_ablation"}


def add(out: Path, suite: str, record: SuiteRecord, rows: list[Row]) -> Path:
    data = load(out)
    write_csv(out / "rows.csv", pd.concat([data.rows, to_frame(rows)], ignore_index=True))
    write_run(out, replace(data.run, suites={**data.run.suites, suite: record}))
    return out


@pytest.fixture
def extended(tmp_path):
    """A run with a metric of the user's in the fusion suite and two suites that no paper knows."""
    run = make_run(tmp_path, ["ivf"], fused=("tno",), pictures=False)
    names = ("average", "densefuse", "smfnet")
    mine = [Row("ivf", m, "tno", item, "MINE", "mine", 0, n + 0.1 * i) for n, m in enumerate(names)
            for i, item in enumerate(("00001", "00002", "00003"))]
    noise = [Row("noise", m, "tno", item, metric, "smfnet", 0, n + 0.1 * i) for n, m in enumerate(names)
             for metric in ("EN", "SD", "VIF") for i, item in enumerate(("00001", "00002"))]
    counts = [Row("crowd", m, "tno", item, "F1", "counter", 0, 0.1 * n) for n, m in enumerate(names)
              for item in ("Walker", "Rider", "-")]
    add(run, "noise", SuiteRecord("Fusion of noisy pairs", "pictures"), noise)
    add(run, "crowd", SuiteRecord("Crowd counting", "items"), counts)
    return add(run, "ivf", SuiteRecord("Infrared-visible image fusion", "pictures"), mine)


def test_a_new_metric_and_new_suites_are_in_tables_radar_trace_and_page(extended):
    data = load(extended)
    tables = {table.name: table for table in build_tables(data, Options())}
    assert list(tables) == ["table1", "table_noise", "table_crowd"]
    assert [h.text for h in tables["table1"].headers][-1] == "MINE"
    assert tables["table_noise"].caption == "Fusion of noisy pairs on TNO"
    assert [h.text for h in tables["table_noise"].headers] == ["EN", "SD", "VIF"]
    assert [h.text for h in tables["table_crowd"].headers] == ["Walker", "Rider", "F1"]
    with style.applied():
        figures = {**radar.draw(data), **bars.draw(data)}
    axes = [label.get_text() for label in figures["radar_tno"].axes[0].get_xticklabels()]
    assert any(text.startswith("MINE") for text in axes)
    assert {"radar_noise_tno", "crowd_tno", "crowd_classes_tno"} <= set(figures)
    plt.close("all")
    assert "MINE: 2.100000 = mean of 3 rows" in trace(extended, "table1", "tno", "smfnet", "mine")
    assert "SMFNet, TNO, Walker" in trace(extended, "table_crowd", "TNO", "SMFNet", "walker")
    text = page(data, list(tables.values()), [])
    assert "MINE" in text and "Fusion of noisy pairs" in text and "Crowd counting" in text


def with_rows(data, **changes):
    return replace(data, rows=data.rows.assign(**changes))


def test_columns_follow_the_rows(out):
    data = load(out)
    ivf = data.rows[data.rows["suite"] == "ivf"]

    def titles(rows: pd.DataFrame) -> list[str]:
        found = replace(data, rows=rows)
        return [c.title for c in columns(found, found.paper.table(1))]

    everything = ["EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM"]
    assert titles(ivf) == everything  # SCD is measured too, and not printed
    assert titles(ivf[ivf["metric"].isin(["VIF", "EN"])]) == ["EN", "VIF"]
    assert titles(ivf[ivf["metric"].isin(["SCD", "EN"])]) == ["EN", "SCD"]  # the user's own choice
    other = ivf[ivf["metric"].isin(["EN", "SSIM"])].assign(variant="vifb")
    assert titles(other) == ["EN", "SSIM"]
    assert titles(pd.concat([ivf, other])) == [*everything, "EN (vifb)", "SSIM (vifb)"]
    assert {c.metric for c in compare(replace(data, rows=other))} == set()  # not the paper's definition


def test_classes_that_the_paper_does_not_print_stand_before_what_is_over_all(out):
    data = load(out)
    renamed = data.rows.replace({"item": {"People": "Rider", "Bus": "Walker"}})

    def titles(rows: pd.DataFrame) -> list[str]:
        return [h.text for h in build(replace(data, rows=rows), 2).headers]

    assert titles(renamed) == ["Car", "Lamp", "Motor", "Truck", "Rider", "Walker", "mAP@0.5"]
    strange = renamed[~renamed["item"].isin(["Car", "Lamp", "Motorcycle", "Truck"])]
    assert titles(strange) == ["Rider", "Walker", "mAP@0.5"]


def test_two_definitions_of_a_metric_are_never_averaged(out):
    data = load(out)
    ivf = data.rows[data.rows["suite"] == "ivf"]
    both = replace(data, rows=pd.concat([ivf, ivf.assign(variant="vifb", value=1000.0)]))
    line = next(line for line in build(both, 1).lines if line.label == "SMFNet")
    assert line.cells[0].value == next(line for line in build(data, 1).lines if line.label == "SMFNet").cells[0].value


def test_layouts_of_an_authors_own_table(out, tmp_path):
    split = [table.name for table in build_all(styled(out, tmp_path / "a", "split = true")) if "table1" in table.name]
    assert split == ["table1_tno", "table1_roadscene"]
    narrow = build(styled(out, tmp_path / "b", 'width = "column"\ncolour = false\ntransposed = true'), 1)
    text = latex.render(narrow, colour=narrow.colour, single_column=narrow.single_column)
    # so many methods of two data sets would be set below 6 pt in one column
    assert r"\begin{table*}[t]" in text and r"\textcolor" not in text
    # transposed: methods as columns with their references, data sets above them
    assert re.search(r"^ & .*The TNO set.*RoadScene.*\\\\", text, re.M) and "\nVIF $\\uparrow$ & " in text
    assert re.search(r"^Method & .*DF~\\cite\{li2019densefuse\} & .* & Mine", text, re.M), text
    ranks = build(styled(out, tmp_path / "c", "average_rank = true"), 1)
    assert ranks.headers[-1] == Header("Rank", False)


def test_statistics_over_the_pictures(out, tmp_path):
    data = styled(out, tmp_path / "a", 'statistic = "median"')
    values = data.rows.query("suite == 'ivf' and dataset == 'tno' and method == 'smfnet' and metric == 'VIF'")["value"]

    def cell(table):
        return next(line for line in table.lines if line.label == "Mine" and line.block == "The TNO set").cells[0]

    assert cell(build(data, 1)).value == pytest.approx(values.median())
    assert "Median over the images" in build(data, 1).notes[0]
    spread = cell(build(styled(out, tmp_path / "b", 'statistic = "mean ± std"'), 1))
    assert spread.text == f"{values.mean():.4f} ± {values.std():.4f}"


def test_average_ranks_are_taken_from_the_printed_digits():
    lines = (Line("Source", (Cell(9.0, 1), Cell(0.0, 1)), ranked=False), Line("a", (Cell(1.01, 1), Cell(3.0, 1))),
             Line("b", (Cell(1.04, 1), Cell(2.0, 1))), Line("c", (Cell(0.5, 1), Cell(None))))
    table = with_average_rank(ranked(Table("t", "T", "Method", (Header("up", True), Header("down", False)), lines)))
    # up: a and b share places 1 and 2; down: b before a
    assert [line.cells[-1].value for line in table.lines] == [None, (1.5 + 2) / 2, (1.5 + 1) / 2, None]
    assert [line.cells[-1].rank for line in table.lines] == [0, 2, 1, 0]


def test_cells_that_a_test_tells_from_ours_are_marked(tmp_path):
    out = make_run(tmp_path / "run", ["ivf"], fused=("tno",), pictures=False)
    names = {"smfnet": 0.0, "densefuse": 1.0, "u2fusion": 0.0}
    rows = [Row("ivf", m, "tno", f"{i}", metric, "smfnet", 0, i + shift + (0.01 * (-1) ** i if m == "u2fusion" else 0))
            for m, shift in names.items() for metric in ("VIF", "EN") for i in range(12)]
    write_csv(out / "rows.csv", to_frame(rows))
    table = build(styled(out, tmp_path / "paper", "significance = true"), 1)
    marks = {line.label: [c.mark for c in line.cells] for line in table.lines if line.cells[0].value is not None}
    assert marks == {"DF": ["*", "*"], "U2Fusion": ["", ""], "Mine": ["", ""]}
    assert any("paired Wilcoxon" in note for note in table.notes) and "$^*$" in latex.render(table)


def test_citations_stand_in_latex_with_their_references(out, tmp_path):
    data = load(out, described(tmp_path / "paper"))
    made = {path.name: path for path in write_tables(replace(data, out=tmp_path), [build(data, 1)], Options())}
    text = made["all.tex"].read_text(encoding="utf-8")
    assert r"DF~\cite{li2019densefuse}" in text and r"\bibitem{li2019densefuse} H. Li" in text
    assert r"\Roman" not in text and "cite" not in made["table1.md"].read_text(encoding="utf-8")


def test_an_authors_table_with_everything_compiles(tmp_path):
    out = make_run(tmp_path / "run", ["ivf"], fused=("tno",), pictures=False)
    options = 'statistic = "mean ± std"\naverage_rank = true\nsignificance = true\nwidth = "column"\ncolour = false'
    data = styled(out, tmp_path / "paper", options)
    write_tables(replace(data, out=tmp_path), build_all(data), Options())
    log = compiled(tmp_path / "tables" / "all.tex", tmp_path)
    assert "undefined" not in log  # no citation without its entry
    assert max((float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)), default=0) <= 5


def test_reports_are_made_for_the_paper_that_is_asked_for(tmp_path):
    out = make_run(tmp_path / "run", ["complexity"], pictures=False)
    folder = described(tmp_path / "paper")
    write_all(out)
    (out / "tables" / "notes.txt").write_text("the user's own", encoding="utf-8")
    made = {path.name for path in write_all(out, Options(paper=str(folder)))}
    assert "table_complexity.csv" in made and "table5.csv" not in made
    # what the report before wrote under another paper's numbers is gone, what somebody else put there is not
    there = {path.name for path in (out / "tables").iterdir()}
    assert "table5.csv" not in there and "notes.txt" in there
    shutil.rmtree(folder)
    with pytest.raises(PaperError, match=re.escape(str(folder))):
        write_all(out, Options(paper=str(folder)))


def test_placings_and_numerals_are_the_papers(out):
    data = load(out)
    table = placings_table(data, [build(data, 2)])
    assert {line.cells[0].value for line in table.lines} == {"II"}
    other = load(out, "cddfuse")
    assert {line.cells[0].value for line in placings_table(other, [build(other, 3)]).lines} == {"3"}


def test_a_description_to_start_from_prints_the_same_tables(out, tmp_path):
    """Round trip: what a run printed, described, is printed again; a description is never overwritten."""
    path = new_paper(out, tmp_path / "mine")
    before, after = load(out), load(out, path.parent)
    assert not check(after.paper, KNOWN)
    for one, other in zip(build_all(before), build_all(after), strict=True):
        assert (one.headers, one.wide) == (other.headers, other.wide)
        assert [(line.label.rstrip("†"), line.cells, line.block) for line in one.lines] == [
            (line.label, line.cells, line.block) for line in other.lines]
    with pytest.raises(ReportError, match=r"paper\.toml: exists already"):
        new_paper(out, path.parent)
    with pytest.raises(ReportError, match="nothing was measured"):
        new_paper(make_run(tmp_path / "empty", [], pictures=False), tmp_path / "other")


def test_two_tables_of_one_suite_share_its_rows_and_its_columns(out, tmp_path):
    """A table per data set, each with its own metrics and order; what neither names goes to the first."""
    second = """[[tables]]
number = 2
suite = "ivf"
caption = "More on {datasets}"
datasets = { roadscene = "RoadScene" }
columns = ["SD"]
variant = "smfnet"
left_out = ["SF", "MI", "Qabf", "AG", "SSIM", "SCD"]
[[tables.groups]]
methods = ["densefuse", "smfnet"]
"""
    first = MINE.replace('left_out = ["SD", "SF"', 'left_out = ["SF"').replace("ours = true\n", "")
    data = load(out, described(tmp_path, first + GROUPS + second))
    one, other = build(data, 1), build(data, 2)
    assert (one.caption, other.caption) == ("Fusion on The TNO set", "More on RoadScene")
    assert ([h.text for h in one.headers], [h.text for h in other.headers]) == (["VIF", "Entropy"], ["SD"])
    assert [label for label in (line.label for line in other.lines) if label in ("DF", "Mine")] == ["DF", "Mine"]


def test_the_example_of_the_documentation_is_a_paper(out, tmp_path):
    text = (Path(__file__).parents[1] / "docs" / "papers.md").read_text(encoding="utf-8")
    (example,), (csv,) = (re.findall(rf"```{kind}\n(.*?)```", text, re.S) for kind in ("toml", "csv"))
    paper = load_paper(described(tmp_path / "my_paper", example, csv), KNOWN)
    assert paper.brought == {"mine": tmp_path / "my_paper/fused"}
    assert paper.needs()["ivf"].metrics == (("EN", "smfnet"), ("VIF", "smfnet"), ("SSIM", "vifb"))
    data = load(out, paper.folder)
    assert {(c.dataset, c.method) for c in compare(data)} == {("TNO", "DenseFuse"), ("RoadScene", "DenseFuse")}
    assert [h.text for h in build(data, 1).headers][:2] == ["EN", "VIF"]


def test_what_is_known_of_a_difference_stands_beside_it(out, tmp_path):
    reason = '[[reasons]]\nmethod = "densefuse"\ntext = "other weights"\ndatasets = ["tno"]\n'
    cells = compare(load(out, described(tmp_path, MINE + GROUPS + reason)))
    notes = {(c.method, c.note) for c in cells if c.status != "exact"}
    assert notes == {("DF", "other weights"), ("Mine", "synthetic")}

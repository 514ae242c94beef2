"""Tables: ranks on the printed digits, footnotes, the paper's columns and order, and one golden file per format."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from reports_run import CLASSES, METRICS, make_run

from reports import Options, load
from reports.render import csv, html, latex, markdown
from reports.table import DASH, Cell, Header, Line, Table, beside, laid_out, ranked, transposed
from reports.tables import build
from reports.write import build_tables
from results.records import DatasetRecord, MethodRecord, UnitRecord

GOLDEN = Path(__file__).parent / "golden" / "reports"
RENDERERS = {"tex": latex.render, "md": markdown.render, "csv": csv.render, "html": html.render}


def column(*values, higher=True, digits=2, ranked_lines=True) -> Table:
    return Table("t", "T", "Method", (Header("m", higher),), tuple(
        Line(f"m{i}", (Cell(v, digits),), ranked=ranked_lines) for i, v in enumerate(values)))


def ranks(table: Table, index: int = 0) -> list[int]:
    return [line.cells[index].rank for line in table.lines]


@pytest.mark.parametrize(("values", "higher", "digits", "expected"), [
    ((1.0, 3.0, 2.0), True, 2, [0, 1, 2]),
    ((1.0, 3.0, 2.0), False, 2, [1, 0, 2]),
    ((1.001, 1.004, 0.5), True, 2, [1, 1, 0]),    # equal as printed: both best, no second
    ((1.001, 1.004, 0.5), True, 3, [2, 1, 0]),
    ((3.0, 1.004, 1.001), True, 2, [1, 2, 2]),    # two seconds
    ((None, 2.0, 1.0), True, 2, [0, 1, 2]),
    ((float("nan"), 2.0, 1.0), False, 2, [0, 2, 1]),
    ((-0.001, 0.001, -1.0), True, 2, [1, 1, 0]),  # -0.00 and 0.00 are the same number
    ((2.0, 2.0), True, 2, [0, 0]),                # no best where all are equal
    ((2.0, None), True, 2, [0, 0]),               # nor where one stands alone
    ((1.0, 2.0), None, 2, [0, 0]),
])
def test_ranks_are_decided_on_the_printed_digits(values, higher, digits, expected):
    assert ranks(ranked(column(*values, higher=higher, digits=digits))) == expected


def test_source_rows_are_printed_but_never_ranked_and_blocks_are_ranked_alone():
    lines = (Line("Visible", (Cell(9.0),), "A", ranked=False), Line("x", (Cell(1.0),), "A"),
             Line("y", (Cell(2.0),), "A"), Line("x", (Cell(7.0),), "B"), Line("y", (Cell(3.0),), "B"))
    assert ranks(ranked(Table("t", "T", "Method", (Header("m", True),), lines))) == [0, 2, 1, 1, 2]


def test_a_row_with_another_number_of_cells_is_refused():
    with pytest.raises(ValueError, match="row x has 1 cells for 2 columns"):
        Table("t", "T", "Method", (Header("a"), Header("b")), (Line("x", (Cell(1.0),)),))


def test_equal_reasons_share_a_footnote():
    lines = tuple(Line(name, (Cell(None, note=note),)) for name, note in (("x", "no weights"), ("y", "crashed"),
                                                                         ("z", "no weights")))
    text = markdown.render(Table("t", "T", "Method", (Header("m", True),), lines))
    assert text.count("no weights") == 1
    cells = [row.split("|")[2].strip() for row in text.splitlines()[4:7]]
    assert cells == [f"{DASH} [1]", f"{DASH} [2]", f"{DASH} [1]"]


def test_beside_puts_blocks_side_by_side_and_keeps_cells_and_gaps():
    lines = (Line("x", (Cell(1.0),), "A"), Line("y", (Cell(2.0),), "A"), Line("y", (Cell(3.0),), "B"))
    wide = beside(ranked(Table("t", "T", "Method", (Header("m", True),), lines)))
    assert [(h.group, h.text) for h in wide.headers] == [("A", "m"), ("B", "m")]
    assert [(line.label, *(c.value for c in line.cells)) for line in wide.lines] == [("x", 1.0, None), ("y", 2.0, 3.0)]
    assert wide.lines[1].cells[0].rank == 1


def test_rows_of_one_name_are_never_lost_side_by_side():
    lines = tuple(Line(label, (Cell(value),), "A") for label, value in (("x", 1.0), ("x", 2.0), ("y", 3.0)))
    table = Table("t", "T", "Method", (Header("m", True),), lines, wide="beside")
    assert laid_out(table).lines == lines and "1.0000" in latex.render(table) and "2.0000" in latex.render(table)
    assert laid_out(replace(table, lines=lines[1:])).headers[0].group == "A"


def test_transposed_turns_metrics_into_rows():
    turned = transposed(ranked(column(3.0, 1.0, higher=False)))
    assert [h.text for h in turned.headers] == ["m0", "m1"]
    assert [(line.label, [c.rank for c in line.cells]) for line in turned.lines] == [("m ↓", [2, 1])]


def lower() -> Table:
    headers = (Header("MSE", False, "Error"), Header("PSNR", True, "Error"), Header("Kind"))
    lines = (Line("Visible", (Cell(0.1), Cell(99.0, 1), Cell("source")), ranked=False),
             Line("A_1 & co", (Cell(12.34567), Cell(20.04, 1), Cell("<b>old</b>"))),
             Line("B", (Cell(3.5, spread=0.25), Cell(31.26, 1), Cell("50 % {new}"))))
    return Table("lower", "Lower is better: 100 %", "Method", headers, lines, ("Mean ± s.d. of 2 seeds.",))


def ties() -> Table:
    headers = (Header("EN", True), Header("SD", True))
    lines = [Line(name, (Cell(a, 2), Cell(b, 2)), block) for name, block, a, b in (
        ("A", "TNO", 7.001, 1.0), ("B", "TNO", 7.004, 3.0), ("C", "TNO", 6.0, 2.0),
        ("A", "MSRS", 1.0, 5.0), ("B", "MSRS", 2.0, 5.0), ("C", "MSRS", 2.001, 5.0))]
    return Table("ties", "Ties share a rank", "Method", headers, tuple(lines))


def missing() -> Table:
    headers = (Header("VIF", True), Header("SSIM", True))
    lines = (Line("A", (Cell(0.5), Cell(None, note="undefined"))),
             Line("B", (Cell(None, note="out of memory at 10 | 20"), Cell(None, note="undefined"))),
             Line("C", (Cell(0.25), Cell(1.25))))
    return Table("missing", "Missing cells", "Method", headers, lines)


def check_golden(path: Path, found: str) -> None:
    """Compare, or with IVFBENCH_WRITE_GOLDEN write."""
    if os.environ.get("IVFBENCH_WRITE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("make", [lower, ties, missing])
def test_golden(make, kind):
    table = ranked(make())
    check_golden(GOLDEN / f"{table.name}.{kind}", RENDERERS[kind](table))


@pytest.mark.parametrize("kind", RENDERERS)
@pytest.mark.parametrize("number", range(1, 7))
def test_the_six_tables_are_what_they_were_before_the_paper_became_data(run, number, kind):
    """Byte by byte; the numbers are those of the version that had the paper in its code (commit d036118)."""
    check_golden(GOLDEN / "six_tables" / f"table{number}.{kind}", RENDERERS[kind](build(run, number)))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load(make_run(tmp_path_factory.mktemp("run"), pictures=False))


PAPER = {  # the columns of the paper's Tables I-VI
    1: ["EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM"],
    2: ["People", "Car", "Bus", "Lamp", "Motor", "Truck", "mAP@0.5"],
    3: ["Unlabel", "Car", "Person", "Bike", "Curve", "Stop", "Cone", "Bump", "mAcc", "mIoU"],
    4: ["MI", "SF", "VIF", "Qabf", "AG", "SSIM"],
    6: ["Configuration", "EN", "SD", "VIF", "SSIM"],
}


@pytest.mark.parametrize("number", PAPER)
def test_columns_are_the_papers_in_its_order(run, number):
    assert [h.text for h in build(run, number).headers] == PAPER[number]


def test_table_v_has_the_papers_rows_first_and_says_what_they_count(run):
    table = build(run, 5)
    assert [h.text for h in table.headers][:3] == ["MACs (G)", "Params (K, thop)", "Time (s)"]
    assert all(h.higher_is_better is False for h in table.headers)
    assert "640x480, cpu" in " ".join(table.notes)


def test_groups_of_tables_ii_and_iii(run):
    assert [h.group for h in build(run, 2).headers] == ["AP@0.5"] * 6 + [""]
    assert [h.group for h in build(run, 3).headers] == ["IoU"] * 8 + ["", ""]


def test_rows_are_sources_then_textbook_then_the_papers_order_then_ours(run):
    table = build(run, 1)
    assert table.blocks == ["TNO", "RoadScene"]
    tno = [line for line in table.lines if line.block == "TNO"]
    assert [line.label for line in tno] == ["Visible", "Infrared", "Average", "DenseFuse", "U2Fusion", "CDDFuse",
                                            "SMFNet"]
    assert [line.ranked for line in tno] == [False, False, *[True] * 5]


def test_cells_are_the_means_of_the_rows(run):
    rows = run.rows.query("suite == 'ivf' and dataset == 'tno' and method == 'smfnet'")
    line = next(line for line in build(run, 1).lines if (line.block, line.label) == ("TNO", "SMFNet"))
    for cell, metric in zip(line.cells, PAPER[1]):
        assert cell.value == pytest.approx(rows.loc[rows["metric"] == metric, "value"].mean(), rel=1e-12)


def test_two_seeds_give_mean_and_spread(run):
    rows = run.rows.query("suite == 'detection' and method == 'smfnet' and metric == 'mAP50'")["value"]
    cell = next(line for line in build(run, 2).lines if line.label == "SMFNet").cells[-1]
    assert (cell.value, cell.spread) == (pytest.approx(rows.mean()), pytest.approx(rows.std(ddof=1)))
    assert cell.text == f"{rows.mean():.3f} ± {rows.std(ddof=1):.3f}"


def test_missing_methods_keep_their_row_with_the_reason(run):
    table = build(run, 1)
    cells = {(line.block, line.label): line.cells for line in table.lines}
    assert {c.detail for c in cells["RoadScene", "U2Fusion"]} == {"RuntimeError: out of memory at picture 00002"}
    assert {c.text for c in cells["TNO", "CDDFuse"]} == {DASH}
    assert "no weights" in cells["TNO", "CDDFuse"][0].detail
    assert {c.note for label in (("RoadScene", "U2Fusion"), ("TNO", "CDDFuse")) for c in cells[label]} == {"not run"}


def test_the_reason_is_the_methods_or_the_units_own(run):
    """Missing weights come before what other units say; a unit of another suite says nothing here."""
    def unit(method, status, reason, suites, dataset="tno", stage="score"):
        return UnitRecord(stage, method, dataset, 0, "k", "f", status, reason, suites=suites)

    units = (unit("cddfuse", "stopped", "not reached", ("complexity",), "-", "measure"),
             unit("average", "stopped", "not reached", ("ivf",), stage="fuse"),
             unit("average", "failed", "OSError: disk full", ("ivf",)),
             unit("smfnet", "failed", "elsewhere", ("detection",)))
    data = replace(run, run=replace(run.run, units=units))
    assert data.why("complexity", "cddfuse", "-").detail.startswith("no weights")
    assert data.why("ivf", "average", "tno").detail == "OSError: disk full"
    assert not data.why("ivf", "average", "roadscene") and not data.why("ivf", "smfnet", "tno")


def test_nothing_is_guessed_from_a_name(run):
    """A user's method "ae9" is a row of Table I, a user's data set "sampleville" was not rendered."""
    record = MethodRecord("ae9", "ae9", "brought", suites=("ivf",))
    rows = run.rows.query("suite == 'ivf' and method == 'average' and dataset == 'tno'").assign(
        method="ae9", dataset="sampleville")
    data = replace(run, rows=rows, run=replace(
        run.run, methods={**run.run.methods, "ae9": record},
        datasets={"sampleville": DatasetRecord("Sampleville", "ivf", "ab" * 32)}))
    table = build(data, 1)
    assert "ae9" in [line.label for line in table.lines if line.cells[0].value is not None]
    assert not data.is_sample and not any("renders itself" in note for note in table.notes)
    assert "ae9" not in data.methods("ablation")


def test_an_undefined_value_is_not_averaged_away(run, tmp_path):
    out = make_run(tmp_path, ["mif"], pictures=False)
    text = (out / "rows.csv").read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(text) if line.startswith("mif,smfnet") and ",VIF," in line)
    text[at] = text[at].rsplit(",", 1)[0] + ",nan"
    (out / "rows.csv").write_text("\n".join([*text, ""]), encoding="utf-8")
    cells = next(line for line in build(load(out), 4).lines if line.label == "SMFNet").cells
    assert [c.note for c in cells] == ["", "", "undefined", "", "", ""]


def test_options(run):
    tables = {t.name: t for t in build_tables(run, Options(digits=1, methods=("smfnet", "DenseFuse")))}
    assert [line.label for line in tables["table2"].lines] == ["DenseFuse", "SMFNet"]
    assert all(c.digits == 1 for line in tables["table1"].lines for c in line.cells if c.value is not None)
    # ranks belong to what is shown: with two methods each column has a best, and ranks follow the new digits
    for index in range(len(CLASSES)):
        shown = [line.cells[index] for line in tables["table2"].lines]
        same = f"{shown[0].value:.1f}" == f"{shown[1].value:.1f}"
        assert sorted(c.rank for c in shown) == ([0, 0] if same else [1, 2])


def test_methods_are_chosen_by_name_whatever_a_table_calls_them(run):
    """Table V says "SMFNet" of a slim one, Table IV marks what saw medical pictures; ablations are asked for apart."""
    record = replace(run.run.methods["smfnet"], title="SMFNet (slim)", network="SMFNet", trained_on_medical=True)
    slim = replace(run, run=replace(run.run, methods={**run.run.methods, "smfnet": record}))
    tables = {t.name: [line.label for line in t.lines] for t in build_tables(slim, Options(methods=("smfnet",)))}
    assert set(tables["table1"]) == {"SMFNet (slim)"} and tables["table5"] == ["SMFNet"]
    assert tables["table4"] == ["SMFNet (slim)†"] and tables["table6"] == [f"AE{n}" for n in range(1, 9)]


def with_methods(data, **entries):
    """The run with methods that were skipped for want of weights."""
    added = {name: MethodRecord(**{"title": name, "network": name, "kind": "baseline", "reason": "no weights", **how})
             for name, how in entries.items()}
    return replace(data, run=replace(data.run, methods={**data.run.methods, **added}))


def test_table_iv_is_in_the_papers_order_and_shows_its_methods_only(run):
    seen, both, visible = {"trained_on_medical": True, "suites": ("mif",)}, {"suites": ("ivf", "mif")}, ("ivf",)
    data = with_methods(run, ifcnn=seen, ship=both, csmca={"kind": "precomputed", **seen}, murf={"suites": visible},
                        tardal=both)
    lines = build(data, 4).lines
    assert [line.label for line in lines] == ["U2Fusion", "TarDAL", "CDDFuse", "SHIP", "DenseFuse", "SMFNet", "CSMCA†",
                                              "IFCNN†"]
    # and what was never meant for visible pictures leaves no row of dashes in Table I
    labels = [line.label for line in build(data, 1).lines if line.block == "TNO"]
    assert labels[-7:] == ["DenseFuse", "MURF", "TarDAL", "U2Fusion", "CDDFuse", "SHIP", "SMFNet"]


def test_medical_sources_are_named_by_what_they_show(run):
    rows = run.rows.assign(method=run.rows["method"].replace({"densefuse": "visible", "u2fusion": "infrared"}))
    assert [line.label for line in build(replace(run, rows=rows), 4).lines][:2] == ["PET", "MRI"]


def test_options_are_printed_with_both_hyphens():
    assert latex.escape("see --methods a-b, 1–2 and ---") == "see -{}-methods a-b, 1--2 and -{}-{}-"


def test_unknown_method_is_named(run):
    with pytest.raises(ValueError, match=r"no method 'smfnt' in this run; did you mean smfnet"):
        build_tables(run, Options(methods=("smfnt",)))


def test_latex_without_colour_and_in_one_column(run):
    table = build(run, 1)
    assert r"\textcolor" in latex.render(table)
    plain = latex.render(table, colour=False)
    assert r"\textcolor" not in plain and r"\textbf" in plain and r"\underline" in plain
    narrow = latex.render(table, single_column=True)
    assert r"\begin{table}" in narrow and r"\columnwidth" in narrow and "table*" not in narrow
    # the wide form has the paper's groups: one per data set, eight columns each
    assert r"\multicolumn{8}{c}{TNO} & \multicolumn{8}{c}{RoadScene}" in latex.render(table)
    assert r"\cmidrule(lr){2-9}" in latex.render(table)
    assert set(PAPER[1]) < set(METRICS)


def test_a_long_table_goes_on_under_the_same_number():
    text = latex.render(column(*range(100)))
    assert text.count(r"\begin{table*}") == 3 and text.count(r"\addtocounter{table}{-1}") == 2
    assert text.count("(continued)") == 2 and all(f"m{i} &" in text for i in range(100))

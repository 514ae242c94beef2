"""What is made to be pasted: no machine in it, notes once, captions that explain the marks, a size that can be read."""

import re
from dataclasses import replace

import pytest
from latex import compiled
from reports_run import make_run

from reports import Options, load
from reports.pasteable import pasteable
from reports.render import latex, markdown
from reports.render.fit import SMALLEST, font_size, parts
from reports.table import Cell, Header, Line, Table, ranked, with_average_rank, without_empty
from reports.tables import build
from reports.write import build_tables, write_tables
from results.records import UnitRecord, write_run

PATH = re.compile(r"(?<![\w<])/\w|~/|[A-Za-z]:\\\\")
MISSING = "/home/me/.cache/ivfbench/weights/cddfuse: weight file missing; `python run_all.py fetch cddfuse` clones it"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in which a method lacks its weights, another was interrupted, and methods and units name paths."""
    out = make_run(tmp_path_factory.mktemp("run"), pictures=False)
    data = load(out)
    methods = dict(data.run.methods)
    methods["cddfuse"] = replace(methods["cddfuse"], reason=MISSING, weights_public=False)
    methods["average"] = replace(methods["average"], note="fused pictures from /srv/data/mine")
    broken = UnitRecord("fuse", "u2fusion", "roadscene", 0, "k", "f", "failed", "OSError: /work/disk 1/x: no space",
                        suites=("ivf",))
    # before the suite's own units: an interruption must not hide what is missing
    late = UnitRecord("fuse", "cddfuse", "tno", 0, "k", "g", "stopped", "not reached", suites=("ivf",))
    noted = [replace(unit, notes=("network as in /opt/net; made by `python run_all.py train`.",))
             if unit.stage in ("detect", "score") else unit for unit in data.run.units]
    write_run(out, replace(data.run, methods=methods, units=(broken, late, *noted)))
    return load(out)


def test_nothing_to_be_pasted_names_a_path_or_a_command(run, tmp_path):
    for single in (False, True):
        made = write_tables(replace(run, out=tmp_path), build_tables(run, Options()), Options(single_column=single))
        for path in made:
            if path.suffix in (".tex", ".md"):
                text = path.read_text(encoding="utf-8").replace("\\allowbreak{}", "")
                assert "run_all.py" not in text.replace("\\_", "_"), path.name
                assert not PATH.search(re.sub(r"</?\w+>", "", text)), (path.name, PATH.search(text))
    text = (tmp_path / "tables" / "table1.tex").read_text(encoding="utf-8")
    assert "weights not public" in text and "not run" in text and "from mine" in text


def test_the_page_has_the_whole_reason(run):
    from reports.page import page
    text = page(run, build_tables(run, Options()), [])
    assert "run_all.py fetch cddfuse" in text and "no space" in text and "not reached" not in text


@pytest.mark.parametrize(("text", "left"), [
    ("640x480/2 and km/h and a/b", "640x480/2 and km/h and a/b"), ("see ~/x/y.pth, please", "see y.pth, please"),
    ("/a/b (c)", "b (c)"), (r"C:\Users\me\x.png is gone", "x.png is gone"), ("call pip install torch; done.", "done."),
    ("expected at <weights>/cddfuse/x.pth", "expected at <weights>/cddfuse/x.pth")])
def test_only_machine_paths_and_commands_are_taken_out(text, left):
    assert pasteable(text) == left


def small(*values: float, ranked_lines: tuple[bool, ...] = ()) -> Table:
    flags = ranked_lines or (True,) * len(values)
    return ranked(Table("t", "T", "Method", (Header("m", True),), tuple(
        Line(f"m{i}", (Cell(v, 1),), ranked=flag) for i, (v, flag) in enumerate(zip(values, flags)))))


def test_captions_explain_what_is_there_and_nothing_else():
    plain = markdown.render(small(1.0, 2.0, 3.0)).splitlines()[0]
    assert plain == "**T** Best bold, second underlined, by the printed digits."
    tied = latex.render(small(9.0, 3.0, 3.0, 1.0, ranked_lines=(False, True, True, True)))
    assert "= marks a tie; source rows are not ranked." in tied and tied.count("3.0$^=$") == 2
    assert "Best bold, second underlined" in latex.render(small(1.0, 2.0), colour=False)
    assert "Rank is the mean place" in latex.render(with_average_rank(small(1.0, 2.0)))
    assert "Best" not in latex.render(small(2.0, 2.0))  # nothing is ranked


def test_rows_of_dashes_are_dropped_when_asked_for(run):
    kept, dropped = (build_tables(run, Options(drop_empty=drop))[0] for drop in (False, True))
    empty = {("TNO", "CDDFuse"), ("RoadScene", "CDDFuse")}
    addresses = [(line.block, line.label) for line in kept.lines]
    # side by side a row with numbers in one data set stays whole
    assert [a for a in addresses if a not in empty] == [(line.block, line.label) for line in dropped.lines]
    stacked = without_empty(replace(kept, wide=""))
    assert ("RoadScene", "U2Fusion") not in [(line.block, line.label) for line in stacked.lines]


def test_notes_stand_once_in_a_document_and_can_be_left_out(run, tmp_path):
    tables = build_tables(run, Options())
    note = "Mean ± standard deviation over 2 seeds."
    assert sum(note in table.notes for table in tables) >= 2
    write_tables(replace(run, out=tmp_path), tables, Options())
    whole = (tmp_path / "tables" / "all.tex").read_text(encoding="utf-8")
    assert whole.count("standard deviation over 2 seeds") == 1 and "Further notes: Table I, Table II." in whole
    write_tables(replace(run, out=tmp_path), tables, Options(notes=False))
    whole = (tmp_path / "tables" / "all.tex").read_text(encoding="utf-8")
    assert r"\parbox" not in whole and "not run" not in whole and r"\textsuperscript{1}" not in whole


def wide(datasets: int, metrics: int) -> Table:
    """As Table I: five digits and a point in each cell."""
    headers = tuple(Header(f"M{i}", True) for i in range(metrics))
    lines = tuple(Line(f"Method{m}", tuple(Cell(40.0 + i + m, 4) for i in range(metrics)), f"Set {d}")
                  for d in range(datasets) for m in range(5))
    return ranked(Table("wide", "Wide", "Method", headers, lines, ("Said below.",), wide="beside"))


def test_a_table_that_would_be_too_small_is_split_by_data_set():
    two, three = wide(2, 6), wide(3, 8)
    assert len(parts(two, "page")) == 1
    found = parts(three, "page")
    assert [part.caption for part in found] == ["Wide: Set 0", "Wide: Set 1", "Wide: Set 2"]
    assert all(font_size(part, "page") >= SMALLEST for part in found)
    text = latex.render(three)
    assert text.count(r"\begin{table*}") == 3 and text.count(r"\addtocounter{table}{-1}") == 2
    assert text.count("Said below.") == 1 and text.count("Best bold red") == 1
    assert latex.render(three, landscape=True).count(r"\begin{sidewaystable*}") == 1
    numbers = re.findall(r"\d+\.\d{4}", text)
    assert sorted(numbers) == sorted(c.text for line in three.lines for c in line.cells)


def test_too_many_columns_go_on_in_another_part():
    found = parts(wide(1, 40), "page")
    assert len(found) > 1 and sum(len(part.headers) for part in found) == 40
    assert all(font_size(part, "page") >= SMALLEST for part in found)


def test_no_number_is_set_smaller_than_it_may_be(tmp_path):
    """TeX itself says how much each table was shrunk."""
    measured = (r"\makeatletter\let\plainresize\resizebox\renewcommand{\resizebox}[3]{\sbox0{#3}"
                r"\typeout{WIDTH \the\wd0\space OF \the\textwidth\space\the\columnwidth\space\the\textheight}"
                r"\plainresize{#1}{#2}{#3}}\makeatother")
    run = load(make_run(tmp_path, pictures=False))
    for name, landscape, tables in (("upright", False, [wide(3, 8), wide(2, 8), wide(1, 40)]),
                                    ("side", True, [wide(3, 8)]), ("run", False, [build(run, n) for n in range(1, 7)])):
        texts = [(1, latex.render(table, landscape=landscape)) for table in tables]
        path = tmp_path / f"{name}.tex"
        path.write_text(latex.document(texts, title="T").replace(r"\begin{document}", measured + r"\begin{document}"))
        log = compiled(path, tmp_path).replace("\n", "")
        found = re.findall(r"WIDTH ([\d.]+)pt ?OF ([\d.]+)pt ([\d.]+)pt ([\d.]+)pt", log)
        assert len(found) >= len(tables)
        for width, page, _, height in ((float(n) for n in line) for line in found):
            assert 8 * min(1, (height if landscape else page) / width) >= SMALLEST

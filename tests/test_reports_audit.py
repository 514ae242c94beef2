"""The audit on the page: audit.csv in a run's OUT becomes a section; one that `audit` did not write is one line."""

import os

import pytest
from reports_run import make_run

from reports import ReportError, is_current, write_all
from reports.audit import SHOWN, audit_table, verdict
from results.audit import COLUMNS, FILE, LIMIT, AuditedCell, named, read_audit, write_audit

BY = [("smfnet", "as the toolbox"), ("cddfuse", "as the toolbox"), ("tang", "range 0..1")]
HEAD = ",".join(COLUMNS) + "\n"


def cell(row="One", column="EN", by=(), **more):
    values = {"dataset": "", "printed": "6.86", "nearest": "smfnet (as the toolbox)", "value": "6.8621", "said": ""}
    return AuditedCell(**{**values, "column": column, "metric": "EN", "row": row, "reproduced_by": named(by), **more})


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A run whose report was made before there was an audit; without the slow figures and statistics."""
    out = make_run(tmp_path_factory.mktemp("audited"), ["ivf"], fused=("tno",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reports.write.write_figures", lambda data, folder, progress: [])
        patch.setattr("reports.write.write_statistics", lambda data, folder, write_text: [])
        write_all(out)
        yield out


def test_definitions_are_taken_apart_as_they_were_put_together():
    assert cell(by=BY).definitions == tuple(BY)
    assert cell().definitions == ()


def test_what_is_written_is_read(tmp_path):
    cells = (cell("a,b\n\"c\"", by=BY), cell(dataset="TNO"))
    write_audit(tmp_path, cells)
    assert read_audit(tmp_path) == cells
    assert read_audit(tmp_path / "none") == ()


@pytest.mark.parametrize(("cells", "said"), [
    ([cell(by=BY), cell(by=BY[1:])], "2 of 2 cells reproduced by cddfuse (as the toolbox); tang (range 0..1)"),
    ([cell(by=BY[:1]), cell(by=BY[2:])], "ROWS OF DIFFERENT DEFINITIONS"),
    ([cell(by=BY[:1]), cell()], "1 of 2 cells reproduced by smfnet (as the toolbox)"),
    ([cell()], "0 of 1 cells reproduced")])
def test_the_verdict_of_a_column(cells, said):
    assert verdict(cells) == said


def test_the_page_gets_the_audit_and_is_made_again_when_it_changes(reported):
    assert is_current(reported) and 'id="audit"' not in (reported / "report.html").read_text()
    write_audit(reported, [cell("<script>hit()</script>", by=BY), cell("Two", "SD & co", printed="&amp;")])
    assert not is_current(reported)
    tables = {path.name for path in (reported / "tables").iterdir()}
    write_all(reported)
    text = (reported / "report.html").read_text()
    section = text[text.index('id="audit"'):]
    section = section[:section.index("</section>")]
    assert "&lt;script&gt;hit()" in section and "<script>hit" not in text and "&amp;amp;" in section
    assert "EN: 1 of 1 cells reproduced by smfnet, cddfuse (as the toolbox); tang" in section
    assert "SD &amp; co: 0 of 1" in section
    assert {path.name for path in (reported / "tables").iterdir()} == tables  # it is no table of the paper
    assert is_current(reported)
    write_audit(reported, [cell(by=BY[:1])])
    assert not is_current(reported)
    (reported / FILE).unlink()
    write_all(reported)
    assert 'id="audit"' not in (reported / "report.html").read_text()


@pytest.mark.parametrize(("content", "message"), [
    (b"", "its columns are not"), (b"column,metric\n", "its columns are not"), (HEAD.encode() + b"a,b\n", "line 2"),
    (HEAD.encode() + b'"a\n', "not readable as CSV"), (HEAD.encode() + b'"' + b"a" * 200_000 + b'"', "field larger"),
    (b"\xff\xfe", "not a UTF-8 text file"), (b"\0" * (LIMIT + 1), f"at most {LIMIT} are read")])
def test_a_foreign_file_is_one_line(tmp_path, content, message):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ReportError, match=message) as error:
        audit_table(tmp_path)
    assert str(tmp_path / FILE) in str(error.value) and "\n" not in str(error.value)


def test_a_pipe_or_folder_in_its_place_is_refused(reported):
    for make, remove in ((os.mkfifo, os.unlink), (os.mkdir, os.rmdir)):
        make(reported / FILE)
        try:
            with pytest.raises(ReportError, match="a folder or device"):
                is_current(reported)
            with pytest.raises(ReportError, match="a folder or device"):
                audit_table(reported)
        finally:
            remove(reported / FILE)


def test_a_long_table_is_cut_and_says_so(tmp_path):
    write_audit(tmp_path, [cell(f"row {n}") for n in range(SHOWN + 1)])
    table = audit_table(tmp_path)
    assert len(table.lines) == SHOWN and table.notes == (
        f"0 of {SHOWN + 1} cells reproduced; `run_all.py audit` wrote them to audit.csv.",
        f"The first {SHOWN} are shown.")

"""The tables of the page: copied as LaTeX and CSV, rows and columns hidden and shown again."""

import json
import re

import browser
import pytest
from pages import write_page

from reports import Options, load
from reports.page.texts import texts
from reports.render import csv, latex
from reports.table import Cell, Header, Line, Table
from reports.write import build_tables, write_all

SECTION = "document.querySelector('#table1')"
TOOLS = f"{SECTION}.querySelector('.tools')"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    yield from browser.start(tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), fused=("tno", "roadscene"), pictures=False)


@pytest.fixture
def opened(tab, path):
    fresh = tab()
    fresh.resize(1200, 800)
    fresh.open(path)
    # what is copied, whether or not the machine has a clipboard
    fresh.run("navigator.clipboard && (navigator.clipboard.writeText = (text) => { window.copied = text; "
              "return Promise.resolve(); })")
    yield fresh
    assert fresh.errors == []
    fresh.call("Page.close")


def button(text: str) -> str:
    return f"[...{TOOLS}.querySelectorAll('button')].find((b) => b.textContent.trim() === '{text}')"


def rows(opened) -> list[str]:
    return opened.run(f"[...{SECTION}.querySelectorAll('tbody tr')].filter((r) => r.offsetParent !== null).map("
                      "(r) => r.cells[0].textContent)")


def heads(opened) -> list[str]:
    return opened.run(f"[...{SECTION}.querySelector('table').tHead.rows].at(-1).querySelectorAll('th').values().filter("
                      "(h) => h.offsetParent !== null).map((h) => h.textContent.trim()).toArray()")


@pytest.mark.parametrize("kind", ["LaTeX", "CSV"])
def test_copied_is_what_the_table_renders_to(opened, path, kind):
    opened.click(button(f"Copy as {kind}"))
    table = build_tables(load(path.parent), Options())[0]
    expected = csv.render(table) if kind == "CSV" else latex.render(table, colour=table.colour)
    assert opened.run("window.copied") == expected
    assert "copied" in opened.run(f"{TOOLS}.querySelector('output').textContent")


def test_copied_without_a_clipboard_through_a_selection(opened):
    opened.run("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    opened.run("document.execCommand = () => { window.copied = document.activeElement.value; return true; }")
    opened.click(button("Copy as CSV"))
    assert opened.run("window.copied").startswith("dataset,method,EN")
    assert opened.run("document.querySelectorAll('textarea').length") == 0
    opened.run("document.execCommand = () => false")
    opened.click(button("Copy as CSV"))
    assert "OUT/tables" in opened.run(f"{TOOLS}.querySelector('output').textContent")


def test_rows_are_filtered_by_name_and_come_back(opened):
    everything = rows(opened)
    opened.run(f"{TOOLS}.querySelector('input').focus()")
    opened.call("Input.insertText", text="smf, AVER")
    assert set(rows(opened)) == {"SMFNet", "Average"} and len(rows(opened)) == 4  # of two data sets
    assert f"4 of {len(everything)} rows" in opened.run(f"{TOOLS}.querySelector('output').textContent")
    opened.click(button("Reset"))
    assert rows(opened) == everything and opened.run(f"{button('Reset')}.disabled") is True


def test_columns_are_hidden_by_keyboard_in_every_block_and_come_back(opened):
    before = heads(opened)
    opened.run(f"{TOOLS}.querySelector('summary').click()")
    opened.run(f"{button('SD ↑')}.focus()")
    opened.press("Enter")
    opened.call("Input.dispatchKeyEvent", type="char", text="\r")
    assert heads(opened) == [head for head in before if not head.startswith("SD")]
    widths = opened.run(f"[...{SECTION}.querySelectorAll('tbody tr')].map((r) => [...r.cells].filter((c) => !c.hidden)"
                        ".length)")
    assert set(widths) == {len(before) - 1}
    opened.click(button("Reset"))
    assert heads(opened) == before


def test_a_heading_over_several_columns_narrows_with_them(opened):
    group = "document.querySelector('#table2 tr.groups th')"
    whole = opened.run(f"{group}.colSpan")
    columns = "[...document.querySelectorAll('#table2 .tools details button')]"
    opened.run(f"{columns}[0].click()")
    assert opened.run(f"{group}.colSpan") == whole - 1
    opened.run(f"{columns}.slice(1, {whole}).forEach((b) => b.click())")
    assert opened.run(f"{group}.hidden") is True
    opened.run("[...document.querySelectorAll('#table2 .tools > button')].at(-1).click()")
    assert opened.run(f"{group}.colSpan") == whole and opened.run(f"{group}.hidden") is False


def test_printed_whole_and_without_tools(opened):
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.run(f"getComputedStyle({TOOLS}).display") == "none"
    assert opened.run("[...document.querySelectorAll('section.table tbody tr')].every((r) => r.offsetHeight > 0 || "
                      "r.closest('details') !== null)") is True
    opened.call("Emulation.setEmulatedMedia", media="")


def test_copied_names_no_place_on_the_machine_and_no_command():
    table = Table("t", "Made by `python run_all.py fetch`", "Row", (Header("A"), Header("B")),
                  (Line("one of /srv/data/mine", (Cell("see /home/me/net.pth"), Cell(1.0))),))
    found = texts([table], {})["t"]
    for text in found.values():
        assert "/home" not in text and "/srv" not in text and "run_all" not in text.replace("\\_", "_")
    assert "net.pth" in found["CSV"] and "mine" in found["CSV"]


@pytest.mark.long
def test_copied_latex_is_the_file_that_was_written_with_its_options(tmp_path):
    out = write_page(tmp_path, suites=["ivf"], pictures=False).parent
    write_all(out, Options(colour=False, digits=2))
    page = (out / "report.html").read_text(encoding="utf-8")
    held = json.loads(re.search(r'id="texts">(.*?)</script>', page, re.DOTALL)[1])
    assert held["table1"] == {"LaTeX": (out / "tables/table1.tex").read_text(encoding="utf-8"),
                              "CSV": (out / "tables/table1.csv").read_text(encoding="utf-8")}

"""The page in a real browser, from file://: it sorts, wipes, zooms, takes keys, and asks for files of OUT alone."""

from pathlib import Path

import browser
import pytest
from pages import select, waited, write_page

from reports import load
from reports.figures import style
from reports.page import sections

HOSTILE = "<img src=x onerror=window.hit=1></script><script>window.hit=2</script>"
FIRST = "document.querySelector('#table1 table')"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    yield from browser.start(tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    import matplotlib.pyplot as plt
    folder = tmp_path_factory.mktemp("page")
    with style.applied():
        figures = style.save(plt.figure(figsize=(1, 1)), folder, "figure")
    return write_page(folder, [f for f in figures if f.suffix == ".png"], fused=("tno", "roadscene"))


@pytest.fixture
def opened(tab, path):
    """The page, freshly loaded; afterwards no error was reported and nothing but OUT's files was asked for."""
    fresh = tab()
    fresh.resize(1200, 800)
    fresh.open(path)
    yield fresh
    assert fresh.errors == []
    assert {url.split(":")[0] for url in fresh.requests} <= {"file", "data"}
    files = {url.split("#")[0] for url in fresh.requests if url.startswith("file")}
    assert path.resolve().as_uri() in files and all(url.startswith(path.parent.resolve().as_uri()) for url in files)
    fresh.call("Page.close")


def column(opened, index: int) -> list[str]:
    return opened.run(f"[...{FIRST}.tBodies[0].rows].map((row) => row.cells[{index}].textContent)")


def test_a_heading_sorts_its_column_by_number_and_gaps_stay_last(opened):
    before = column(opened, 1)
    head = f"{FIRST}.tHead.rows[{FIRST}.tHead.rows.length - 1].cells[1].querySelector('button')"
    opened.click(head)
    falling = column(opened, 1)
    numbers = [float(text) for text in falling[:-1]]
    assert numbers == sorted(numbers, reverse=True) and falling[-1].startswith("–")
    assert sorted(before) == sorted(falling) and before != falling
    opened.click(head)
    rising = column(opened, 1)
    assert [float(text) for text in rising[:-1]] == sorted(numbers) and rising[-1].startswith("–")
    assert opened.run(f"{head}.parentElement.getAttribute('aria-sort')") == "ascending"


def test_sorting_by_keyboard_and_by_name(opened):
    opened.run(f"{FIRST}.tHead.rows[0].cells[0].querySelector('button').focus()")
    opened.press("Enter")
    opened.call("Input.dispatchKeyEvent", type="char", text="\r")
    names = column(opened, 0)
    assert names == sorted(names, key=str.lower)


def test_another_picture_and_another_data_set(opened):
    before = opened.run("document.getElementById('under').src")
    select(opened, "item", 1)
    assert before != opened.run("document.getElementById('under').src")
    waited(opened, "document.getElementById('under').src.startsWith('file:')")
    assert opened.run("document.getElementById('under').naturalWidth") == 64
    select(opened, "set", 1)
    assert opened.run("document.getElementById('set').value") == "RoadScene"
    select(opened, "right", 1)
    assert opened.run("document.getElementById('under').alt") == opened.run("document.getElementById('right').value")


def test_values_of_the_picture_are_the_rows(opened, path):
    rows = load(path.parent).rows.query("dataset == 'tno' and method == 'smfnet' and item == '00001'")
    shown = opened.run("[...document.querySelectorAll('#values tbody tr')].map("
                       "(row) => [...row.cells].map((cell) => cell.textContent))")
    line = next(line for line in shown if line[0] == "SMFNet")
    expected = rows.set_index("metric")["value"]
    heads = opened.run("[...document.querySelector('#values thead tr').cells].map((c) => c.textContent.split(' ')[0])")
    assert line[1:] == [f"{expected[name]:.4f}" for name in heads[1:]]


def wipe(opened) -> float:
    style_text = opened.run("document.getElementById('left-side').style.clipPath")
    value = float(opened.run("document.getElementById('wipe').value"))
    assert f"{100 - value:g}%" in style_text
    assert opened.run("document.getElementById('line').style.left") == f"{value:g}%"
    return value


def test_wipe_by_mouse_and_by_keyboard(opened):
    assert wipe(opened) == 50
    opened.run("document.getElementById('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
    left, top, width = opened.run("(() => { const b = document.getElementById('pair').getBoundingClientRect(); "
                                  "return [b.x, b.y, b.width]; })()")
    y = max(top, 0) + 150
    opened.drag((left + 0.5 * width, y), (left + 0.2 * width, y))
    assert wipe(opened) == pytest.approx(20, abs=1)
    opened.run("document.getElementById('stage').focus()")
    opened.press("ArrowRight")
    assert wipe(opened) == pytest.approx(24, abs=1)
    opened.press("ArrowLeft")
    assert wipe(opened) == pytest.approx(20, abs=1)


def test_zoom_keeps_both_pictures_together(opened):
    def widths():
        return opened.run("['over', 'under'].map((id) => document.getElementById(id).getBoundingClientRect().width)")

    before = widths()
    opened.click("document.getElementById('in')")
    opened.click("document.getElementById('in')")
    assert widths() == [pytest.approx(2 * w, rel=0.01) for w in before]
    opened.run("document.getElementById('stage').focus()")
    opened.press("-")
    opened.press("-")
    opened.press("-")  # not smaller than whole
    assert widths() == pytest.approx(before)


def test_next_picture_and_flicker_by_key(opened):
    opened.run("document.getElementById('stage').focus()")
    opened.press("n")
    assert opened.run("document.getElementById('item').value") == "00002"
    opened.press("p")
    opened.press("p")
    assert opened.run("document.getElementById('item').value") == "00003"
    opened.press("f")
    assert opened.run("document.getElementById('flicker').getAttribute('aria-pressed')") == "true"
    shown = opened.run("new Promise((done) => setTimeout(() => done(document.getElementById('wipe').value), 900))")
    assert shown in ("0", "100")
    opened.press("f")
    assert wipe(opened) == 50


def test_a_link_leads_to_what_was_shown(opened):
    assert opened.run("location.hash") == ""
    select(opened, "set", 1)
    select(opened, "item", 1)
    select(opened, "left", 2)
    select(opened, "right", 3)
    link = opened.run("location.hash")
    shown = opened.run("['set', 'item', 'left', 'right'].map((id) => document.getElementById(id).value)")
    assert link.startswith("#roadscene/00002/")
    opened.loaded = False
    opened.call("Page.reload")
    while not opened.loaded:
        opened.run("0")
    assert opened.run("['set', 'item', 'left', 'right'].map((id) => document.getElementById(id).value)") == shown


def test_names_stand_on_the_picture_and_only_that_of_the_one_seen(opened):
    def names():
        return opened.run("['name-left', 'name-right'].map((id) => document.getElementById(id)).filter((e) => "
                          "getComputedStyle(e).display !== 'none').map((e) => e.textContent)")

    both = opened.run("['left', 'right'].map((id) => document.getElementById(id).value)")
    assert names() == both
    for value, seen in ((0, both[1:]), (100, both[:1])):
        opened.run(f"(() => {{ const w = document.getElementById('wipe'); w.value = {value}; "
                   "w.dispatchEvent(new Event('input')); })()")
        assert names() == seen


def test_nothing_is_wider_than_a_phone(opened):
    opened.resize(360, 740)
    assert opened.run("document.documentElement.scrollWidth") <= 360
    small = opened.run("[...document.querySelectorAll('.controls button, .controls select')].filter((e) => "
                       "e.getBoundingClientRect().height < 28).length")
    assert small == 0  # a thumb has to hit them


def test_the_comparison_is_there_on_demand(opened):
    closed = "document.querySelector('#cells')"
    assert opened.run(f"{closed}.open") is False
    opened.click(f"{closed}.querySelector('summary')")
    assert opened.run(f"{closed}.open") is True
    assert opened.run(f"{closed}.querySelectorAll('tbody tr').length") > 50


def test_figures_stand_in_sections_in_the_order_of_the_paper(path):
    names = ("ablation_roadscene", "cost_tno", "detections_m3fd", "panel_tno", "segmentation_mfnet",
             "training_detection_m3fd")
    found = sections(load(path.parent), [Path(f"{name}.png") for name in names])
    assert [(heading, [each.stem for each in paths]) for heading, paths in found] == [
        ("Fused pictures", ["panel_tno"]), ("Object detection", ["detections_m3fd", "training_detection_m3fd"]),
        ("Semantic segmentation", ["segmentation_mfnet"]), ("Cost", ["cost_tno"]),
        ("Ablations", ["ablation_roadscene"])]


def test_hostile_names_are_shown_as_text(tab, tmp_path):
    path = write_page(tmp_path, suites=["ivf"], fused=("tno",), hostile=HOSTILE, pictures=False)
    fresh = tab()
    fresh.open(path)
    assert fresh.run("window.hit") is None
    assert HOSTILE in fresh.run("document.body.textContent")
    assert fresh.run("document.querySelectorAll('img[src=x]').length") == 0
    assert fresh.errors == [] and all(url.startswith(("file:", "data:")) for url in fresh.requests)
    fresh.call("Page.close")


def test_hostile_ids_in_the_picture_browser(tab, tmp_path):
    mild = "<img src=x onerror=window.hit=1>"  # a file can have this name
    path = write_page(tmp_path, suites=["ivf"], fused=("tno",), hostile=mild)
    fresh = tab()
    fresh.open(path)
    select(fresh, "item", 2)
    select(fresh, "left", fresh.run("[...document.getElementById('left').options].findIndex("
                                    "(o) => o.value.includes('onerror'))"))
    assert fresh.run("document.getElementById('item').value") == mild
    assert mild in fresh.run("document.getElementById('legend').textContent")
    assert fresh.run("window.hit") is None and fresh.errors == []
    assert fresh.run("document.querySelectorAll('img[src=x]').length") == 0
    fresh.call("Page.close")

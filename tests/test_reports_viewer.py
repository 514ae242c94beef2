"""The picture browser: files beside the page, zoom about the pointer, panning, boxes and masks, what its help says."""

import base64
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import browser
import numpy as np
import pytest
from pages import choose, select, waited, write_page
from PIL import Image
from reports_run import make_run

from reports import Options, load
from reports.errors import ReportError
from reports.page import browser as shown_of
from reports.page.layers import labelled, mask
from reports.page.linked import address, files
from reports.write import rendered, stamp, write_all
from results.records import write_run

HOSTILE = "<img src=x onerror=window.hit=1></script><script>window.hit=2</script>"
BOXES = {"00001": [[1, 0.1, 0.2, 0.5, 0.75]], "00002": []}


def labelled_run(out: Path) -> None:
    """True boxes and masks as a run keeps them."""
    (out / "labels").mkdir()
    (out / "labels" / "m3fd.json").write_text(json.dumps(BOXES), encoding="utf-8")
    ids = np.zeros((48, 64), np.uint8)
    ids[8:32, 10:30] = 2
    Image.fromarray(ids).save(out / "labels" / "00001.png")
    run = load(out).run
    mfnet = replace(run.datasets["mfnet"], labels={"00001": "labels/00001.png"})
    write_run(out, replace(run, datasets={**run.datasets, "mfnet": mfnet}))


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    yield from browser.start(tmp_path_factory.mktemp("profile"))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), suites=["ivf", "detection", "segmentation"], fused=("tno",),
                      prepared=labelled_run)


@pytest.fixture
def opened(tab, path):
    fresh = tab()
    fresh.resize(1200, 800)
    fresh.open(path)
    fresh.run("document.getElementById('stage').scrollIntoView({block: 'center', behavior: 'instant'})")
    fresh.run("new Promise((done) => setTimeout(done, 400))")  # the wheel waits until the page itself stands still
    yield fresh
    assert fresh.errors == []
    fresh.call("Page.close")


def box(opened, name: str) -> dict:
    return opened.run(f"(() => {{ const b = document.getElementById('{name}').getBoundingClientRect(); "
                      "return {x: b.x, y: b.y, width: b.width, height: b.height}; })()")


def text(opened, name: str) -> str:
    return opened.run(f"document.getElementById('{name}').textContent")


def wheel(opened, x: float, y: float, delta: float) -> None:
    opened.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=delta)


# --- which form of a picture

def test_the_lossless_file_is_shown_and_said(opened, path):
    waited(opened, "['over', 'under'].every((id) => document.getElementById(id).src.startsWith('file:'))")
    assert text(opened, "legend").count("lossless file, 64×48") == 2
    assert opened.run("(({naturalWidth, naturalHeight}) => [naturalWidth, naturalHeight])("
                      "document.getElementById('under'))") == [64, 48]


def test_a_page_alone_shows_what_it_carries_and_says_so(tab, path, tmp_path):
    alone = tmp_path / "mailed.html"
    shutil.copy(path, alone)
    fresh = tab()
    fresh.open(alone)
    waited(fresh, "document.getElementById('legend').textContent.split('not reachable').length === 3")
    assert fresh.run("['over', 'under'].every((id) => document.getElementById(id).src.startsWith('data:image/jpeg'))")
    assert all("ERR_FILE_NOT_FOUND" in error for error in fresh.errors)  # no script's: files that are not there
    select(fresh, "item", 1)
    assert fresh.run("document.getElementById('under').src.startsWith('data:image/jpeg')")
    fresh.call("Page.close")


def test_addresses_stay_below_out_and_are_quoted(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    hostile = "a b#?%\"'<i>&.png"
    for folder in (out, elsewhere):
        folder.mkdir()
        Image.new("L", (4, 4)).save(folder / hostile)
    assert address(out, out / hostile) == "a%20b%23%3F%25%22%27%3Ci%3E%26.png"
    assert address(out, elsewhere / hostile) == "" and address(out, out / ".." / "elsewhere" / hostile) == ""
    (out / "link.png").symlink_to(elsewhere / hostile)
    assert address(out, out / "link.png") == ""
    assert address(out, out / "table.tif") == ""


def test_sources_outside_of_the_run_and_missing_pictures_have_no_address(tmp_path):
    data = load(make_run(tmp_path / "out", ["ivf"], fused=("tno",)))
    assert set(files(data, "tno", "00001")) == {"Visible", "Infrared", "Average", "DenseFuse", "U2Fusion", "SMFNet"}
    for method in ("visible", "infrared", "average"):
        shutil.rmtree(data.out / "fuse" / method)
    shutil.move(data.out / "source", tmp_path / "source")
    pairs = tuple(replace(pair, ir=str(tmp_path / pair.ir), vi=str(tmp_path / pair.vi))
                  for pair in data.run.datasets["tno"].pairs)
    run = replace(data.run, datasets={"tno": replace(data.run.datasets["tno"], pairs=pairs)})
    assert set(files(replace(data, run=run), "tno", "00001")) == {"DenseFuse", "U2Fusion", "SMFNet"}


# --- zoom

def test_the_wheel_zooms_about_the_pointer_and_the_line_stays_in_view(opened):
    pair, view = box(opened, "pair"), box(opened, "view")
    x, y = pair["x"] + 0.8 * pair["width"], pair["y"] + 0.3 * pair["height"]
    for _ in range(6):
        wheel(opened, x, y, -120)
    waited(opened, "document.getElementById('stage').classList.contains('larger')")
    opened.run("new Promise((done) => setTimeout(done, 200))")
    after = box(opened, "pair")
    assert after["width"] > 2 * pair["width"]
    assert (x - after["x"]) / after["width"] == pytest.approx(0.8, abs=0.01)
    assert (y - after["y"]) / after["height"] == pytest.approx(0.3, abs=0.01)
    line = box(opened, "line")
    assert view["x"] <= line["x"] + 11 <= view["x"] + view["width"]
    cut = opened.run("parseFloat(document.getElementById('left-side').style.clipPath.split(' ')[1])")
    assert after["x"] + (1 - cut / 100) * after["width"] == pytest.approx(line["x"] + 11, abs=2)


def test_dragging_pans_what_is_larger_than_its_window(opened):
    opened.run("document.getElementById('stage').focus({preventScroll: true})")
    for _ in range(4):
        opened.press("+")
    before, wiped = box(opened, "pair"), opened.run("document.getElementById('wipe').value")
    view = box(opened, "view")
    x, y = view["x"] + 0.25 * view["width"], view["y"] + 0.5 * view["height"]
    opened.drag((x, y), (x - 60, y - 40))
    after = box(opened, "pair")
    assert after["x"] - before["x"] == pytest.approx(-60, abs=2)
    assert after["y"] - before["y"] == pytest.approx(-40, abs=2)
    assert opened.run("document.getElementById('wipe').value") == wiped


def test_another_size_of_the_window_keeps_the_middle(opened):
    def middle() -> list[float]:
        pair, view = box(opened, "pair"), box(opened, "view")
        return [(view[at] + view[side] / 2 - pair[at]) / pair[side] for at, side in (("x", "width"), ("y", "height"))]

    opened.run("document.getElementById('stage').focus({preventScroll: true})")
    for key in ("+", "+", "+", "ArrowDown", "ArrowDown"):
        opened.press(key)
    before = middle()
    opened.resize(500, 800)
    opened.run("new Promise((done) => setTimeout(done, 200))")
    assert before[1] > 0.55 and middle() == pytest.approx(before, abs=0.02)


def test_fit_and_one_to_one(opened):
    fitted = box(opened, "pair")
    opened.click("document.getElementById('real')")
    real = box(opened, "pair")
    assert (real["width"], real["height"]) == (64, 48) and text(opened, "zoom") == "100 %"
    opened.click("document.getElementById('fit')")
    assert box(opened, "pair")["width"] == pytest.approx(fitted["width"])
    assert fitted["height"] <= 0.75 * 800 + 2


def test_flicker_says_which_is_shown(opened):
    both = opened.run("['left', 'right'].map((id) => document.getElementById(id).value)")
    assert text(opened, "seen") == " | ".join(both)
    opened.run("document.getElementById('stage').focus()")
    for key, seen in (("l", both[0]), ("r", both[1])):
        opened.press(key)
        assert text(opened, "seen") == seen
    opened.press("f")
    waited(opened, f"document.getElementById('seen').textContent === {both[0]!r}")
    waited(opened, f"document.getElementById('seen').textContent === {both[1]!r}")
    opened.press("f")


def test_help_by_key_and_by_button(opened):
    is_open = "document.getElementById('help').open"
    assert opened.run(is_open) is False
    opened.press("?")
    assert opened.run(is_open) is True and "flicker" in text(opened, "help")
    opened.press("?")
    opened.click("document.querySelector('#help summary')")
    assert opened.run(is_open) is True
    opened.click("document.getElementById('keys')")
    assert opened.run(is_open) is False


def test_nothing_of_the_picture_browser_is_wider_than_a_phone(opened):
    choose(opened, "set", "MFNet")
    opened.resize(390, 844)
    opened.run("['truth', 'found'].forEach((id) => document.getElementById(id).click())")
    opened.click("document.getElementById('in')")
    assert opened.run("document.documentElement.scrollWidth") <= 390
    view = box(opened, "view")
    assert view["x"] >= 0 and view["x"] + view["width"] <= 390


def test_a_print_holds_every_figure_and_no_browser(opened):
    opened.run("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.run("document.querySelectorAll('img[loading=lazy]').length") == 0
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.run("getComputedStyle(document.getElementById('pictures')).display") == "none"
    opened.call("Emulation.setEmulatedMedia", media="")


# --- layers

def test_boxes_over_the_pictures_by_box_and_key(opened):
    assert opened.run("document.getElementById('layers').hidden") is True  # TNO has none
    choose(opened, "set", "M3FD")
    assert opened.run("document.getElementById('layers').hidden") is False
    assert opened.run("document.querySelectorAll('.over rect').length") == 0
    opened.click("document.getElementById('truth')")
    rect = opened.run("(() => { const r = document.querySelector('#right-layers rect.truth'); return ['x', 'y', "
                      "'width', 'height'].map((name) => Number(r.getAttribute(name))); })()")
    assert rect == pytest.approx([6.4, 9.6, 25.6, 26.4])
    assert opened.run("document.querySelector('#right-layers text.truth').textContent") == "Car"
    opened.run("document.getElementById('stage').focus()")
    opened.press("d")
    found = opened.run("[...document.querySelectorAll('#right-layers text.found')].map((t) => t.textContent)")
    assert found == ["Car 0.90", "People 0.50"]  # a score of 0.1 is none
    opened.press("g")
    opened.press("d")
    assert opened.run("document.querySelectorAll('.over rect').length") == 0


def test_masks_over_the_pictures(opened):
    choose(opened, "set", "MFNet")
    opened.click("document.getElementById('truth')")
    opened.click("document.getElementById('found')")
    assert opened.run("document.querySelectorAll('#left-layers img').length") == 2
    assert "Car" in text(opened, "classes") and "Unlabel" not in text(opened, "classes")


def test_pictures_with_labels_come_first(path):
    data = load(path.parent)
    assert labelled(data, "m3fd") == ["00001", "00002"] and labelled(data, "tno") == []
    shown = {of_set["title"]: [entry["id"] for entry in of_set["items"]] for of_set in shown_of(data, 2)}
    assert shown == {"TNO": ["00001", "00003"], "M3FD": ["00001", "00002"], "MFNet": ["00001"]}


def test_a_mask_is_transparent_but_for_its_classes():
    ids = np.zeros((12, 12), np.uint8)
    ids[2:10, 2:10], ids[0, 0] = 3, 255
    for outline, inside in ((False, 140), (True, 0)):
        content = base64.b64decode(mask(ids, 9, outline=outline).partition(",")[2])
        shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        assert shown[0, 0, 3] == shown[1, 1, 3] == 0 and shown[5, 5, 3] == inside
        assert tuple(shown[2, 2]) == (0, 128, 192, 255 if outline else 140)
    assert mask(np.zeros((4, 4, 3), np.uint8), 9) == ""


@pytest.mark.parametrize("content", ["[]", '{"00001": [[1, 0.1]], "00002": 3}', '{"00001": [["x", 0, 0, 1, 1]]}',
                                     '{"00001": [[1, NaN, 0, 1, 1]]}', "{"])
def test_damaged_true_boxes_are_one_line_that_names_the_file(tmp_path, content):
    data = load(make_run(tmp_path, ["detection"]))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "m3fd.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=r"m3fd\.json"):
        shown_of(data)


@pytest.mark.long
def test_true_boxes_changed_after_the_run_give_another_page(tmp_path):
    """What `verify` finds by rendering again."""
    out = make_run(tmp_path, ["detection", "segmentation"])
    labelled_run(out)
    write_all(out)
    page = out / "report.html"

    def again() -> str:
        figures = [out / name for name in stamp(out)["files"] if name.startswith("figures/")]
        return rendered(load(out), Options(), figures)[page]

    assert again() == page.read_text(encoding="utf-8")
    (out / "labels" / "m3fd.json").write_text(json.dumps({**BOXES, "00001": [[0, 0.1, 0.2, 0.5, 0.75]]}))
    assert again() != page.read_text(encoding="utf-8")


def test_hostile_class_names_are_text(tab, tmp_path):
    def prepared(out: Path) -> None:
        labelled_run(out)
        for path in out.glob("detect/*/*/*/predictions.json"):
            content = json.loads(path.read_text(encoding="utf-8"))
            content["classes"][1] = HOSTILE
            path.write_text(json.dumps(content), encoding="utf-8")

    page = write_page(tmp_path, suites=["detection", "segmentation"], prepared=prepared)
    fresh = tab()
    fresh.open(page)
    fresh.run("['truth', 'found'].forEach((id) => document.getElementById(id).click())")
    assert HOSTILE in fresh.run("document.getElementById('right-layers').textContent")
    assert fresh.run("window.hit") is None and fresh.errors == []
    fresh.call("Page.close")

"""Pages of synthetic runs, and what tests do with one in a browser."""

import time
from pathlib import Path

from reports_run import make_run

from reports import Options, load
from reports.comparison import cells_table, compare
from reports.page import page
from reports.write import beside_the_paper, build_tables


def write_page(out: Path, figures=(), prepared=lambda out: None, **how) -> Path:
    """The page of a run. prepared: called with OUT before the page is made."""
    prepared(make_run(out, **how))
    data = load(out)
    compared = compare(data)
    tables = build_tables(data, Options())
    tables += beside_the_paper(data, tables, compared)
    path = out / "report.html"
    path.write_text(page(data, tables, list(figures), cells_table(data, compared)), encoding="utf-8")
    return path


def waited(opened, script: str) -> None:
    """Until the expression holds: a picture was read."""
    end = time.monotonic() + 20
    while not opened.run(script):
        assert time.monotonic() < end, script
        time.sleep(0.05)


def select(opened, name: str, index: int) -> None:
    opened.run(f"(() => {{ const s = document.getElementById('{name}'); s.selectedIndex = {index}; "
               "s.dispatchEvent(new Event('change')); })()")


def choose(opened, name: str, text: str) -> None:
    """Choose an option of a <select> by its text."""
    index = opened.run(f"[...document.getElementById('{name}').options].findIndex((o) => o.value === {text!r})")
    assert index >= 0, f"{name} has no {text}"
    select(opened, name, index)

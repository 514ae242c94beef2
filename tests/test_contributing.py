"""CONTRIBUTING.md's recipes, executed: its files in a temporary folder, its commands, the package untouched."""

import re
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from suite_scenes import ROOT, run_cli

from fusion.images import write_png

pytestmark = pytest.mark.long  # each works on the same whole run

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
VOC = ("<annotation><size><width>64</width><height>48</height></size><object><name>{}</name><bndbox><xmin>8</xmin>"
       "<ymin>8</ymin><xmax>40</xmax><ymax>32</ymax></bndbox></object></annotation>")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(plug-ins as the page has them, data, OUT)."""
    root = tmp_path_factory.mktemp("contributing")
    for name, content in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL):
        path = root / "plugins" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    rng = np.random.default_rng(0)
    for folder in ("thermal", "rgb", "boxes"):
        (root / "data" / "carpark" / folder).mkdir(parents=True)
    for number in range(6):
        for folder in ("thermal", "rgb"):
            picture = np.kron(rng.integers(0, 255, (6, 8)), np.ones((8, 8))).astype(np.uint8)
            write_png(root / "data" / "carpark" / folder / f"{number}.png", picture)
        (root / "data" / "carpark" / "boxes" / f"{number}.xml").write_text(VOC.format(("car", "person")[number % 2]))
    return root / "plugins", root / "data", root / "out"


@pytest.fixture(scope="module")
def said(place):
    """What the page's commands print, one after the other."""
    plugins, data, out = place
    block = re.search(r"<!-- run -->\n```sh\n(.*?)```", TEXT, re.DOTALL)[1]
    printed = []
    for line in block.splitlines():
        words = [{"PLUGINS": str(plugins), "DATA": str(data), "OUT": str(out)}.get(w, w) for w in shlex.split(line)]
        assert words[:2] == ["python", "run_all.py"]
        ended = run_cli(*words[2:])
        assert ended.returncode == 0, ended.stderr
        printed.append(ended.stdout + ended.stderr)
    return printed


def axes_of_the_radar(out) -> list[str]:
    """Headings of the radar's axes, as the report draws it."""
    import matplotlib.pyplot as plt

    from reports import load
    from reports.figures import radar

    figures = radar.draw(load(out, "smfnet"))  # the run's own paper is known to those who load its plug-ins
    heads = [label.get_text().split("\n")[0].rstrip("↑↓") for f in figures.values() for label in
             f.axes[0].get_xticklabels()]
    plt.close("all")
    return heads


def test_the_page_has_its_five_recipes():
    assert re.findall(r"^## Add a (\S+)", TEXT, re.MULTILINE) == ["method", "metric", "data", "suite", "paper"]


def test_method_metric_and_paper_are_in_the_papers_table(place, said):
    table = (place[2] / "tables" / "table1.csv").read_text()
    assert "BRIGHT" in table.splitlines()[0] and "Sharper (ours)" in table and "Mean" in table
    assert "Car park" in (place[2] / "tables" / "table1.tex").read_text()


def test_the_suite_has_a_table_of_its_own(place, said):
    rows = pd.read_csv(place[2] / "rows.csv")
    assert set(rows.loc[rows["suite"] == "sharpness", "metric"]) == {"SHARP"}
    table = next((place[2] / "tables").glob("table_sharpness.csv")).read_text()
    assert "SHARP" in table and "Sharper" in table


def test_the_metric_is_on_the_page_in_the_radar_and_in_trace(place, said):
    page = (place[2] / "report.html").read_text()
    assert "BRIGHT" in page and "SHARP" in page
    assert list((place[2] / "figures").glob("radar*carpark*.png"))
    assert "BRIGHT" in axes_of_the_radar(place[2])
    assert "definition: BRIGHT, variant example" in said[1] and "CONTRIBUTING.md" in said[1]


def test_the_data_sets_boxes_are_planned(place, tmp_path):
    profile = tmp_path / "boxes.toml"
    profile.write_text('methods = ["average"]\nsuites = ["detection"]\n[detection]\ndatasets = ["carpark"]\n'
                       'split = "folds"\nengine = "yolov5-sample"\nepochs = 1\nimgsz = 64\nbatch = 2\nmosaic = 0.0\n'
                       'workers = 0\n')
    ended = run_cli("--plugins", place[0], "--data", place[1], "--out", tmp_path / "out", "--profile", profile,
                    "--weights", tmp_path)
    assert ended.returncode == 0, ended.stderr
    rows = pd.read_csv(tmp_path / "out" / "rows.csv")
    assert {"car", "person"} <= set(rows.loc[rows["metric"] == "AP50", "item"])


def test_nothing_of_it_stays_in_the_package(place, said):
    ended = subprocess.run([sys.executable, "-c", "from fusion.method import methods; print('sharper' in methods())"],
                           capture_output=True, text=True, cwd=ROOT, check=True)
    assert ended.stdout.strip() == "False"

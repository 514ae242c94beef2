"""The leaderboard of a made-up run: order, what is bold, what cannot be told from it, what is missing and why."""

import json
from pathlib import Path

import pytest
from reports_run import make_run

from core.files import sha256
from fusion.dataset_cards import datasets
from fusion.method import methods
from metrics import names, variants
from reports.errors import ReportError
from reports.leaderboard import make
from results.papers import Known, load_paper
from results.rows import read_csv, write_csv

ROOT = Path(__file__).resolve().parent.parent
PAPER = """
title = "Board"
citation = "none"
metric = "VIF"
{methods}
[[tables]]
number = 1
suite = "ivf"
caption = "On {{datasets}}"
datasets = {{ tno = "TNO", roadscene = "RoadScene" }}
columns = ["EN", "VIF"]
variant = "smfnet"
digits = 3
[[tables.groups]]
methods = ["densefuse", "u2fusion", "cddfuse", "smfnet"]
"""
UNIT = {"commit": "c" * 40, "dirty": False, "device": "cpu", "packages": {"torch": "2"}}


@pytest.fixture
def out(tmp_path) -> Path:
    """TNO's VIF: smfnet best in every picture, u2fusion its equal, densefuse behind."""
    made = make_run(tmp_path / "out", ("ivf",), pictures=False)
    rows = read_csv(made / "rows.csv")
    row = (rows["dataset"] == "tno") & (rows["metric"] == "VIF")
    value = {"smfnet": 0.9, "u2fusion": 0.9, "densefuse": 0.5, "average": 0.1}
    rows.loc[row, "value"] = rows.loc[row, "method"].map(value).fillna(2.0)
    write_csv(made / "rows.csv", rows)
    (made / "provenance.json").write_text(json.dumps({"units": {"a": UNIT}}), encoding="utf-8")
    return made


@pytest.fixture
def paper(tmp_path) -> Path:
    folder = tmp_path / "board"
    folder.mkdir()
    titles = "".join(f'[[methods]]\nname = "{name}"\ntitle = "{methods()[name].title}"\n'
                     for name in ("densefuse", "u2fusion", "cddfuse", "smfnet"))
    (folder / "paper.toml").write_text(PAPER.format(methods=titles), encoding="utf-8")
    return folder


def test_best_bold_equal_marked_worse_plain_sources_left_out(out, paper):
    made = make(out, paper)
    tno = made.page.partition("## TNO")[2].partition("\n## ")[0]
    last = {line.split(" | ")[1]: line.split(" | ")[-1].strip(" |") for line in tno.splitlines() if "0." in line}
    assert last["SMFNet"] == "**0.900**" or last["U2Fusion"] == "**0.900**"
    assert {last["SMFNet"], last["U2Fusion"]} == {"**0.900**", "0.900°"}
    assert last["DenseFuse"].startswith("0.500") and "Infrared" not in last
    ranks = made.summary[(made.summary["dataset"] == "tno") & (made.summary["metric"] == "VIF")].set_index("method")
    assert ranks["rank"].to_dict() == {"smfnet": 1.5, "u2fusion": 1.5, "densefuse": 3, "average": 4}


def test_lines_stand_by_average_rank(out, paper):
    page = make(out, paper).page
    tno = page.partition("## TNO")[2].partition("\n## ")[0]
    ranks = [float(line.split(" | ")[2]) for line in tno.splitlines() if line.startswith("| ") and "0." in line]
    assert ranks == sorted(ranks) and len(ranks) == 4


def test_what_is_missing_has_its_reason(out, paper):
    missing = make(out, paper).page.partition("## Not in these tables")[2].partition("\n## ")[0]
    assert "* RoadScene, U2Fusion: RuntimeError: out of memory" in missing
    assert "* TNO, CDDFuse: no weights" in missing and "* TNO, DenseFuse" not in missing


def test_inputs_are_named_by_hash(out, paper):
    page = make(out, paper).page
    assert sha256(out / "rows.csv") in page and "`" + "c" * 40 + "`" in page
    assert "manifest sha256 `" in page and "run_all.py trace table1 tno" in page


def test_a_run_without_such_rows_is_refused(tmp_path, paper):
    made = make_run(tmp_path / "other", ("detection",), pictures=False)
    with pytest.raises(ReportError):
        make(made, paper)


def test_the_projects_own_leaderboard_is_a_valid_paper_of_every_network():
    known = Known(metrics={v: names(v) for v in variants()}, methods=tuple(methods()), datasets=tuple(datasets()))
    paper = load_paper(ROOT / "docs" / "leaderboard", known)
    networks = {name for name, card in methods().items() if "ivf" in card.task and card.weights}
    for table in paper.tables:
        assert set(table.methods) == networks

"""`run_all.py list`: what stands in it is what the cards, networks and folders say."""

import csv
import io
import json
from dataclasses import replace

import pytest
from suite_scenes import run_cli
from typer.testing import CliRunner

from fusion.method import WeightFile, find, methods
from suite.cli import app
from suite.listing import KINDS, Roots, count, counted, state_of_weights

NETWORKS = [name for name, card in methods().items() if card.weights]


def listed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["list", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_methods_as_json_say_what_the_cards_say(tmp_path):
    rows = {row["name"]: row for row in json.loads(listed("methods", "--format", "json", "--weights", str(tmp_path)))}
    assert rows.keys() == methods().keys()
    sage = rows["sage"]
    assert (sage["year"], sage["venue"], sage["licence"], sage["trained on"]) == (2025, "CVPR", "MIT", "FMB")
    assert sage["params"] == 135617 and sage["MACs (G)"] == pytest.approx(19.99)
    assert sage["weights"] == "fetchable" and rows["defusion"]["weights"] == "by hand"
    assert rows["average"]["weights"] == "none needed" and rows["textif"]["weights"] == "bring pictures"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_stored_counts_are_the_networks(name):
    assert counted()[name] == count(name), "run tools/complexity.py"


def test_nothing_is_stored_of_what_is_no_network():
    assert counted().keys() == set(NETWORKS)


def test_weights_that_are_there_or_are_others(tmp_path):
    card = find("datfuse").card
    file = tmp_path / "datfuse" / card.weights[0].file
    file.parent.mkdir()
    file.write_bytes(b"something else")
    assert state_of_weights(card, tmp_path) == "other file"
    file.unlink()
    assert state_of_weights(card, tmp_path) == "fetchable"


def test_released_weights_are_here(reference):
    assert state_of_weights(find("didfuse").card, reference / "weights") == "here"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_same_rows_in_every_format(kind, tmp_path):
    as_csv = list(csv.DictReader(io.StringIO(listed(kind, "--format", "csv"))))
    as_json = json.loads(listed(kind, "--format", "json"))
    lines = listed(kind).splitlines()[:1 + len(as_json)]
    names = [row["name"] for row in as_json]
    assert [row["name"] for row in as_csv] == names == [line.split()[0] for line in lines[1:]]
    assert list(as_csv[0]) == list(as_json[0])
    assert all(line[lines[0].index("title") - 1] == " " for line in lines)


def test_data_sets_say_what_is_here(reference):
    rows = {row["name"]: row for row in KINDS["datasets"].rows(Roots(reference, reference / "data"))}
    assert rows["tno"]["pairs here"] == 25 and rows["tno"]["manifest"]
    assert rows["llvip"]["pairs here"] is None


FLAT = """
import numpy as np
from fusion.method import Card, LumaMethod, register


@register
class Flat(LumaMethod):
    card = Card(name="flat", title="Flat", kind="baseline", task=("ivf",), paper="none", recipe={"released": "grey"},
                parity="none")

    def fuse_luma(self, ir, y):
        return np.zeros_like(y)
"""


def test_plugins_are_listed(tmp_path):
    (tmp_path / "flat.py").write_text(FLAT, encoding="utf-8")
    done = run_cli("list", "methods", "--plugins", tmp_path)
    assert done.returncode == 0 and "\nflat " in done.stdout


def test_optional_files_decide_only_where_there_are_no_others(tmp_path):
    card = replace(find("datfuse").card, weights=(WeightFile("x.pth", url="https://example.org", optional=True),))
    assert state_of_weights(card, tmp_path) == "by hand"


def test_an_unknown_kind_is_refused():
    done = CliRunner().invoke(app, ["list", "method"])
    assert done.exit_code == 2 and "methods" in done.output

"""Audit of claimed tables on real pictures: three pairs of TNO, fused by DIDFuse with its weights and by two rules."""

import csv
import shutil

import pytest

import metrics
from fusion import images
from fusion.method import load_method
from fusion.pairs import open_pairs
from suite.audit.audit import audit
from suite.audit.definitions import OWN

PICTURES = ("07", "19", "20")  # the smallest ones
COLUMNS = ("SF", "MI", "AG", "SSIM", "PSNR", "Qabf")
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def place(reference, tmp_path_factory):
    """(data, {method: folder of its fused pictures})."""
    root = tmp_path_factory.mktemp("real")
    for folder in ("ir", "vi"):
        (root / "data" / "tno" / folder).mkdir(parents=True)
        for name in PICTURES:
            shutil.copy(reference / "data" / "tno" / folder / f"{name}.png", root / "data" / "tno" / folder)
    folders = {}
    for name in ("average", "laplacian", "didfuse"):
        method = load_method(name, weights=reference / "weights" / name)
        folders[name] = root / name
        folders[name].mkdir()
        for pair in open_pairs("tno", root / "data").pairs:
            images.write_png(folders[name] / f"{pair.id}.png", method.written(method.fuse(*pair.read()), pair.vi))
    return root / "data", folders


@pytest.fixture(scope="module")
def printed(place):
    """(method, variant) -> column -> the mean that the toolbox's user would print, straight from the metrics."""
    data, folders = place
    pairs = open_pairs("tno", data).pairs

    def means(name, variant):
        found = [metrics.evaluate(images.read(folders[name] / f"{pair.id}.png"), *pair.read8(), metrics=COLUMNS,
                                  variant=variant) for pair in pairs]
        return {column: f"{sum(of[column] for of in found) / len(found):.4f}" for column in COLUMNS}

    return {(name, variant): means(name, variant) for name, variant in (
        *((name, "smfnet") for name in folders), ("didfuse", "vifb"), ("didfuse", "tang"))}


def audited(place, tmp_path, rows):
    """(answer, what was said, lines of audit.csv) of a claimed table with these rows, method -> column -> text."""
    data, folders = place
    path, said = tmp_path / "claimed.csv", []
    path.write_text("\n".join([",".join(["method", *COLUMNS]), *(
        ",".join([name, *(of[column] for column in COLUMNS)]) for name, of in rows.items())]) + "\n", encoding="utf-8")
    whole = audit(path, {name: folders[name] for name in rows}, data, ("tno",), tmp_path, said.append)
    with (tmp_path / "audit.csv").open(encoding="utf-8") as handle:
        return whole, [line for line in said if not line.startswith("scoring")], list(csv.DictReader(handle))


def own(text):
    """Variants whose definition as it stands is named."""
    return text.partition(f" ({OWN})")[0].split(", ") if OWN in text else []


@pytest.mark.parametrize(("variant", "other"), [("vifb", "tang"), ("tang", "vifb")])
def test_the_toolbox_of_a_table_is_found(place, printed, tmp_path, variant, other):
    """(b) The table does not say whose definitions it has: every column names them, and never those that differ."""
    whole, said, cells = audited(place, tmp_path, {"didfuse": printed["didfuse", variant]})
    assert whole and said[-1].startswith(f"{len(COLUMNS)} of {len(COLUMNS)} cells")
    assert all(variant in own(cell["reproduced_by"]) for cell in cells), said
    named = {cell["column"] for cell in cells if other in own(cell["reproduced_by"])}
    assert named == {c for c in COLUMNS if printed["didfuse", "vifb"][c] == printed["didfuse", "tang"][c]}
    assert len(named) <= 2  # else the pictures tell nothing


def test_the_row_of_another_toolbox_is_named_first(place, printed, tmp_path):
    """(c)"""
    rows = {"average": printed["average", "smfnet"], "laplacian": printed["laplacian", "smfnet"],
            "didfuse": printed["didfuse", "tang"]}
    whole, said, _ = audited(place, tmp_path, rows)
    differing = [c for c in COLUMNS if printed["didfuse", "smfnet"][c] != printed["didfuse", "tang"][c]]
    assert not whole and len(differing) >= 3
    for line in said[:len(differing)]:
        heading, _, rest = line.partition(": ")
        assert heading in differing and rest.startswith("ROWS OF DIFFERENT DEFINITIONS: 2 of 3 cells"), line
        of_row = rest.partition("; didfuse ")[2]
        assert "reproduced by" in of_row and "tang" in of_row and "; average" not in rest and "; laplacian" not in rest
    assert all("DIFFERENT" not in line for line in said[len(differing):])


def test_a_changed_digit_is_named(place, printed, tmp_path):
    """(d) The last digit of one cell."""
    right = printed["laplacian", "smfnet"]
    wrong = f"{right['Qabf'][:-1]}{(int(right['Qabf'][-1]) + 5) % 10}"
    rows = {"average": printed["average", "smfnet"], "laplacian": {**right, "Qabf": wrong},
            "didfuse": printed["didfuse", "smfnet"]}
    whole, said, cells = audited(place, tmp_path, rows)
    assert not whole and said[-1].startswith("17 of 18 cells")
    line = next(line for line in said if line.startswith("Qabf"))
    assert f"laplacian {wrong}" in line and "average " not in line and "didfuse " not in line
    assert [(c["column"], c["row"]) for c in cells if not c["reproduced_by"]] == [("Qabf", "laplacian")]

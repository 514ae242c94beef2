"""Papers as data: descriptions that are read and checked."""

from dataclasses import fields
from pathlib import Path

import pytest
from paper_scenes import GROUPS, KNOWN, MINE, described

from fusion import images
from fusion.pairs import open_pairs
from metrics import evaluate
from reports import load
from reports.claims import published_table
from reports.comparison import compare
from results.paper import Column, Paper, PaperClaim, PaperMethod, PaperTable, Reason, RowGroup
from results.papers import DEFAULT, PaperError, load_paper, papers
from results.records import SCHEMA, DatasetRecord, MethodRecord, RunRecord, SuiteRecord, write_run
from results.rows import Row, to_frame, write_csv


@pytest.mark.parametrize("name", papers())
def test_the_packages_papers_hold_known_names_only(name):
    paper = load_paper(name, KNOWN)
    assert paper.name == name and paper.sources
    for table in paper.tables:
        assert table.csv and len(paper.published(table.number)) > 0
        assert published_table(paper, table.number).lines  # every printed value has its column


def test_the_default_paper_comes_first():
    assert papers()[0] == DEFAULT and len(papers()) >= 2


@pytest.mark.parametrize(("old", "new", "message"), [
    ('title = "Mine"\ncit', 'titel = "Mine"\ncit', r"paper\.toml: unknown key 'titel'; did you mean title"),
    ('variant = "smfnet"', 'variant = "smfnt"', r"table 1, columns, variant: unknown 'smfnt'; did you mean smfnet"),
    ('"VIF", {', '"VIFF", {', r"table 1, columns, metric: unknown 'VIFF'; did you mean VIF"),
    ('name = "densefuse"', 'name = "densfuse"', r"methods, name: unknown 'densfuse'; did you mean densefuse"),
    ('["smfnet", "densefuse"]', '["smfnt"]', r"table 1, groups, methods: unknown 'smfnt'; did you mean smfnet"),
    ("tno =", "tmo =", r"table 1, datasets: unknown 'tmo'; did you mean tno"),
    ('suite = "ivf"', 'suite = "ifv"', r"table 1, suite: unknown 'ifv'; did you mean .*ivf"),
    ('"table1.csv"', '"table2.csv"', r"table 1, csv = 'table2\.csv': no such file beside paper\.toml"),
    ('"table1.csv"', '"../../etc/passwd"', r"csv = '\.\./\.\./etc/passwd': no such file beside"),
    ("digits = 1", 'digits = "one"', r"digits = 'one'; expected a whole number"),
    ("cite = true", "cite = true\n[[claims]]\ntext = 'x'\ntable = 2\ncolumn = 'VIF'\nstated = 1.0",
     r"claims, table: unknown '2'; known: 1"),
    ("li2019densefuse", "a}b", r"methods\[0\]: cite = 'a}b': a BibTeX key"),
    ("ours = true", "ours = true\ncolour = 'red'", r"methods\[1\]: colour = 'red': expected .#rrggbb"),
    ("number = 1", "number = 0", "table 0, number: expected 1 or more"),
    ("digits = 1", "digits = 99", "table 1, columns, digits of Entropy: expected 0 to 15"),
    ("[[methods]]", "[[method]]", "unknown key 'method'; did you mean methods"),
    ("number = 1", "number = 1 1", r"paper\.toml: not readable as TOML"),
])
def test_a_fault_is_one_line_with_file_key_and_nearest_name(tmp_path, old, new, message):
    text = (MINE + GROUPS).replace(old, new, 1)
    assert text != MINE + GROUPS
    with pytest.raises(PaperError, match=message) as caught:
        load_paper(described(tmp_path, text), KNOWN)
    assert "\n" not in str(caught.value) or "TOML" in str(caught.value)


@pytest.mark.parametrize(("csv", "message"), [
    ("method,VIF,Etnropy\nDF,1,2\n", r"table1\.csv, column: unknown 'Etnropy'; did you mean Entropy"),
    ("method,VIF\nDenseFusion,1\n", r"table1\.csv, method: unknown 'DenseFusion'"),
    ("dataset,method,VIF\nTNO,DF,1\n", r"table1\.csv, dataset: unknown 'TNO'; known: The TNO set"),
    ("VIF\n1\n", r"table1\.csv: lacks the column method; it has VIF"),
    ("method,VIF\nDF,high\n", r"table1\.csv, column VIF: holds texts"),
    ("", r"not readable as a table")])
def test_a_csv_that_does_not_fit_is_named(tmp_path, csv, message):
    with pytest.raises(PaperError, match=message):
        load_paper(described(tmp_path, csv=csv), KNOWN)


def test_a_paper_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PaperError, match=r"paper\.toml: no such file; .*did you mean smfnet"):
        load_paper("smfnt")


def test_what_a_papers_tables_need_follows_from_the_description():
    needs = load_paper("smfnet").needs()
    assert list(needs) == ["ivf", "detection", "segmentation", "mif", "complexity", "ablation"]
    assert needs["ivf"].datasets == ("tno", "roadscene", "msrs") and needs["mif"].datasets == ("mri_pet",)
    assert needs["ivf"].metrics == tuple((m, "smfnet") for m in (
        "EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM", "SCD"))  # the nine of the paper's text
    assert set(needs["mif"].metrics) == set(needs["ivf"].metrics)
    assert needs["ablation"].metrics[-1] == ("SSIM", "smfnet-ablation") and needs["detection"].metrics == ()
    assert needs["ablation"].settings == {"training": "msrs_train"}
    assert needs["ablation"].methods == tuple(f"ae{n}" for n in range(1, 9))
    other = load_paper("cddfuse").needs()
    assert "rfnet" not in other["ivf"].methods and {v for _, v in other["ivf"].metrics} == {"cddfuse"}


def test_every_key_is_explained():
    text = (Path(__file__).parents[1] / "docs" / "papers.md").read_text(encoding="utf-8")
    keys = {field.name for cls in (Paper, PaperTable, Column, RowGroup, PaperMethod, PaperClaim, Reason)
            for field in fields(cls) if field.metadata.get("read", True)}
    assert {key for key in keys if f"`{key}" not in text and f"[{key}]" not in text} <= {"methods", "tables", "claims",
                                                                                        "reasons", "groups"}


@pytest.mark.parametrize(("suite", "dataset"), [("ivf", "tno"), ("mif", "mri_ct")])
def test_the_second_papers_own_pictures_give_its_printed_rows(tmp_path, reference, suite, dataset):
    """Eight of eight cells to the printed digits: the description's variant is the definition that made the table."""
    pictures, pairs = reference / "results/cddfuse" / dataset, open_pairs(dataset, reference / "data")
    paper = load_paper("cddfuse", KNOWN)
    names = [metric for metric, _ in paper.needs()[suite].metrics]
    rows = []
    for pair in pairs.pairs:
        fused = images.grey8(images.read(pictures / f"{pair.id}.png"))
        ir, vi = pair.read8()
        values = evaluate(fused, ir, images.grey8(vi), metrics=names, variant="cddfuse")
        rows += [Row(suite, "cddfuse", dataset, pair.id, name, "cddfuse", 0, float(v)) for name, v in values.items()]
    write_csv(tmp_path / "rows.csv", to_frame(rows))
    write_run(tmp_path, RunRecord(
        SCHEMA, "", "cddfuse", "released", "", "", "", {suite: SuiteRecord("Fusion", "pictures", suite)},
        {dataset: DatasetRecord(pairs.card.title, suite, pairs.manifest)},
        {"cddfuse": MethodRecord("CDDFuse", "CDDFuse", "brought", (suite,))}, ()))
    cells = compare(load(tmp_path))
    assert [(c.metric, c.status) for c in cells] == [(name, "exact") for name in names] and len(names) == 8

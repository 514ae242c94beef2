"""The published side: the paper's tables as data, the claims made from them, and the comparison of a run with them."""

from dataclasses import replace

import pandas as pd
import pytest
from reports_run import make_run

from reports import load
from reports.claims import claims, claims_table, placings, placings_table, published_table
from reports.comparison import Compared, compare, summary_table, to_frame
from reports.tables import build
from results.papers import load_paper
from results.published import published

TABLES = (1, 2, 3, 4, 5, 6)
PAPER = load_paper("smfnet")


@pytest.mark.parametrize("number", TABLES)
def test_published_tables_are_the_papers(reference, number):
    path = reference / "paper" / f"table{number}.csv"
    assert path.is_file(), f"{path}: missing"
    pd.testing.assert_frame_equal(published(number), pd.read_csv(path))


def test_unknown_table():
    with pytest.raises(ValueError, match="no Table 7; known: 1, 2, 3, 4, 5, 6"):
        published(7)


def test_leads_that_the_paper_claims_follow_from_its_tables(tmp_path):
    """"+8.27 % mAP@0.5" and "+5.85 % mIoU" are points above the mean of the other methods."""
    detection, segmentation = (published(n).set_index("method") for n in (2, 3))
    assert detection.loc["SMFNet", "mAP50"] == 0.835 and segmentation.loc["SMFNet", "mIoU"] == 0.397
    found = claims(load(make_run(tmp_path, ["mif"], pictures=False)))
    # three printed digits: each mean is known to 0.05 points
    assert [claim.published for claim in found] == pytest.approx([8.27, 5.85], abs=0.05)
    assert [claim.stated for claim in found] == [8.27, 5.85]
    assert [claim.ours for claim in found] == [None, None]
    assert all("not run" in line.cells[-1].note for line in claims_table(found).lines)


def test_best_and_second_best_counts_are_counted_on_the_printed_digits():
    """The paper's text: "the best detection performance in five classes" of Table II."""
    columns = published(2).drop(columns=["mAP50"]).set_index("method")
    best = [list(columns.index[columns[c] == columns[c].max()]) for c in columns]
    assert sum("SMFNet" in methods for methods in best) == 5
    # and with the mAP, Table II has SMFNet best six times
    assert placings(published_table(PAPER, 2))["SMFNet"] == (6, 1)
    for number in (1, 2, 3, 4, 6):
        table = published_table(PAPER, number)
        firsts = [line.cells[i].value for i in range(len(table.headers)) for line in table.lines
                  if line.cells[i].rank == 1]
        assert len(firsts) >= len(table.headers) * len(table.blocks)  # each column has a best in each block


def test_placings_of_a_run_stand_beside_the_published_ones(tmp_path):
    data = load(make_run(tmp_path, ["detection"], pictures=False))
    line = next(line for line in placings_table(data, [build(data, 2)]).lines if line.label == "SMFNet")
    assert [c.value for c in line.cells[1:3]] == [6, 1]
    assert sum(c.value for c in line.cells[3:]) <= 7
    assert placings_table(data, []) is None


@pytest.mark.parametrize(("ours", "status"), [
    (0.70004, "exact"), (0.69996, "exact"), (0.7001, "within 1 %"), (0.7069, "within 1 %"), (0.6931, "within 1 %"),
    (0.7071, "differs"), (0.69, "differs"), (-0.7, "differs")])
def test_status_of_a_cell(ours, status):
    assert Compared(1, "TNO", "SMFNet", "VIF", 0.7, ours, 4).status == status


def constructed(tmp_path, factors: dict[str, float]):
    """A run on "TNO" whose means are the paper's values times a factor per method."""
    out = make_run(tmp_path, ["ivf"], fused=("tno",), pictures=False)
    rows = pd.read_csv(out / "rows.csv", dtype={"item": str})
    table = published(1).query("dataset == 'TNO'").set_index("method")
    titles = {"densefuse": "DenseFuse", "u2fusion": "U2Fusion", "smfnet": "SMFNet"}
    for index, row in rows.iterrows():
        if row["method"] in titles and row["metric"] in table:
            title = titles[row["method"]]
            rows.loc[index, "value"] = table.loc[title, row["metric"]] * factors[title]
    rows.to_csv(out / "rows.csv", index=False)
    return load(out)


def test_a_run_is_compared_cell_by_cell(tmp_path):
    data = constructed(tmp_path, {"DenseFuse": 1, "U2Fusion": 1.005, "SMFNet": 1.05})
    cells = compare(data)
    assert len(cells) == 3 * 8  # sources and textbook methods are not in the paper
    statuses = {c.method: set() for c in cells}
    for c in cells:
        statuses[c.method].add(c.status)
    assert statuses == {"DenseFuse": {"exact"}, "U2Fusion": {"within 1 %"}, "SMFNet": {"differs"}}
    frame = to_frame(cells)
    assert frame["difference"].to_numpy() == pytest.approx((frame["ours"] - frame["published"]).to_numpy())
    counts = {line.label: [c.text for c in line.cells[2:5]] for line in summary_table(data, cells).lines}
    assert counts == {"DenseFuse": ["8", "0", "0"], "U2Fusion": ["0", "8", "0"], "SMFNet": ["0", "0", "8"]}


def with_entry(data, method: str, **entry):
    methods = {**data.run.methods, method: replace(data.run.methods[method], **entry)}
    return replace(data, run=replace(data.run, methods=methods))


def test_a_row_that_differs_is_explained_for_its_data_set(tmp_path):
    data = constructed(tmp_path, {"DenseFuse": 1, "U2Fusion": 1.005, "SMFNet": 1.05})
    data = with_entry(data, "u2fusion", differs={"tno": "another file format", "roadscene": "not found"})

    def reasons(data):
        return {c.method: c.note for c in compare(data)}

    # nothing to explain; the card's reason; how the method was checked where no reason is known
    assert reasons(data) == {"DenseFuse": "", "U2Fusion": "another file format", "SMFNet": "synthetic"}
    assert summary_table(data, compare(data)).footnotes()[0] == ["another file format", "synthetic"]
    official = with_entry(data, "u2fusion", protocol="official")
    assert "protocol official" in reasons(official)["U2Fusion"] and "file format" not in reasons(official)["U2Fusion"]


def test_table_v_counts_the_published_network_whoever_trained_the_weights(tmp_path):
    data = load(make_run(tmp_path, ["complexity"], pictures=False))
    slim = with_entry(data, "smfnet", title="SMFNet (slim)", network="SMFNet")
    assert "SMFNet" in {c.method for c in compare(slim)}
    assert "SMFNet" in {line.label for line in build(slim, 5).lines}


def test_a_rendered_sample_is_compared_with_nothing(tmp_path):
    out = make_run(tmp_path, ["ivf"], fused=("sample",), pictures=False)
    data = load(out)
    assert compare(data) == [] and summary_table(data, []) is None


def test_the_units_of_table_v_are_the_papers(tmp_path):
    cells = {(c.method, c.metric): c for c in compare(load(make_run(tmp_path, ["complexity"], pictures=False)))}
    rows = pd.read_csv(tmp_path / "rows.csv").query("method == 'smfnet'").set_index("metric")["value"]
    assert cells["SMFNet", "params_k"].ours == pytest.approx(rows["params_thop"] / 1000)
    assert cells["SMFNet", "flops_g"].ours == pytest.approx(rows["macs_g"])


def test_claims_from_a_run_need_smfnet_and_two_others(tmp_path):
    data = load(make_run(tmp_path, ["detection", "segmentation"], pictures=False))
    values = data.by_item("detection", "m3fd")["mean"]
    others = [values[m, "mAP50", "-"] for m in ("densefuse", "u2fusion")]
    expected = 100 * (values["smfnet", "mAP50", "-"] - sum(others) / 2)
    assert claims(data)[0].ours == pytest.approx(expected)


def test_values_of_another_definition_are_not_compared(tmp_path):
    """Another toolbox's VIF, or a cost at another picture size, is no reproduction of a printed cell."""
    data = load(make_run(tmp_path, ["ivf", "ablation", "complexity"], pictures=False))
    assert {c.table for c in compare(data)} == {1, 5, 6}
    rows = data.rows.assign(variant=data.rows["variant"].replace(
        {"smfnet": "cddfuse", "smfnet-ablation": "cddfuse", "640x480, cpu": "320x240, cpu"}))
    assert {(c.table, c.metric) for c in compare(replace(data, rows=rows))} == {(5, "params_k")}


def test_table_vi_takes_its_own_ssim(tmp_path):
    data = load(make_run(tmp_path, ["ablation"], pictures=False))
    rows = data.rows.assign(variant="smfnet")
    rows.loc[rows["metric"] == "SSIM", "variant"] = "smfnet-ablation"
    assert {c.metric for c in compare(replace(data, rows=rows))} == {"EN", "SD", "VIF", "SSIM"}
    assert {c.metric for c in compare(replace(data, rows=rows.assign(variant="smfnet")))} == {"EN", "SD", "VIF"}

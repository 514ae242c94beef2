"""What the figures show: predictions, errors against the truth, the areas that are magnified, scaled axes."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reports_run import HEIGHT, ITEMS, WIDTH, make_run

from core import records
from core.files import write_json
from reports import ReportError, areas, load
from reports.columns import Shown, item_titles
from reports.figures import bars, boxes, detections, panels, radar, segmentations, style, training
from reports.figures.magnified import around, columns_for
from reports.figures.radar import ends, normalised
from reports.page import browser
from results.paper import Column
from results.records import ResultRecord


def test_errors_are_yellow_where_missed_and_pink_where_wrong():
    picture = np.full((2, 4, 3), 100, np.uint8)
    truth = np.array([[0, 1, 1, 0], [2, 2, 0, 0]], np.uint8)
    ids = np.array([[0, 1, 0, 3], [2, 1, 0, 0]], np.uint8)
    shown = segmentations.panel(picture, ids, truth)
    assert (shown[0, 2] == segmentations.MISSING).all()
    assert (shown[0, 3] == segmentations.WRONG).all() and (shown[1, 1] == segmentations.WRONG).all()
    assert (shown[0, 0] == 100).all() and (shown[1, 2:] == 100).all()
    # right objects carry their class's colour over the picture: 0.4 * 100 + 0.6 * palette
    assert shown[0, 1].tolist() == [round(40 + 0.6 * c) for c in (64, 0, 128)]
    assert shown[1, 0].tolist() == [round(40 + 0.6 * c) for c in (64, 64, 0)]


def test_without_truth_nothing_is_called_an_error():
    shown = segmentations.panel(np.zeros((1, 2, 3), np.uint8), np.array([[0, 1]], np.uint8))
    assert shown[0].tolist() == [[0, 0, 0], [round(0.6 * c) for c in (64, 0, 128)]]


@pytest.mark.parametrize(("centre", "expected"), [
    ((10, 10), (6, 6, 8)), ((0, 0), (0, 0, 8)), ((19, 29), (12, 22, 8)), ((100, -5), (12, 0, 8))])
def test_the_magnified_square_lies_inside(centre, expected):
    assert around(centre, 8, (20, 30)) == expected
    assert around(centre, 90, (20, 30))[2] == 20


def test_the_disputed_area_is_where_the_pictures_differ():
    rng = np.random.default_rng(0)
    same = rng.integers(0, 200, (40, 60)).astype(np.uint8)
    other = same.copy()
    other[20:30, 35:45] += 50
    assert panels.disputed_area([same, other, same], 10) == (20, 35)


def test_the_users_area_is_magnified(tmp_path):
    data = load(make_run(tmp_path, ["ivf"], fused=("tno",)))
    with style.applied():
        figure = panels.draw(replace(data, areas=(areas.parse("tno:00002:30,10,12"),)))["panel_tno"]
    axis = figure.axes[0]
    assert figure.get_suptitle() == "TNO, picture 00002"
    frame = axis.patches[0]
    assert (frame.get_x(), frame.get_y(), frame.get_width()) == (29.5, 9.5, 12)
    ir = np.asarray(Image.open(data.source_paths("tno", "00002")[0]))
    titles = [each.get_title() for each in figure.axes]
    below = figure.axes[titles.index("Infrared") + columns_for(6)]  # the line of axes below: nothing is covered
    assert (below.images[0].get_array() == ir[10:22, 30:42]).all()
    assert [title for title in titles if title] == ["Visible", "Infrared", "Average", "DenseFuse", "U2Fusion",
                                                    "SMFNet"]  # as in the table


@pytest.mark.parametrize(("text", "message"), [
    ("tno:00002", "expected DATASET:PICTURE:X,Y,SIDE"), ("tno:99:1,1,8", "no picture 99 of tno"),
    ("msrs:00002:1,1,8", "no pictures of msrs"), ("tno:00002:60,1,8", "64 wide and 48 high"),
    ("tno:00002:1,1,0", "does not lie inside")])
def test_an_area_that_is_nowhere_is_refused(tmp_path, text, message):
    data = load(make_run(tmp_path, ["ivf"], fused=("tno",)))
    with pytest.raises(ReportError, match=message):
        panels.draw(replace(data, areas=areas.parse_all([text])))


def test_one_area_per_data_set():
    with pytest.raises(ReportError, match="names tno twice"):
        areas.parse_all(["tno:1:1,1,8", "msrs:1:1,1,8", "tno:2:1,1,8"])


def test_no_two_lines_look_alike(tmp_path):
    """Table IV's methods differ by colour, all methods by colour, dashes or marker."""
    data = load(make_run(tmp_path, ["mif"], pictures=False))
    paper = data.paper
    names = [*paper.by_name, "average", "laplacian"]
    looks = [(style.colour(data, m), style.line(data, m)["ls"]) for m in dict.fromkeys(names)]
    assert len(set(looks)) == len(looks)
    for table in ({*paper.table(1).methods, "average", "laplacian"}, {*paper.table(4).methods, "average", "laplacian"}):
        assert len({style.colour(data, m) for m in table}) == len(table)


@pytest.mark.long
def test_nothing_is_cut_off(tmp_path):
    """A layout that is made while drawing must be there before the extent is measured: the border stays white."""
    data = load(make_run(tmp_path, ["ivf"], fused=("tno",)))
    with style.applied():
        figures = {**boxes.draw(data), **panels.draw(data)}
        for stem, figure in figures.items():
            png = np.asarray(Image.open(style.save(figure, tmp_path, stem)[1]).convert("L"))
            assert all((edge == 255).all() for edge in (png[:4], png[-4:], png[:, :4], png[:, -4:])), stem


def test_boxes_are_drawn_where_they_are(tmp_path):
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(tmp_path / "a.png")
    shown = detections.boxed(tmp_path / "a.png", [[20, 24, 50, 40, 0.9, 1]], ["Bus", "Car"])
    colour = detections.COLOURS[1]
    assert shown.shape == (HEIGHT, WIDTH, 3)
    assert (shown[40, 25:45] == colour).all() and (shown[34:40, 20] == colour).all()
    assert (shown[30:36, 26:44] == 0).all()
    doubled = detections.boxed(tmp_path / "a.png", [[20, 24, 50, 40, 0.9, 1]], ["Bus", "Car"], 2)
    assert doubled.shape == (2 * HEIGHT, 2 * WIDTH, 3) and (doubled[80, 50:90] == colour).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), ["detection", "segmentation"])


def test_the_picture_shown_is_the_one_on_which_the_detectors_disagree(run):
    data = load(run)
    unit = data.unit("detect", "smfnet", "m3fd")
    path = run / unit.folder / "predictions.json"
    table = json.loads(path.read_text(encoding="utf-8"))
    table["images"]["00002"]["boxes"] = []
    path.write_text(json.dumps(table), encoding="utf-8")
    found = detections.predictions(data, "detection", "m3fd")
    found = {m: found[m] for m in ("smfnet", "average")}
    assert detections.chosen_item(data, "m3fd", found) == "00002"
    assert detections.chosen_item(data, "m3fd", {"smfnet": found["smfnet"]}) is None
    # one method has boxes where another has none: there the area lies
    row, column, side = detections._area({"a": [], "b": [[35, 10, 60, 30, 0.5, 0]]}, (HEIGHT, WIDTH))
    assert row <= 20 <= row + side and column <= 47 <= column + side


def test_true_classes_come_from_run_json_where_it_names_them(run):
    data = load(run)
    assert data.label_path("mfnet", "00001") is None  # an older run names none
    Image.fromarray(np.ones((HEIGHT, WIDTH), np.uint8)).save(run / "truth.png")
    content = json.loads((run / "run.json").read_text(encoding="utf-8"))
    content["datasets"]["mfnet"]["labels"] = {"00001": "truth.png", "00002": "gone.png"}
    (run / "run.json").write_text(json.dumps(content), encoding="utf-8")
    data = load(run)
    assert data.label_path("mfnet", "00001") == run / "truth.png" and data.label_path("mfnet", "00002") is None
    with style.applied():
        figure = segmentations.draw(data)["segmentations_mfnet"]
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "Ground truth" and "SMFNet" in titles
    assert "missed" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_radar_axes_run_from_the_worst_to_the_best():
    values = pd.DataFrame({"EN": [6.0, 7.0, 8.0], "MSE": [0.1, 0.3, 0.2], "SD": [5.0, 5.0, 5.0]}, index=list("abc"))
    shown = [Shown(Column(name), "", higher) for name, higher in (("EN", True), ("MSE", False), ("SD", True))]
    scaled = normalised(values, shown)
    assert scaled["EN"].tolist() == pytest.approx([0.1, 0.55, 1.0])
    assert scaled["MSE"].tolist() == pytest.approx([1.0, 0.1, 0.55])  # lower is better: turned round
    assert scaled["SD"].tolist() == [1.0, 1.0, 1.0]


def test_the_ends_of_an_axis_are_rounded_alike():
    assert ends(1.8846, 1.9101) == "1.885 – 1.910" and ends(6.5, 7.125) == "6.50 – 7.12"
    assert ends(40, 52) == "40 – 52" and ends(3.0, 3.0) == "3.00 – 3.00"


def test_an_axis_whose_extremes_no_test_tells_apart_is_narrow_and_says_so(tmp_path):
    data = load(make_run(tmp_path, ["ivf"], fused=("tno",), pictures=False))
    rng = np.random.default_rng(3)
    rows = pd.DataFrame([
        ("ivf", method, "tno", f"{item:02}", metric, "smfnet", 0, value + place * step + rng.normal(0, 0.1))
        for place, method in enumerate(("average", "densefuse", "smfnet"))
        for metric, value, step in (("EN", 7, 1), ("SD", 40, 2), ("MI", 2, 0)) for item in range(12)],
        columns=list(data.rows.columns))
    with style.applied():
        axes = radar.draw(replace(data, rows=rows))["radar_tno"].axes[0]
    heads = [label.get_text() for label in axes.get_xticklabels()]
    assert ["n.s." in head for head in heads] == [False, False, True]
    reach = np.ptp([line.get_ydata()[:3] for line in axes.lines], axis=0)
    assert reach[:2] == pytest.approx(0.9) and reach[2] < 0.3


def test_ground_truth_stands_beside_what_was_found_with_the_tables_names(run):
    data = load(run)
    found = detections.predictions(data, "detection", "m3fd")
    item = detections.chosen_item(data, "m3fd", found)
    assert detections.true_boxes(data, "m3fd", item, (HEIGHT, WIDTH)) is None
    (run / "labels").mkdir(exist_ok=True)
    (run / "labels" / "m3fd.json").write_text(json.dumps({item: [[4, 0.25, 0.5, 0.75, 1.0]]}), encoding="utf-8")
    box = detections.true_boxes(data, "m3fd", item, (HEIGHT, WIDTH))[0]
    assert box[:4] == [16, 24, 48, 48] and box[5] == 4
    with style.applied():
        figure = detections.draw(data)["detections_m3fd"]
    assert figure.axes[0].get_title() == "Ground truth"
    assert item_titles(data, "detection", ["People", "Motorcycle"]) == ["People", "Motor"]


def test_a_training_s_losses_are_a_figure(run):
    data = load(run)
    assert not training.draw(data)  # this run left none
    for unit in data.run.units:
        if unit.stage == "detect":
            write_json(run / unit.folder / "result.json", records.write(ResultRecord(
                1, unit.stage, unit.method, unit.dataset, unit.seed, unit.key, 1, {}, (), (),
                {"losses": [3.0, 2.0, 1.5]}, {}, {})))
    axis = training.draw(data)["training_detection_m3fd"].axes[0]
    assert len(axis.lines) == 2 * len(data.methods("detection")) - 2 and list(axis.lines[0].get_ydata()) == [3, 2, 1.5]
    assert "lower is better" in axis.get_ylabel()


def test_ours_is_the_users_method_and_the_papers_is_not_red_then(tmp_path):
    data = load(make_run(tmp_path, ["ivf"], pictures=False))
    assert style.colour(data, "smfnet") == style.OURS and style.line(data, "smfnet")["lw"] > 2
    methods = dict(data.run.methods)
    methods |= {name: replace(methods[name], kind=kind) for name, kind in (("smfnet", "baseline"), ("average", "ours"))}
    data = replace(data, run=replace(data.run, methods=methods))
    assert style.colour(data, "average") == style.OURS and style.line(data, "average")["lw"] > 2
    assert style.colour(data, "smfnet") != style.OURS and style.line(data, "smfnet")["lw"] < 2


def test_medical_sources_are_called_by_their_modality(tmp_path):
    """In the panels and, with their values, in the picture browser."""
    data = load(make_run(tmp_path, ["mif"], fused=("mri_pet",)))
    assert list(panels.pictures(data, "mri_pet", "00001"))[:2] == ["PET", "MRI"]
    rows = data.rows.assign(method=data.rows["method"].replace("densefuse", "visible"))
    shown = browser(replace(data, rows=rows))[0]["items"][0]
    assert "PET" in shown["values"] and "PET" in shown["pictures"] and "Visible" not in shown["values"]
    assert data.source_titles("tno") == ("Infrared", "Visible")


@pytest.mark.parametrize(("limit", "items"), [(0, []), (1, ["00001"]), (2, ["00001", "00003"]), (9, list(ITEMS))])
def test_the_page_embeds_as_many_pictures_as_asked_for(tmp_path, limit, items):
    data = load(make_run(tmp_path, ["ivf"], fused=("tno",)))
    assert [entry["id"] for shown in browser(data, limit) for entry in shown["items"]] == items


def test_trainings_on_ablations_are_fig_11_and_no_rows_of_tables_2_and_3(tmp_path):
    data = load(make_run(tmp_path))
    rows = data.rows[(data.rows["suite"] == "detection") & (data.rows["method"] == "smfnet")]
    ours = [rows.assign(method=name, value=rows["value"] * factor) for name, factor in (("ae3", 0.5), ("ae8", 1.0))]
    found = replace(data, rows=pd.concat([data.rows, *ours], ignore_index=True))
    assert found.methods("detection") == data.methods("detection")
    pd.testing.assert_frame_equal(found.suite("detection").reset_index(drop=True),
                                  data.suite("detection").reset_index(drop=True))
    values = found.ablations_trained_on("detection", "mAP50")
    assert list(values.index) == ["ae3", "ae8"] and values["ae3"] == pytest.approx(values["ae8"] / 2)
    assert "ablation_trained" in bars.draw(found) and "ablation_trained" not in bars.draw(data)

"""Labels are matched by name, broken ones are reported with file and line, a policy decides."""

import json

import pytest

from downstream.detection.dataset import open_detection
from downstream.detection.labels import NAMES, class_index, read_coco, read_voc, read_yolo, yolo_names
from downstream.detection.policy import Inspector, LabelError, LabelPolicy, RawLabel, RawObject, inspect, summary
from fusion.images import write_png

VOC = """<annotation>
<filename>00001.png</filename>
<size><width>200</width><height>100</height><depth>3</depth></size>
{}
</annotation>
"""
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def voc(folder, key, *objects, text=None):
    folder.mkdir(parents=True, exist_ok=True)
    body = "\n".join(OBJECT.format(*item) for item in objects)
    (folder / f"{key}.xml").write_text(text if text is not None else VOC.format(body))


def read(folder, **policy):
    inspector = Inspector(LabelPolicy(**policy))
    raw = read_voc(folder, inspector)
    return inspect(raw, [label.id for label in raw], class_index("m3fd"), inspector, "Vis"), inspector.problems


def test_voc_coco_and_yolo_give_the_same_boxes(tmp_path):
    voc(tmp_path / "voc", "00001", ("Motorcycle", 20, 10, 60, 50), ("People", 100, 0, 200, 100))
    # another numbering of the classes in each of the files
    (tmp_path / "a.json").write_text(json.dumps({
        "images": [{"id": "x", "file_name": "00001.png", "width": 200, "height": 100}],
        "categories": [{"id": 3, "name": "Motorcycle"}, {"id": 1, "name": "People"}],
        "annotations": [{"image_id": "x", "category_id": 3, "bbox": [20, 10, 40, 40]},
                        {"image_id": "x", "category_id": 1, "bbox": [100, 0, 100, 100]}]}))
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo/00001.txt").write_text("1  0.2 0.3  0.2 0.4 \n0 0.75 0.5 0.5 1\n")  # one or two blanks
    (tmp_path / "yolo/classes.txt").write_text("person\nmotorbike\n")
    inspector = Inspector(LabelPolicy())
    found = [inspect(raw, ["00001"], class_index("m3fd"), inspector, "Vis")["00001"] for raw in (
        read_voc(tmp_path / "voc", inspector), read_coco([tmp_path / "a.json"], inspector),
        read_yolo(tmp_path / "yolo", yolo_names(tmp_path / "yolo", "m3fd"), inspector))]
    for boxes in found:
        assert [NAMES["m3fd"][box.label] for box in boxes] == ["Motorcycle", "People"]
        assert boxes[0].corners(100, 200) == pytest.approx((20, 10, 60, 50))
        assert boxes[1].corners(100, 200) == pytest.approx((100, 0, 200, 100))
    assert not inspector.problems


def test_numbers_without_names_are_not_guessed(tmp_path):
    with pytest.raises(LabelError, match=r"classes\.txt"):
        yolo_names(tmp_path, "m3fd")
    assert yolo_names(tmp_path, "msrs") == ("person", "bicycle", "car")


def test_unknown_class_names_file_and_line(tmp_path):
    voc(tmp_path, "00001", ("Car", 0, 0, 10, 10), ("Tram", 0, 0, 20, 20))
    with pytest.raises(LabelError, match=r"00001\.xml:5: class 'Tram'.*unknown_class to drop"):
        read(tmp_path)
    boxes, problems = read(tmp_path, unknown_class="drop")
    assert len(boxes["00001"]) == 1 and str(problems[0]).startswith(f"{tmp_path}/00001.xml:5: class 'Tram'")


def test_box_outside_is_clipped_dropped_or_refused(tmp_path):
    voc(tmp_path, "00001", ("Car", 150, 50, 260, 90))
    boxes, problems = read(tmp_path)
    assert boxes["00001"][0].corners(100, 200) == pytest.approx((150, 50, 200, 90))
    assert [(p.kind, p.action) for p in problems] == [("outside", "clip")]
    assert read(tmp_path, outside="drop")[0]["00001"] == ()
    with pytest.raises(LabelError, match=r"00001\.xml:4: .*reaches outside"):
        read(tmp_path, outside="error")


@pytest.mark.parametrize("corners, kind", [((210, 0, 230, 10), "outside"), ((50, 50, 50, 60), "degenerate"),
                                           ((60, 50, 50, 60), "degenerate")])
def test_boxes_that_cannot_be_used_are_dropped_and_reported(tmp_path, corners, kind):
    voc(tmp_path, "00001", ("Car", *corners))
    boxes, problems = read(tmp_path)
    assert boxes["00001"] == () and [(p.kind, p.action) for p in problems] == [(kind, "drop")]


def test_duplicates_count_once(tmp_path):
    voc(tmp_path, "00001", ("Car", 0, 0, 10, 10), ("Car", 0, 0, 10, 10))
    boxes, problems = read(tmp_path)
    assert len(boxes["00001"]) == 1 and summary(problems) == "1 duplicate (drop)"


def test_empty_file(tmp_path):
    voc(tmp_path, "00001")
    assert read(tmp_path)[0] == {"00001": ()}
    assert read(tmp_path, empty="drop")[0] == {}
    with pytest.raises(LabelError, match=r"00001\.xml:1: no object"):
        read(tmp_path, empty="error")


@pytest.mark.parametrize("text, line", [("", 1), (VOC.replace("</size>", ""), 5),
                                        ("<annotation>\n</annotation>", 1),
                                        (VOC.format(OBJECT.format("Car", 1, "x", 2, 3)), 4),
                                        (VOC.format(OBJECT.format("Car", 1, "nan", 2, 3)), 4),
                                        (VOC.format("<object><name>Car</name></object>"), 4)])
def test_malformed_voc_names_file_and_line(tmp_path, text, line):
    voc(tmp_path, "00001", text=text)
    with pytest.raises(LabelError, match=rf"00001\.xml:{line}: "):
        read(tmp_path)
    boxes, problems = read(tmp_path, malformed="drop")
    assert boxes in ({}, {"00001": ()}) and problems[0].kind == "malformed"


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.5", "car 0.5 0.5 0.1 0.1", "0 0.5 inf 0.1 0.1", "0.5 0.5 0.5 0.1 0.1"])
def test_malformed_yolo_names_file_and_line(tmp_path, line):
    (tmp_path / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n\n{line}\n")
    with pytest.raises(LabelError, match=r"a\.txt:3: "):
        read_yolo(tmp_path, ("car",), Inspector(LabelPolicy()))
    inspector = Inspector(LabelPolicy(malformed="drop"))
    assert len(read_yolo(tmp_path, ("car",), inspector)[0].objects) == 1


def test_a_number_beyond_the_names_is_an_unknown_class(tmp_path):
    (tmp_path / "a.txt").write_text("7 0.5 0.5 0.1 0.1\n")
    inspector = Inspector(LabelPolicy())
    with pytest.raises(LabelError, match=r"a\.txt:1: class '7'"):
        inspect(read_yolo(tmp_path, ("car",), inspector), ["a"], class_index("msrs"), inspector, "vi")


def test_images_without_labels_and_labels_without_images():
    raw = [RawLabel("a", "a.xml:1", (RawObject("Car", 0, 0, 0.5, 0.5, "a.xml:4"),)), RawLabel("b", "b.xml:1", ())]

    def kinds(**policy):
        inspector = Inspector(LabelPolicy(**policy))
        return list(inspect(raw, ["a", "c"], class_index("m3fd"), inspector, "Vis")), inspector.problems

    ids, problems = kinds()
    assert ids == ["a"]  # unlabelled is not the same as empty
    assert {(p.kind, p.where) for p in problems} == {("label_without_image", "b.xml:1"),
                                                     ("image_without_label", "Vis/c")}
    assert kinds(image_without_label="background")[0] == ["a", "c"]
    with pytest.raises(LabelError, match=r"b\.xml:1"):
        kinds(label_without_image="error")
    with pytest.raises(LabelError, match="Vis/c"):
        kinds(image_without_label="error")


def test_policy_is_checked():
    with pytest.raises(ValueError, match="clip, drop, error"):
        LabelPolicy(outside="ignore")


def test_official_layout_opens_and_says_what_is_missing(tmp_path):
    import numpy as np

    with pytest.raises(LabelError, match="TarDAL"):
        open_detection("m3fd", tmp_path)
    with pytest.raises(LabelError, match="did you mean m3fd"):
        open_detection("m3df", tmp_path)
    top = tmp_path / "sample_m3fd"
    (top / "Vis").mkdir(parents=True)
    for number in range(4):
        write_png(top / f"Vis/{number:05d}.png", np.zeros((100, 200), np.uint8))
    with pytest.raises(LabelError, match="Annotation"):
        open_detection("sample_m3fd", tmp_path)
    for number in range(3):
        voc(top / "Annotation", f"{number:05d}", ("Car", 0, 0, 50, 50))
    for part, names in (("train", "00000.png\n00003.png"), ("val", "00001.png"), ("test", "00002.png")):
        (top / f"{part}.txt").write_text(names)
    found = open_detection("sample_m3fd", tmp_path)
    assert found.ids == ("00000", "00001", "00002") and found.classes == NAMES["m3fd"]
    assert found.split().train == ("00000",) and "3 of the split's 4 pictures" in found.split().note
    assert summary(found.problems) == "1 image_without_label (drop)"
    moved = open_detection("sample_m3fd", tmp_path)
    assert moved.manifest == found.manifest


def test_real_labels(reference):
    m3fd = open_detection("m3fd", reference / "data")
    assert len(m3fd.ids) == 30
    public = m3fd.split("public")
    assert [len(public.train), len(public.val), len(public.test)] == [20, 6, 4]
    msrs = open_detection("msrs", reference / "data")
    assert len(msrs.ids) == 120 and msrs.classes == ("person", "bicycle", "car")
    tested = [key for i in range(5) for key in msrs.split(f"fold{i}of5").test]
    assert sorted(tested) == sorted(msrs.ids)  # every picture is tested once

"""Labels are matched by name, broken ones are reported with file and line, a policy decides."""

import json

import pytest
from label_trees import OBJECT, VOC, coco, keys_of, m3fd, picture, pixels, voc, yolo

from downstream.detection import Box, LabelError, LabelPolicy, open_detection, summary
from downstream.detection.data.inspection import Inspection
from downstream.detection.data.policy import Inspector, RawLabel, RawObject
from downstream.detection.data.voc import read_voc
from downstream.detection.data.yolo import read_yolo, yolo_names
from fusion.dataset_cards import find_dataset

CARD = find_dataset("m3fd")
LAX = {"max_dropped": 1.0}


def inspect(labels, ids=None, size=(100, 200), **policy):
    """(boxes or the error of having none left, problems) of labels for pictures of one size."""
    inspector = Inspector(LabelPolicy(**policy))
    ids = [label.id for label in labels] if ids is None else ids
    inspection = Inspection(CARD.detection, inspector, "Vis", lambda path: size)
    return inspection.boxes(labels, {key: key for key in ids}), inspector.problems


def read(folder, *objects, text=None, **policy):
    """Boxes and problems of one VOC file beside a good one."""
    voc(folder / "00001.xml", *objects, text=text)
    voc(folder / "00002.xml", ("Truck", 10, 10, 90, 90))
    inspector = Inspector(LabelPolicy(**{**LAX, **policy}))
    labels = read_voc(sorted(folder.glob("*.xml")), CARD, inspector)
    inspection = Inspection(CARD.detection, inspector, "Vis", lambda path: (100, 200))
    boxes = inspection.boxes(labels, {label.id: label.id for label in labels})
    return boxes, inspector.problems


def test_voc_coco_and_yolo_give_the_same_boxes(tmp_path):
    found = []
    for name, write in (
            ("voc", lambda top, key: voc(top / f"Annotation/{key}.xml", ("Motorcycle", 20, 10, 60, 50),
                                         ("People", 100, 0, 200, 100))),
            ("coco", lambda top, key: coco(top / f"annotations_coco/{key}.json",
                                           {key: [("Motorcycle", 20, 10, 40, 40), ("People", 100, 0, 100, 100)]})),
            # another numbering of the classes; one or two blanks
            ("yolo", lambda top, key: yolo(top / "labels", {key: "1  0.2 0.3  0.2 0.4 \n0 0.75 0.5 0.5 1\n"},
                                           "person\nmotorbike\n"))):
        top = m3fd(tmp_path / name)
        for key in keys_of(top):
            write(top, key)
        found.append(open_detection("m3fd", tmp_path / name))
    assert not any(dataset.problems for dataset in found)
    wanted = [("Motorcycle", 20, 10, 60, 50), ("People", 100, 0, 200, 100)]
    for dataset in found:
        assert pixels(dataset) == dict.fromkeys(dataset.ids, wanted) and len(dataset.ids) == 6
    assert len({dataset.manifest for dataset in found}) == 1


def test_unknown_class_names_file_and_line(tmp_path):
    objects = ("Car", 0, 0, 10, 10), ("Tram", 0, 0, 20, 20)
    with pytest.raises(LabelError, match=r"00001\.xml:5: class 'Tram'.*unknown_class to drop"):
        read(tmp_path, *objects)
    boxes, problems = read(tmp_path, *objects, unknown_class="drop")
    assert len(boxes["00001"]) == 1 and str(problems[0]).startswith(f"{tmp_path}/00001.xml:5: class 'Tram'")


def test_box_outside_is_clipped_dropped_or_refused(tmp_path):
    box = ("Car", 150, 50, 260, 90)
    boxes, problems = read(tmp_path, box)
    assert boxes["00001"][0].corners(100, 200) == pytest.approx((150, 50, 200, 90))
    assert [(p.kind, p.action) for p in problems] == [("outside", "clip")]
    assert read(tmp_path, box, outside="drop")[0]["00001"] == ()
    with pytest.raises(LabelError, match=r"00001\.xml:4: .*reaches outside"):
        read(tmp_path, box, outside="error")


@pytest.mark.parametrize("corners, kind", [((210, 0, 230, 10), "outside"), ((50, 50, 50, 60), "degenerate"),
                                           ((50, 50, 50.4, 60), "degenerate")])
def test_boxes_that_cannot_be_used_are_dropped_and_reported(tmp_path, corners, kind):
    boxes, problems = read(tmp_path, ("Car", *corners))
    assert boxes["00001"] == () and [(p.kind, p.action) for p in problems] == [(kind, "drop")]


def test_exchanged_corners_are_swapped_dropped_or_refused(tmp_path):
    box = ("Car", 60, 90, 50, 50)
    boxes, problems = read(tmp_path, box)
    assert boxes["00001"][0].corners(100, 200) == pytest.approx((50, 50, 60, 90))
    assert [(p.kind, p.action) for p in problems] == [("flipped", "swap")]
    assert read(tmp_path, box, flipped="drop")[0]["00001"] == ()
    with pytest.raises(LabelError, match=r"00001\.xml:4: .*corners exchanged"):
        read(tmp_path, box, flipped="error")


def test_duplicates_count_once(tmp_path):
    boxes, problems = read(tmp_path, ("Car", 0, 0, 10, 10), ("Car", 0, 0, 10, 10), max_dropped=0.0)
    assert len(boxes["00001"]) == 1 and summary(problems) == "1 duplicate (drop)"


def test_empty_file(tmp_path):
    assert read(tmp_path)[0]["00001"] == ()
    assert "00001" not in read(tmp_path, empty="drop")[0]
    with pytest.raises(LabelError, match=r"00001\.xml:1: no object"):
        read(tmp_path, empty="error")


ONE = VOC.format(key="a", width=200, height=100, objects="{}")


@pytest.mark.parametrize("text, line", [("", 1), (ONE.replace("</size>", ""), 5),
                                        (ONE.format(OBJECT.format("Car", 1, "x", 2, 3)), 4),
                                        (ONE.format(OBJECT.format("Car", 1, "nan", 2, 3)), 4),
                                        (ONE.format(OBJECT.format("Car", 1, "1_0", 2, 3)), 4),
                                        (ONE.format("<object><name>Car</name></object>"), 4)])
def test_malformed_voc_names_file_and_line(tmp_path, text, line):
    with pytest.raises(LabelError, match=rf"00001\.xml:{line}: "):
        read(tmp_path, text=text)
    boxes, problems = read(tmp_path, text=text, malformed="drop")
    assert boxes.get("00001", ()) == () and problems[0].kind == "malformed"


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.5", "car 0.5 0.5 0.1 0.1", "0 0.5 inf 0.1 0.1", "0.5 0.5 0.5 0.1 0.1",
                                  "1_0 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1 0.1 0.9"])
def test_malformed_yolo_names_file_and_line(tmp_path, line):
    (tmp_path / "a.txt").write_text(f"0 0.5 0.5 0.1 0.1\n\n{line}\n")
    with pytest.raises(LabelError, match=r"a\.txt:3: "):
        read_yolo([tmp_path / "a.txt"], ("car",), CARD, Inspector(LabelPolicy()))
    label = read_yolo([tmp_path / "a.txt"], ("car",), CARD, Inspector(LabelPolicy(malformed="drop")))[0]
    assert len(label.objects) == 1 and label.broken == 1


def test_a_number_beyond_the_names_is_an_unknown_class(tmp_path):
    (tmp_path / "a.txt").write_text("7 0.5 0.5 0.1 0.1\n")
    with pytest.raises(LabelError, match=r"a\.txt:1: class '7'"):
        inspect(read_yolo([tmp_path / "a.txt"], ("car",), CARD, Inspector(LabelPolicy())))


def test_numbers_without_names_are_not_guessed(tmp_path):
    with pytest.raises(LabelError, match=r"classes\.txt"):
        yolo_names(tmp_path, tmp_path, ())
    assert yolo_names(tmp_path, tmp_path, ("a", "b")) == (("a", "b"), "the order that the publisher states")


def test_images_without_labels_and_labels_without_images():
    raw = [RawLabel("a", "a.xml:1", (RawObject("Car", 0, 0, 0.5, 0.5, "a.xml:4"),)), RawLabel("b", "b.xml:1", ())]

    def kinds(**policy):
        boxes, problems = inspect(raw, ["a", "c"], **{**LAX, **policy})
        return list(boxes), problems

    ids, problems = kinds()
    assert ids == ["a"]  # unlabelled is not the same as empty
    assert {(p.kind, p.where) for p in problems} == {("label_without_image", "b.xml:1"),
                                                     ("image_without_label", "Vis/c")}
    assert kinds(image_without_label="background")[0] == ["a", "c"]
    with pytest.raises(LabelError, match=r"b\.xml:1"):
        kinds(label_without_image="error")
    with pytest.raises(LabelError, match="Vis/c"):
        kinds(image_without_label="error")


@pytest.mark.parametrize("wrong, message", [({"outside": "ignore"}, "clip, drop, error"),
                                            ({"max_dropped": 2.0}, "0 to 1")])
def test_policy_is_checked(wrong, message):
    with pytest.raises(LabelError, match=message):
        LabelPolicy(**wrong)


def test_layout_opens_and_says_what_is_missing(tmp_path):
    with pytest.raises(LabelError, match="TarDAL"):
        open_detection("m3fd", tmp_path)
    with pytest.raises(LabelError, match="did you mean m3fd"):
        open_detection("m3df", tmp_path)
    with pytest.raises(LabelError, match=r"no boxes are known for data set 'tno'.*known:.*m3fd"):
        open_detection("tno", tmp_path)
    top = tmp_path / "sample_m3fd"
    keys = [f"{number:05d}" for number in range(12)]
    for key in keys:
        picture(top / f"Vis/{key}.png")
    with pytest.raises(LabelError, match=r"expected Annotation/\*\.xml"):
        open_detection("sample_m3fd", tmp_path)
    for key in keys[:-1]:
        voc(top / f"Annotation/{key}.xml", ("Car", 0, 0, 50, 50))
    for part, names in (("train", [*keys[:8], keys[-1]]), ("val", keys[8:10]), ("test", keys[10:11])):
        (top / f"{part}.txt").write_text("".join(f"{name}.png\n" for name in names))
    found = open_detection("sample_m3fd", tmp_path)
    assert found.ids == tuple(keys[:-1]) and found.classes == CARD.detection.classes
    assert found.split().train == tuple(keys[:8]) and "11 of the split's 12 pictures" in found.split().note
    assert summary(found.problems) == "1 image_without_label (drop)"
    assert open_detection("sample_m3fd", tmp_path).manifest == found.manifest
    assert str(found.statistics) == ("11 pictures, 100 % with boxes; 0 People, 11 Car, 0 Bus, 0 Lamp, 0 Motorcycle, "
                                     "0 Truck; mean box 50.0 x 50.0 pixels")
    assert found.pair_sets == ("sample_m3fd",) and found.folds == 0


def test_sizes_are_remembered(tmp_path):
    top = m3fd(tmp_path)
    for key in keys_of(top):
        voc(top / f"Annotation/{key}.xml", ("Car", 0, 0, 50, 50))
    known = {}
    first = open_detection("m3fd", tmp_path, known=known)
    assert len(known) == 6 and json.loads(json.dumps(known)) == known
    assert open_detection("m3fd", tmp_path, known=known).manifest == first.manifest and len(known) == 6


def test_a_crowd_is_another_box_than_an_object():
    assert Box(0, 0.5, 0.5, 0.1, 0.1, crowd=True) != Box(0, 0.5, 0.5, 0.1, 0.1)


def test_real_labels(reference):
    m3fd = open_detection("m3fd", reference / "data")
    assert len(m3fd.ids) == 30
    public = m3fd.split("public")
    assert [len(public.train), len(public.val), len(public.test)] == [20, 6, 4]
    msrs = open_detection("msrs", reference / "data")
    assert len(msrs.ids) == 120 and msrs.classes == ("person", "bicycle", "car") and msrs.folds == 5
    tested = [key for i in range(5) for key in msrs.fold(i).test]
    assert sorted(tested) == sorted(msrs.ids)  # every picture is tested once
    # as before: what the boxes of both are hashed to decides whether trainings are done again
    assert (m3fd.manifest[:12], msrs.manifest[:12]) == ("008e0506d8ea", "5d61b8ab7cb7")

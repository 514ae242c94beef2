"""What numbers in COCO and YOLO files stand for: pictures, categories, classes; never taken for another one's."""

import json

import pytest
from label_trees import COCO_TWO, TWO, all_are, coco, keys_of, m3fd, picture, read, refused, with_coco, with_yolo, yolo

from downstream.detection import open_detection, summary

# --- COCO: files, ids, crowds

def test_one_file_per_class_and_pictures_listed_twice_are_joined(tmp_path):
    top = m3fd(tmp_path)
    for name, box in zip(("a_people", "b_car"), COCO_TWO):
        coco(top / f"annotations_coco/{name}.json", {key: [box] for key in keys_of(top)})
    all_are(tmp_path, TWO)
    both = [json.loads((top / f"annotations_coco/{n}.json").read_text()) for n in ("a_people", "b_car")]
    for path in (top / "annotations_coco").iterdir():
        path.unlink()
    merged = {"images": both[0]["images"] + [{**p, "id": p["id"] + 100} for p in both[1]["images"]],
              "categories": both[0]["categories"] + [{"id": 9, "name": "Car"}],
              "annotations": both[0]["annotations"] + [{**a, "image_id": a["image_id"] + 100, "category_id": 9}
                                                       for a in both[1]["annotations"]]}
    path = top / "annotations_coco/merged.json"
    path.write_text(json.dumps(merged))
    all_are(tmp_path, TWO)
    for picture_ in merged["images"]:
        picture_["file_name"] = f"M3FD\\Vis\\{picture_['file_name']}"  # as written under Windows
    path.write_text(json.dumps(merged))
    all_are(tmp_path, TWO)


@pytest.mark.parametrize("changes, message", [
    ({"categories": [{"id": 1, "name": "People"}, {"id": 1, "name": "Car"}]},
     r"instances\.json: categories use the id 1 twice \(People, Car\)"),
    ({"images": [{"id": 7, "file_name": f"{name}.png", "width": 200, "height": 100} for name in ("a", "b")]},
     r"images use the id 7 twice \(a\.png, b\.png\)"),
    ({"images": [{"id": n, "file_name": f"{n}/a.png", "width": 200, "height": 100} for n in (1, 2)]},
     r"2/a\.png and 1/a\.png .* have one name"),
    ({"images": [{"id": n, "file_name": "a.png", "width": 200 + n, "height": 100} for n in (1, 2)]},
     r"a\.png is 202x100 here and 201x100 in"),
    ({"annotations": [{"image_id": 99, "category_id": 1, "bbox": [1, 2, 3, 4]}]}, "its picture is none of the file's"),
    ({"annotations": [{"image_id": 0, "category_id": 1, "bbox": [1, 2, 3]}]}, "no usable box"),
    ({"annotations": [{"image_id": 0, "category_id": 1, "bbox": [1, 2, True, 4]}]}, "no usable box"),
    ({"annotations": [{"image_id": 0, "category_id": 1, "bbox": [1, 2, 30, 40], "iscrowd": 2}]}, "iscrowd = 2"),
    ({"annotations": [{"image_id": 0, "category_id": 5, "bbox": [1, 2, 30, 40]}]}, "class '5' is not one of")])
def test_what_an_annotation_means_must_be_certain(tmp_path, changes, message):
    refused(with_coco(tmp_path, **changes), message)


def test_a_size_that_is_not_the_pictures_is_refused_in_coco_too(tmp_path):
    root = with_coco(tmp_path, size=(768, 1024))
    refused(root, "the stated size is 1024x768, but the picture is 200x100")
    all_are(root, TWO, size="picture")


def test_crowds_are_regions_not_objects(tmp_path):
    root = with_coco(tmp_path, [*COCO_TWO, ("People", 5, 5, 190, 90, 1)])
    found = read(root)
    assert found.statistics.boxes["People"] == 6 and found.statistics.crowds == 6
    assert all([box.crowd for box in boxes] == [False, False, True] for boxes in found.boxes.values())
    assert summary(found.problems) == "6 crowd (no object)" and "6 crowd regions" in str(found.statistics)
    assert read(with_coco(tmp_path / "without")).manifest != found.manifest
    refused(with_coco(tmp_path / "only", [("People", 5, 5, 190, 90, 1)]), r"no box is left .* \(only 6 crowd regions\)")


# --- YOLO: the names behind the numbers

NAMES = {"labels/classes.txt": "Car\nPeople\n", "classes.txt": "Car\nPeople\n", "labels/obj.names": "Car\nPeople\n",
         "data.yaml": "nc: 2\nnames: [Car, People]\n", "labels/data.yml": "names:\n  0: Car\n  1: People\n",
         "labels/_darknet.labels": "Car\nPeople", "labels/predefined_classes.txt": "car\r\npeople\r\n",
         "notes.json": '{"categories": [{"id": 1, "name": "People"}, {"id": 0, "name": "Car"}]}'}


@pytest.mark.parametrize("place", NAMES)
def test_classes_are_found_wherever_tools_put_them(tmp_path, place):
    root = with_yolo(tmp_path, "0 0.5 0.5 0.2 0.2\n", None)
    refused(root, "numbers only .* put a classes.txt")
    (root / "M3FD" / place).write_text(NAMES[place], newline="")
    all_are(root, [("Car", 80, 40, 120, 60)])
    assert read(root).statistics.names_from.endswith(place)


@pytest.mark.parametrize("place, text, message", [
    ("data.yaml", "names: [People, Car]",
     r"data\.yaml: the classes are People, Car, but Car, People in .*classes\.txt"),
    ("classes.txt", "Car\n", "the classes are Car, but Car, People"),
    ("data.yaml", "nc: 3\nnames: [Car, People]", "nc is 3, but it names 2 classes"),
    ("data.yaml", "names: {1: Car, 2: People}", "names are numbered 1, 2; expected 0 to 1"),
    ("data.yaml", "names: [Car, People", "not readable as YAML"),
    ("classes.txt", "Car\n\nPeople\n", "an empty line between names, as number 1"),
    ("classes.txt", "Car\nPeople\nCar\n", "'Car' a second time")])
def test_doubtful_class_numbers_are_refused(tmp_path, place, text, message):
    root = with_yolo(tmp_path, "0 0.5 0.5 0.2 0.2\n", "Car\nPeople\n")
    (root / "M3FD" / place).write_text(text)
    refused(root, message)


def test_the_publishers_numbers_give_way_to_a_file(tmp_path):
    labels = tmp_path / "msrs/detection_label/fusion/test"
    for number in range(6):
        picture(tmp_path / f"msrs/test/vi/{number:05d}D.png")
    yolo(labels, {f"{number:05d}D": "0 0.5 0.5 0.2 0.2\n" for number in range(6)}, None)
    found = open_detection("msrs", tmp_path)
    assert found.statistics.boxes == {"person": 6, "bicycle": 0, "car": 0}
    assert str(found.statistics).endswith("class numbers by the order that the publisher states")
    (tmp_path / "msrs/classes.txt").write_text("car\nperson\nbicycle\n")
    assert open_detection("msrs", tmp_path).statistics.boxes == {"person": 0, "bicycle": 0, "car": 6}

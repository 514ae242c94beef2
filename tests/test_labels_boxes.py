"""Kinds of broken boxes that users bring: each is read right, refused or reported; none is read as other boxes."""

import os

import pytest
from label_trees import (
    OBJECT,
    SIZE,
    TWO,
    VOC,
    all_are,
    keys_of,
    m3fd,
    picture,
    pixels,
    read,
    refused,
    voc,
    with_coco,
    with_voc,
    with_yolo,
)

from core.errors import IvfbenchError
from downstream.detection import LabelError, open_detection, summary

# --- VOC: whose box, which picture

def of(inner, name="People"):
    return f"<object><name>{name}</name>{inner}</object>"


BOX = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
HEAD = "<part><name>head</name>" + BOX.format(12, 21, 18, 28) + "</part>"


@pytest.mark.parametrize("inner", [
    BOX.format(10, 20, 60, 70) + HEAD, HEAD + BOX.format(10, 20, 60, 70), HEAD + BOX.format(10, 20, 60, 70) + HEAD,
    BOX.format(10, 20, 60, 70) + "<actions><box>" + BOX.format(1, 2, 3, 4) + "</box></actions>"])
def test_parts_of_an_object_are_no_boxes(tmp_path, inner):
    all_are(with_voc(tmp_path, of(inner)), [("People", 10, 20, 60, 70)])


@pytest.mark.parametrize("inner", [
    2 * BOX.format(10, 20, 60, 70), BOX.format(10, 20, 60, 70) + BOX.format(30, 20, 60, 70), "", HEAD,
    BOX.format(10, 20, 60, 70).replace("</xmin>", "</xmin><xmin>20</xmin>"), "<polygon><pt>1</pt></polygon>",
    '<bndbox xmin="10" ymin="20" xmax="60" ymax="70"/>', BOX.format(10, 20, 60, 70) + "<name>Car</name>"])
def test_an_object_without_one_box_of_its_own_is_refused(tmp_path, inner):
    refused(with_voc(tmp_path, TWO[1], of(inner)), r"\.xml:5: an object without usable name or corners")


@pytest.mark.parametrize("text, message", [
    ("<annotations>{}</annotations>", "its root is <annotations>"),
    ("<annotation><objects>{}</objects></annotation>", "an <object> in <objects>"),
    ("<annotation><object>{}</object></annotation>", "an <object> in <object>"),
    ('<!DOCTYPE a [<!ENTITY e "10">]><annotation>{}</annotation>', "declares entities")])
def test_another_structure_is_refused_not_read_as_empty(tmp_path, text, message):
    refused(with_voc(tmp_path, text=text.format(of(BOX.format(10, 20, 60, 70)))), message)


@pytest.mark.parametrize("size", [(768, 1024), (200, 100), (50, 100)])
def test_a_stated_size_that_is_not_the_pictures_is_refused_or_decided_on(tmp_path, size):
    root = with_voc(tmp_path, size=size)
    turned = r" \(width and height exchanged\)" if size == SIZE[::-1] else ""
    refused(root, rf"the stated size is {size[1]}x{size[0]}, but the picture is 200x100{turned}\. .*size to picture")
    all_are(root, TWO, size="picture")
    if size == (768, 1024):
        scaled = pixels(read(root, size="scale"))
        name, x0, y0, x1, y1 = next(iter(scaled.values()))[1]
        assert (name, x0, y0) == ("Car", round(100 / 1024 * 200, 3), round(20 / 768 * 100, 3)) and x1 > x0 and y1 > y0
    refused(root, "6 of 6 pictures would be dropped", size="drop")


@pytest.mark.parametrize("cut", ["<size><width>200</width><height>100</height><depth>3</depth></size>",
                                 "<width>200</width>"])
def test_without_a_stated_size_the_pictures_own_counts_when_told_so(tmp_path, cut):
    text = VOC.format(key="a", width=200, height=100, objects="\n".join(OBJECT.format(*o) for o in TWO))
    text = text.replace(cut, "")
    root = with_voc(tmp_path, text=text)
    refused(root, "no usable size .* the picture is 200x100.*size to picture")
    refused(root, 'size = "scale" needs one', size="scale")
    all_are(root, TWO, size="picture")


# --- other units, other orders

@pytest.mark.parametrize("objects, message", [
    ([("People", 0.05, 0.2, 0.3, 0.7), ("Car", 0.5, 0.2, 0.95, 0.9)], "look like fractions where pixels are expected"),
    ([("People", 0.5, 2, 1.5, 3), ("Car", 1, 1, 2.5, 3)], "smaller than 3 pixels"),
    ([("People", 500, 400, 900, 800), ("Car", 210, 20, 390, 90)], "centre outside the picture")])
def test_voc_in_another_unit_is_recognised(tmp_path, objects, message):
    root = with_voc(tmp_path, *objects)
    refused(root, rf"M3FD/Annotation/\d+\.xml:\d+: of the labels for .*{message}.*units to accept")


def test_one_file_of_fractions_among_pixels_is_reported(tmp_path):
    root = with_voc(tmp_path)
    key = keys_of(root / "M3FD")[0]
    voc(root / f"M3FD/Annotation/{key}.xml", ("People", 0.05, 0.2, 0.3, 0.7))
    found = read(root)
    assert found.boxes[key] == () and summary(found.problems) == "1 degenerate (drop)"
    assert "smaller than a pixel" in found.problems[0].what


def test_boxes_of_smaller_pictures_are_recognised(tmp_path):
    top = m3fd(tmp_path)
    for number, key in enumerate(keys_of(top)):  # everything was annotated at half the size
        boxes = [("Car", 10 + 7 * i, 5 + number, 25 + 7 * i, 40 + number) for i in range(4)]
        voc(top / f"Annotation/{key}.xml", *boxes)
    refused(tmp_path, "all 24 boxes lie in the upper left quarter.*smaller size")
    assert sum(map(len, read(tmp_path, units="accept").boxes.values())) == 24


@pytest.mark.parametrize("lines, message", [
    ("0 35 45 50 50\n1 145 55 90 70\n", r"50 is no fraction of the picture: these look like pixels or percent"),
    ("0 17.5 45 25 50\n", "look like pixels or percent"),
    ("0 0.05 0.2 0.3 0.7\n1 0.5 0.2 0.95 0.9\n", "these look like x0 y0 x1 y1 where cx cy w h is expected"),
    ("0 0.002 0.003 0.0012 0.004\n", "divided twice")])
def test_yolo_in_another_unit_or_order_is_recognised(tmp_path, lines, message):
    refused(with_yolo(tmp_path, lines), message)


@pytest.mark.parametrize("boxes, message", [
    ([("People", 0.05, 0.2, 0.25, 0.5), ("Car", 0.5, 0.2, 0.45, 0.7)], "fractions where pixels are expected"),
    ([("People", 10, 20, 60, 70), ("Car", 100, 20, 190, 90)],
     r"look like \[x0, y0, x1, y1\] where \[x, y, width, height\]"),
    ([("People", 300, 20, 60, 70), ("Car", 400, 20, 190, 90)], "centre outside")])
def test_coco_in_another_unit_or_order_is_recognised(tmp_path, boxes, message):
    refused(with_coco(tmp_path, boxes), message)


# --- files and encodings

@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "latin-1", "gb18030", "shift_jis"])
def test_declared_encodings_are_read(tmp_path, encoding):
    folder = {"latin-1": "Ümlaut", "shift_jis": "可視"}.get(encoding, "可见光")
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + VOC.format(
        key="a", width=200, height=100, objects="\n".join(OBJECT.format(*o) for o in TWO)).replace(
        "<size>", f"<folder>{folder}</folder><size>")
    all_are(with_voc(tmp_path, text=text, encoding=encoding), TWO)


@pytest.mark.parametrize("declared, encoding", [("UTF-8", "gbk"), ("klingon", "utf-8"), ("GBK", "utf-16-le")])
def test_text_that_is_not_in_the_declared_encoding_is_said_so(tmp_path, declared, encoding):
    text = f'<?xml version="1.0" encoding="{declared}"?><annotation><folder>可见光</folder></annotation>'
    refused(with_voc(tmp_path, text=text, encoding=encoding), "(encoding .*save it as UTF-8|no usable size)")


def test_byte_order_marks_are_passed_over(tmp_path):
    all_are(with_voc(tmp_path / "xml", encoding="utf-8-sig"), TWO)
    for path, text in (("labels/classes.txt", "People\nCar\n"), ("labels/{}.txt", "0 0.5 0.5 0.2 0.2\n")):
        root = with_yolo(tmp_path / path[-6:], "0 0.5 0.5 0.2 0.2\n")
        for key in keys_of(root / "M3FD"):
            (root / "M3FD" / path.format(key)).write_text(text, encoding="utf-8-sig")
        all_are(root, [("People", 80, 40, 120, 60)])
    root = with_coco(tmp_path / "coco")
    path = root / "M3FD/annotations_coco/instances.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    all_are(root, TWO)


@pytest.mark.parametrize("write", [with_voc, with_coco, lambda root: with_yolo(root, "0 0.5 0.5 0.2 0.2\n")])
def test_shadow_files_of_macos_are_passed_over(tmp_path, write):
    root = write(tmp_path)
    before = read(root)
    for path in list((root / "M3FD").rglob("*.*")):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
    after = read(root)
    assert after.manifest == before.manifest and not after.problems


def test_suffixes_count_in_any_case(tmp_path):
    root = with_voc(tmp_path)
    for path in (root / "M3FD/Annotation").iterdir():
        path.rename(path.with_suffix(".XML"))
    all_are(root, TWO)


def test_two_labels_for_one_picture_are_refused(tmp_path):
    root = with_voc(tmp_path)
    path = sorted((root / "M3FD/Annotation").iterdir())[0]
    path.with_suffix(".XML").write_bytes(path.read_bytes())
    refused(root, r"\.xml: .*\.XML has the same name; keep one of them")
    path.with_suffix(".XML").unlink()
    picture(root / f"M3FD/Vis/{path.stem}.bmp")
    refused(root, r"\.png: .*\.bmp has the same name")


def test_only_regular_files_of_bounded_size_are_read(tmp_path):
    root = with_voc(tmp_path)
    path = sorted((root / "M3FD/Annotation").iterdir())[0]
    path.unlink()
    os.mkfifo(path)
    refused(root, "a folder or device where a file should be")
    path.unlink()
    with path.open("wb") as handle:
        handle.truncate(17 * 2**20)
    refused(root, r"\d+ bytes; at most \d+ are read")


# --- how much is lost

@pytest.mark.parametrize("objects, kind", [
    ([TWO[0], ("Tram", 10, 10, 50, 50)], "unknown_class"), ([TWO[0], ("Car", 10, 10, "x", 50)], "malformed"),
    ([TWO[0], ("Car", 50, 10, 50, 50)], "degenerate"), ([TWO[0], ("Car", 205, 10, 250, 50)], "outside")])
def test_losing_more_than_a_tenth_of_the_boxes_needs_a_word(tmp_path, objects, kind):
    root = with_voc(tmp_path, *objects)
    policy = {kind: "drop"} if kind in ("unknown_class", "malformed") else {}
    refused(root, rf"6 of 12 boxes would be dropped \({kind}\), e\.g\. .*\.xml:5: .*max_dropped to 0\.51", **policy)
    all_are(root, [TWO[0]], **policy, max_dropped=0.51)


def test_names_that_do_not_match_are_shown(tmp_path):
    root = with_voc(tmp_path)
    for path in (root / "M3FD/Annotation").iterdir():
        path.rename(path.with_stem(str(int(path.stem))))  # 00012.png, 12.xml
    keys = keys_of(root / "M3FD")
    refused(root, rf"6 of 6 pictures would be dropped \(image_without_label\).*Pictures without label: "
                  rf"{', '.join(keys[:3])} and 3 more; labels without picture: .* and 3 more")


def test_lists_that_do_not_match_are_shown(tmp_path):
    top = tmp_path / "sample_m3fd"
    for number in range(5):
        picture(top / f"Vis/{number:05d}.png")
        voc(top / f"Annotation/{number:05d}.xml", *TWO)
    for part, names in (("train", "0 1 2"), ("val", "3"), ("test", "4")):
        (top / f"{part}.txt").write_text("\n".join(names.split()))
    message = (r"5 labelled pictures are too few .*split official is left with 0 train, 0 val, 0 test: its names "
               r"\(0, 1, 2, \.\.\.\) are not those of the labelled pictures \(00000, 00001, 00002, \.\.\.\)")
    with pytest.raises(LabelError, match=message):
        open_detection("sample_m3fd", tmp_path)


def test_a_broken_picture_is_named(tmp_path):
    root = with_voc(tmp_path)
    path = sorted((root / "M3FD/Vis").iterdir())[0]
    path.write_bytes(b"no picture")
    with pytest.raises(IvfbenchError, match=rf"{path.name}: cannot be decoded"):
        read(root)
    path.unlink()
    picture(path, (50, 50))
    refused(root, "the stated size is 200x100, but the picture is 50x50")

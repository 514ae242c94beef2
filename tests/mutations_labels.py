"""Broken and hostile input: boxes, masks and lists of data sets."""

import shutil

import numpy as np
from mutation_sandbox import VOC, huge_png, mutation, training
from PIL import Image


@mutation
def boxes_that_cannot_be_read(box, rng):
    path = box / "data" / "M3FD" / "Annotation" / "00001.xml"
    path.write_bytes(rng.choice([
        VOC.format(name="Dragon", x=2).encode(), VOC.format(name="People", x="nan").encode(), b"<annotation>",
        b"\xff\xfe\x00",
        VOC.format(name="People", x="1e999").encode(), VOC.format(name="<b>", x=2).encode(), rng.randbytes(99), b"",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><size><width>&x;</width></size></annotation>',
        VOC.format(name="People", x=2).replace("48", "0").encode()]))
    return training(box, "detection", "m3fd")


@mutation
def box_lists_that_are_none(box, rng):
    m3fd = box / "data" / "M3FD"
    shutil.rmtree(m3fd / "Annotation")
    (m3fd / "annotations_coco").mkdir()
    (m3fd / "annotations_coco" / "a.json").write_bytes(rng.choice([
        b"{", b"[]", b"3", b'{"images": 1}', b"\xff\xff", b'{"images": [], "annotations": [], "categories": []}',
        b'{"images": [{"id": 1}], "annotations": [], "categories": []}',
        b'{"images": [{"id": 1, "file_name": 7, "width": 1, "height": 1}], "annotations": [], "categories": []}',
        b'{"images": {}, "annotations": {"a": 1}, "categories": [{}]}', b"[" * 100_000]))
    return training(box, "detection", "m3fd")


@mutation
def numbers_that_are_no_boxes(box, rng):
    m3fd = box / "data" / "M3FD"
    shutil.rmtree(m3fd / "Annotation")
    (m3fd / "labels").mkdir()
    names = rng.choice([None, b"People\nCar\n", b"\xff\xfe"])
    if names:
        (m3fd / "labels" / "classes.txt").write_bytes(names)
    for number in range(3):
        (m3fd / "labels" / f"0000{number}.txt").write_bytes(rng.choice([
            b"0 0.5 0.5 nan 0.1\n", b"9 0.5 0.5 0.1 0.1\n", b"x\n", b"\xff\xfe\x00", b"0 0.5\n", b"-1 .5 .5 .1 .1\n"]))
    return training(box, "detection", "m3fd")


@mutation
def label_picture_that_does_not_fit(box, rng):
    path = sorted((box / "data" / "mfnet" / "labels").iterdir())[rng.randrange(8)]
    how = rng.randrange(5)
    if how == 0:
        Image.fromarray(np.full((40, 48), rng.randrange(9, 255), np.uint8)).save(path)
    elif how == 1:
        Image.fromarray(np.zeros((20, 48), np.uint8)).save(path)
    elif how == 2:
        path.write_bytes(rng.choice([huge_png(10**6, 10**6), rng.randbytes(80), b""]))
    elif how == 3:
        path.unlink()
    else:
        Image.fromarray(np.zeros((40, 48, 3), np.uint8)).save(path.parent.parent / "images" / path.name)
    return training(box, "segmentation", "mfnet")


@mutation
def hostile_list(box, rng):
    for name in ("images", "labels"):  # what a name that leads out of the data set would find
        shutil.copy(next((box / "data" / "mfnet" / name).iterdir()), box / "data" / "mfnet" / "outside.png")
    names = rng.choice([b"../outside\n", b"\xff\xfe\n", b"a\x00b\n", b"/etc/passwd\n", b"nowhere\n", b"\n\n",
                        b"..\n", ("x" * 300).encode(), b"<script>\n"])
    listed = box / "data" / "mfnet" / rng.choice(["train.txt", "test.txt"])
    listed.write_bytes(names if rng.random() < 0.5 else listed.read_bytes() + names if names.strip() else names)
    return training(box, "segmentation", "mfnet")

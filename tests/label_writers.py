"""Writers of boxes in random admissible style; `draw` is hypothesis's."""

import codecs
import json

from hypothesis import strategies as st

from fusion.dataset_cards import find_dataset

CLASSES = find_dataset("m3fd").detection.classes
HEIGHT, WIDTH = 96, 128
PICTURES = ("00000", "00001", "00002")


def number(draw, value):
    text = [f"{value:g}", f"{value:.3f}", f"{value:.1f}", f" {value} ", f"{value:e}"]
    return draw(st.sampled_from(text))


def element(tag, inner):
    return f"<{tag}>{inner}</{tag}>"


def voc_object(draw, item):
    name, *corners = item
    space = draw(st.sampled_from(["", "\n\t", " "]))
    tags = [element(tag, number(draw, value)) for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners)]
    own = [element("name", f"{space}{draw(st.sampled_from([name, name.upper(), name.lower()]))}{space}"),
           element("bndbox", space.join(draw(st.permutations(tags))))]
    other = [element("pose", "Unspecified"), element("difficult", "0"), "<!-- <bndbox/> -->", "<occluded/>",
             element("part", element("name", "head") + element("bndbox", "".join(element(t, "3") for t in
                                                                                  ("xmin", "ymin", "xmax", "ymax")))),
             element("attributes", element("attribute", element("name", "rotation") + element("value", "0.0")))]
    chosen = draw(st.lists(st.sampled_from(other), unique=True))
    return element("object", space.join(draw(st.permutations(own + chosen))))


def voc_text(draw, boxes, encoding):
    size = [element("width", str(WIDTH)), element("height", str(HEIGHT)), element("depth", "3")]
    parts = [element("size", "".join(draw(st.permutations(size)))), element("filename", "a.png"),
             element("source", element("name", "Motorcycle")), element("segmented", "0"),
             *(voc_object(draw, item) for item in boxes)]
    if encoding != "ascii":
        parts.append(element("folder", "可见光"))
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n' if draw(st.booleans()) or encoding not in (
        "utf-8", "ascii") else ""
    return head + element("annotation", draw(st.sampled_from(["", "\n"])).join(draw(st.permutations(parts))))


def write_voc(draw, folder, truth):
    for key, boxes in truth.items():
        encoding = draw(st.sampled_from(["ascii", "utf-8", "utf-16", "gbk", "gb18030", "big5"]))
        word = "可見光" if encoding == "big5" else "可见光"
        data = voc_text(draw, boxes, encoding).replace("可见光", word).encode(encoding)
        mark = codecs.BOM_UTF8 if encoding == "utf-8" and draw(st.booleans()) else b""
        (folder / f"{key}.xml").write_bytes(mark + data)


def coco_tables(draw, truth):
    """One table per file: boxes dealt out at random, ids of any kind, pictures listed once or more in each."""
    tables = []
    for _ in range(draw(st.integers(1, 3))):
        ids = draw(st.permutations(range(100)))
        words = draw(st.booleans())
        names = draw(st.permutations(CLASSES))
        categories = [{"id": ids[i], "name": name, "supercategory": ""} for i, name in enumerate(names)]
        images = [{"file_name": f"{key}.png", "height": HEIGHT, "width": WIDTH, "id": f"p{n}" if words else 10 * n,
                   "license": 1} for n, key in enumerate(draw(st.permutations([*PICTURES, *PICTURES[:draw(
                       st.integers(0, 2))]])))]
        tables.append({"info": {}, "images": images, "annotations": [], "categories": categories})
    for key, boxes in truth.items():
        for name, x0, y0, x1, y1 in boxes:
            table = draw(st.sampled_from(tables))
            picture = draw(st.sampled_from([p for p in table["images"] if p["file_name"] == f"{key}.png"]))
            category = next(c["id"] for c in table["categories"] if c["name"] == name)
            item = {"id": draw(st.integers(0, 5)), "image_id": picture["id"], "category_id": category,
                    "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0), "segmentation": []}
            table["annotations"].append(item | draw(st.sampled_from([{}, {"iscrowd": 0}, {"ignore": 0}])))
    return tables


def write_coco(draw, folder, truth, change=lambda tables: None):
    tables = coco_tables(draw, truth)
    change(tables)
    for place, table in enumerate(tables):
        order = draw(st.permutations(list(table)))
        text = json.dumps({key: table[key] for key in order}, indent=draw(st.sampled_from([None, 1])))
        (folder / f"{place}.json").write_text(text, encoding=draw(st.sampled_from(["utf-8", "utf-8-sig"])))


def yolo_line(draw, item, names):
    name, x0, y0, x1, y1 = item
    values = [(x0 + x1) / 2 / WIDTH, (y0 + y1) / 2 / HEIGHT, (x1 - x0) / WIDTH, (y1 - y0) / HEIGHT]
    form = draw(st.sampled_from(["{:.12f}", "{!r}", "{:.12e}"]))
    return draw(st.sampled_from([" ", "  ", "\t"])).join([str(names.index(name)), *(form.format(v) for v in values)])


def write_yolo(draw, folder, truth, change=lambda key, lines: lines):
    names = draw(st.permutations(CLASSES))
    for key, boxes in truth.items():
        lines = change(key, [yolo_line(draw, item, names) for item in boxes])
        end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
        (folder / f"{key}.txt").write_text(end.join(lines) + draw(st.sampled_from(["", end])), newline="",
                                           encoding=draw(st.sampled_from(["utf-8", "utf-8-sig"])))
    place = draw(st.sampled_from(["classes.txt", "data.yaml", "obj.names"]))
    text = json.dumps({"nc": len(names), "names": names}) if place == "data.yaml" else "\n".join(names)
    (folder / place).write_text(text, encoding=draw(st.sampled_from(["utf-8", "utf-8-sig"])))
    return names

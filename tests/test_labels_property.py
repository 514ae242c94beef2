"""Any set of boxes in any admissible style is read back exactly; a mutation that is not is refused or reported.

The writers (label_writers) share nothing with the readers, nor with the other tests' writers.
"""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from label_writers import (
    CLASSES,
    HEIGHT,
    PICTURES,
    WIDTH,
    element,
    voc_text,
    write_coco,
    write_voc,
    write_yolo,
)

from downstream.detection.data.coco import read_coco
from downstream.detection.data.inspection import Inspection
from downstream.detection.data.policy import Inspector, LabelError, LabelPolicy
from downstream.detection.data.voc import read_voc
from downstream.detection.data.yolo import NAME_LISTS, read_yolo, yolo_names
from downstream.places import list_files
from fusion.dataset_cards import find_dataset

pytestmark = pytest.mark.long

CARD = find_dataset("m3fd")
# a whole set of tiny boxes, or of boxes in a corner, is rightly suspected: that is another test's matter
READ = LabelPolicy(units="accept")
COMMON = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ORDERS = {"voc": (False, False), "coco": (False, True), "yolo": (True, True)}


@st.composite
def box(draw):
    """(class, x0, y0, x1, y1) in halves of a pixel, two pixels or larger, inside the picture."""
    x0, y0 = draw(st.integers(0, 2 * WIDTH - 4)), draw(st.integers(0, 2 * HEIGHT - 4))
    x1, y1 = draw(st.integers(x0 + 4, 2 * WIDTH)), draw(st.integers(y0 + 4, 2 * HEIGHT))
    return draw(st.sampled_from(CLASSES)), x0 / 2, y0 / 2, x1 / 2, y1 / 2


annotated = st.fixed_dictionaries({key: st.lists(box(), min_size=1, max_size=5, unique=True) for key in PICTURES})
# at least two of every picture's boxes differ from all others
many = st.fixed_dictionaries({key: st.lists(box(), min_size=3, max_size=5, unique=True) for key in PICTURES})


def inspect(labels, format_, policy):
    inspector = Inspector(policy)
    found = Inspection(CARD.detection, inspector, "Vis", lambda path: (HEIGHT, WIDTH)).boxes(
        labels(inspector), dict.fromkeys(PICTURES, Path()), ORDERS[format_])
    boxes = {key: [(CLASSES[b.label], *b.corners(HEIGHT, WIDTH)) for b in boxes] for key, boxes in found.items()}
    return boxes, inspector


def read(folder, format_, policy=READ):
    def labels(inspector):
        files = list_files(folder, {"voc": ".xml", "coco": ".json", "yolo": ".txt"}[format_])
        if format_ == "voc":
            return read_voc(files, CARD, inspector)
        if format_ == "coco":
            return read_coco(files, CARD, inspector)
        files = [path for path in files if path.name not in NAME_LISTS]
        return read_yolo(files, yolo_names(folder, folder, ())[0], CARD, inspector)

    return inspect(labels, format_, policy)


def same(found, truth, exact=1e-9):
    """Whether the same boxes stand in the same pictures, in whatever order."""
    return found.keys() == truth.keys() and all(matched(found[key], boxes, exact) for key, boxes in truth.items())


def matched(found, boxes, exact):
    """Every box has its own counterpart. Not by sorting: a coordinate that is off by rounding would sort elsewhere."""
    left = list(found)
    for box in boxes:
        near = [other for other in left if other[0] == box[0] and other[1:] == pytest.approx(box[1:], abs=exact)]
        if not near:
            return False
        left.remove(near[0])
    return not left


# --- read back exactly

@pytest.mark.parametrize("format_, write", [("voc", write_voc), ("coco", write_coco), ("yolo", write_yolo)])
def test_boxes_in_any_admissible_style_are_read_back_exactly(format_, write):
    @COMMON
    @given(annotated, st.data())
    def check(truth, data):
        with tempfile.TemporaryDirectory() as folder:
            write(data.draw, Path(folder), truth)
            found, inspector = read(Path(folder), format_)
        assert same(found, truth) and {p.kind for p in inspector.problems} <= {"units"}

    check()


# --- a mutation is refused or reported, never read as other boxes

def refused_or_reported(folder, format_, truth, whole=False):
    """As a user has it, with the default policy. whole: the mutation touches every file, so only refusing will do."""
    try:
        found, inspector = read(folder, format_, LabelPolicy(max_dropped=1.0))
    except LabelError:
        return
    assert same(found, truth) or (inspector.problems and not whole), (found, inspector.problems)


def nth(text, what, place):
    """`text` split at the occurrence number `place` (modulo their number) of `what`."""
    at = [i for i in range(len(text)) if text.startswith(what, i)]
    assume(at)
    cut = at[place % len(at)]
    return text[:cut], text[cut + len(what):]


VOC_MUTATIONS = {
    "two boxes": lambda t, n: "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>".join(
        nth(t, "</object>", n)),
    "a corner lost": lambda t, n: "<oops>".join(nth(t, "<ymax>", n)).replace("</ymax>", "</oops>", 1),
    "a corner twice": lambda t, n: "</ymin><ymin>7</ymin>".join(nth(t, "</ymin>", n)),
    "digits joined": lambda t, n: "<xmax>_".join(nth(t, "<xmax>", n)),
    "not a number": lambda t, n: "<xmax>nan".join(nth(t, "<xmax>", n)),
    "a comma": lambda t, n: "<xmin>1,".join(nth(t, "<xmin>", n)),
    "another size": lambda t, n: t.replace(f"<width>{WIDTH}<", f"<width>{WIDTH + 1 + n}<"),
    "no size": lambda t, n: t.replace("<height>", "<higth>").replace("</height>", "</higth>"),
    "size exchanged": lambda t, n: t.replace(f"<width>{WIDTH}<", f"<width>{HEIGHT}<").replace(
        f"<height>{HEIGHT}<", f"<height>{WIDTH}<"),
    "cut off": lambda t, n: t[:len(t) - 1 - n % (len(t) - 1)],
    "wrapped": lambda t, n: t.replace("<annotation>", "<annotation><d>").replace("</annotation>", "</d></annotation>"),
    "another class": lambda t, n: "<object><name>Tram</name>".join(nth(t, "<object>", n)),
    "an entity": lambda t, n: t.replace("<annotation>", '<!DOCTYPE a [<!ENTITY x "1">]><annotation>', 1),
}


@pytest.mark.parametrize("mutation", VOC_MUTATIONS)
def test_a_mutated_voc_file_is_never_read_as_other_boxes(mutation):
    @settings(COMMON, max_examples=12)
    @given(annotated, st.integers(0, 99), st.data())
    def check(truth, place, data):
        with tempfile.TemporaryDirectory() as folder:
            write_voc(data.draw, Path(folder), truth)
            key = data.draw(st.sampled_from(PICTURES))
            text = voc_text(data.draw, truth[key], "ascii")
            changed = VOC_MUTATIONS[mutation](text, place)
            assume(changed != text)
            (Path(folder) / f"{key}.xml").write_text(changed)
            refused_or_reported(Path(folder), "voc", truth)

    check()


@pytest.mark.parametrize("change", [
    lambda x, y: (x / WIDTH, y / HEIGHT), lambda x, y: (x / 1000, y / 1000), lambda x, y: (8 * x + WIDTH, 8 * y)])
def test_a_voc_set_in_another_unit_is_refused(change):
    @settings(COMMON, max_examples=12)
    @given(many, st.data())
    def check(truth, data):
        other = {key: [(n, *change(x0, y0), *change(x1, y1)) for n, x0, y0, x1, y1 in boxes]
                 for key, boxes in truth.items()}
        with tempfile.TemporaryDirectory() as folder:
            for key, boxes in other.items():
                objects = "".join(element("object", element("name", n) + element("bndbox", "".join(
                    element(t, repr(v)) for t, v in zip(("xmin", "ymin", "xmax", "ymax"), c)))) for n, *c in boxes)
                size = element("size", element("width", str(WIDTH)) + element("height", str(HEIGHT)))
                (Path(folder) / f"{key}.xml").write_text(element("annotation", size + objects))
            refused_or_reported(Path(folder), "voc", truth, whole=True)

    check()


def _twice(table, what, field):
    entries = table[what]
    assume(len(entries) > 1)
    entries[1]["id"] = entries[0]["id"]
    entries[1][field] = entries[1][field]


COCO_MUTATIONS = {
    "category id twice": lambda t, n: _twice(t, "categories", "name"),
    "picture id twice": lambda t, n: _twice(t, "images", "file_name"),
    "a category lost": lambda t, n: t["categories"].pop(n % len(t["categories"])),
    "a picture lost": lambda t, n: t["images"].pop(n % len(t["images"])),
    "three numbers": lambda t, n: t["annotations"][n % len(t["annotations"])]["bbox"].pop(),
    "five numbers": lambda t, n: t["annotations"][n % len(t["annotations"])]["bbox"].append(1),
    "a word": lambda t, n: t["annotations"][n % len(t["annotations"])]["bbox"].__setitem__(1, "ten"),
    "nothing": lambda t, n: t["annotations"][n % len(t["annotations"])].__setitem__("bbox", None),
    "a crowd": lambda t, n: t["annotations"][n % len(t["annotations"])].__setitem__("iscrowd", 1),
    "another size": lambda t, n: t["images"][n % len(t["images"])].__setitem__("width", WIDTH + 1),
    "no size": lambda t, n: t["images"][n % len(t["images"])].pop("height"),
    "another folder": lambda t, n: t["images"][0].__setitem__("file_name", f"x/{t['images'][0]['file_name']}"),
    "images renamed": lambda t, n: t.__setitem__("pictures", t.pop("images"))}


@pytest.mark.parametrize("mutation", COCO_MUTATIONS)
def test_a_mutated_coco_file_is_never_read_as_other_boxes(mutation):
    @settings(COMMON, max_examples=12)
    @given(annotated, st.integers(0, 99), st.data())
    def check(truth, place, data):
        def change(tables):
            table = next(t for t in tables if t["annotations"])
            COCO_MUTATIONS[mutation](table, place)

        with tempfile.TemporaryDirectory() as folder:
            write_coco(data.draw, Path(folder), truth, change)
            refused_or_reported(Path(folder), "coco", truth)

    check()


@pytest.mark.parametrize("change", [lambda x, y, w, h: [x, y, x + w, y + h],
                                    lambda x, y, w, h: [x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT]])
def test_a_coco_set_in_another_order_or_unit_is_refused(change):
    def everywhere(tables):
        for table in tables:
            for item in table["annotations"]:
                item["bbox"] = change(*item["bbox"])

    @settings(COMMON, max_examples=12)
    @given(many, st.data())
    def check(truth, data):
        assume(all(x0 > 0 and y0 > 0 for boxes in truth.values() for _, x0, y0, *_ in boxes))
        with tempfile.TemporaryDirectory() as folder:
            write_coco(data.draw, Path(folder), truth, everywhere)
            refused_or_reported(Path(folder), "coco", truth, whole=True)

    check()


def _words(change):
    return lambda lines, n: [*lines[:n % len(lines)], " ".join(change(lines[n % len(lines)].split())),
                             *lines[n % len(lines) + 1:]]


YOLO_MUTATIONS = {
    "four fields": _words(lambda w: w[:4]), "a score": _words(lambda w: [*w, "0.9"]),
    "a polygon": _words(lambda w: [*w, *w[1:]]), "a name": _words(lambda w: ["Car", *w[1:]]),
    "a comma": _words(lambda w: [w[0], w[1].replace(".", ","), *w[2:]] if "." in w[1] else [w[0], "0,5", *w[2:]]),
    "digits joined": _words(lambda w: [w[0], f"1_{w[1]}", *w[2:]]), "infinite": _words(lambda w: [*w[:4], "inf"]),
    "a number beyond": _words(lambda w: ["77", *w[1:]]), "a number below": _words(lambda w: ["-1", *w[1:]]),
    "pixels": _words(lambda w: [w[0], *(f"{float(v) * s:.6f}" for v, s in zip(w[1:], (WIDTH, HEIGHT) * 2))]),
    "negative": _words(lambda w: [*w[:3], f"-{w[3]}", w[4]]),
    "outside": _words(lambda w: [w[0], f"{float(w[1]) + 1}", *w[2:]])}


@pytest.mark.parametrize("mutation", YOLO_MUTATIONS)
def test_a_mutated_yolo_file_is_never_read_as_other_boxes(mutation):
    @settings(COMMON, max_examples=12)
    @given(annotated, st.integers(0, 99), st.data())
    def check(truth, place, data):
        with tempfile.TemporaryDirectory() as folder:
            write_yolo(data.draw, Path(folder), truth, lambda key, lines: YOLO_MUTATIONS[mutation](lines, place)
                       if key == PICTURES[0] else lines)
            refused_or_reported(Path(folder), "yolo", truth)

    check()


@pytest.mark.parametrize("change", [
    lambda c, x, y, w, h: (c, x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    lambda c, x, y, w, h: (c, x * WIDTH, y * HEIGHT, w * WIDTH, h * HEIGHT),
    lambda c, x, y, w, h: (c, 100 * x, 100 * y, 100 * w, 100 * h),
    lambda c, x, y, w, h: (c, x / WIDTH, y / HEIGHT, w / WIDTH, h / HEIGHT)])
def test_a_yolo_set_in_another_order_or_unit_is_refused(change):
    def everywhere(key, lines):
        return [" ".join(map(repr, change(int(line.split()[0]), *map(float, line.split()[1:])))) for line in lines]

    @settings(COMMON, max_examples=12)
    @given(many, st.data())
    def check(truth, data):
        with tempfile.TemporaryDirectory() as folder:
            write_yolo(data.draw, Path(folder), truth, everywhere)
            refused_or_reported(Path(folder), "yolo", truth, whole=True)

    check()


def test_classes_in_two_orders_are_refused():
    @settings(COMMON, max_examples=12)
    @given(annotated, st.permutations(CLASSES), st.data())
    def check(truth, other, data):
        with tempfile.TemporaryDirectory() as folder:
            names = write_yolo(data.draw, Path(folder), truth)
            assume(list(names) != list(other))
            (Path(folder) / "data.yml").write_text(json.dumps({"names": list(other)}))
            with pytest.raises(LabelError, match="the classes are"):
                read(Path(folder), "yolo")

    check()

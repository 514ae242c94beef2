"""AP equals pycocotools and torchmetrics on the same predictions."""

import contextlib
import dataclasses
import io
import math

import numpy as np
import pytest

from downstream import guard
from downstream.detection.data.policy import Box

CLASSES = ("a", "b", "c")
HEIGHT, WIDTH = 120, 160


@pytest.fixture(autouse=True, scope="module")
def _ready(tmp_path_factory):
    guard.prepare(tmp_path_factory.mktemp("config"))


def scene(count, seed, crowds=0.0):
    """Boxes (a share of them crowd regions), and detections that hit, miss, repeat and confuse classes."""
    rng = np.random.default_rng(seed)
    truth, found = {}, {}
    for number in range(count):
        boxes, detections = [], []
        for _ in range(rng.integers(0, 7)):
            w, h = rng.uniform(0.05, 0.4, 2)
            box = Box(int(rng.integers(3)), rng.uniform(w / 2, 1 - w / 2), rng.uniform(h / 2, 1 - h / 2), w, h)
            boxes.append(dataclasses.replace(box, crowd=bool(rng.random() < crowds)) if crowds else box)
            for _ in range(rng.choice([0, 1, 1, 2])):
                corners = np.array(box.corners(HEIGHT, WIDTH))
                corners += rng.normal(0, 0.06, 4) * np.tile(corners[2:] - corners[:2], 2)
                label = box.label if rng.random() < 0.9 else int(rng.integers(3))
                if (corners[2:] > corners[:2] + 1).all():
                    detections.append([*corners, rng.beta(4, 2), label])
        for _ in range(rng.integers(0, 5)):
            x, y = rng.uniform(0, 100, 2)
            detections.append([x, y, x + rng.uniform(5, 50), y + rng.uniform(5, 50), rng.beta(2, 4), rng.integers(3)])
        truth[f"{number:03d}"], found[f"{number:03d}"] = tuple(boxes), detections
    return found, truth, dict.fromkeys(truth, (HEIGHT, WIDTH))


def by_pycocotools(found, truth):
    """AP50 [classes] and mAP50-95, all detections counted."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    keys, annotations, results = list(truth), [], []
    for number, key in enumerate(keys):
        for box in truth[key]:
            x0, y0, x1, y1 = box.corners(HEIGHT, WIDTH)
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": box.label,
                                "iscrowd": int(box.crowd),
                                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)})
        results += [{"image_id": number, "category_id": int(d[5]), "bbox": [d[0], d[1], d[2] - d[0], d[3] - d[1]],
                     "score": d[4]} for d in found[key]]
    coco = COCO()
    coco.dataset = {"images": [{"id": i, "height": HEIGHT, "width": WIDTH} for i in range(len(keys))],
                    "annotations": annotations, "categories": [{"id": i, "name": c} for i, c in enumerate(CLASSES)]}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.params.maxDets = [1, 10, 300]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, -1]  # thresholds, recalls, classes
    return precision[0].mean(0), precision.mean()


def by_torchmetrics(found, truth):
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    # its own recall grid is float32 and misses recalls that lie on it; its limit of 100 a picture is not reached
    metric = MeanAveragePrecision(class_metrics=True, iou_thresholds=[0.5],
                                  rec_thresholds=np.linspace(0, 1, 101).tolist())

    def tensors(table, width):
        return torch.tensor(np.array(table, dtype=np.float64).reshape(-1, width), dtype=torch.float64)

    for key, boxes in truth.items():
        detections = tensors(found[key], 6)
        metric.update([{"boxes": detections[:, :4], "scores": detections[:, 4], "labels": detections[:, 5].long()}],
                      [{"boxes": tensors([b.corners(HEIGHT, WIDTH) for b in boxes], 4),
                        "labels": torch.tensor([b.label for b in boxes], dtype=torch.long)}])
    return metric.compute()["map_per_class"].numpy()


def values(rows, metric):
    return np.array([row["value"] for row in rows if row["metric"] == metric])


@pytest.mark.parametrize("count, seed", [(4, 0), (25, 1), (80, 2)])
def test_ap_equals_pycocotools_and_torchmetrics(count, seed):
    from downstream.detection.evaluate import average_precision

    found, truth, sizes = scene(count, seed)
    rows = average_precision(found, truth, sizes, CLASSES)
    ap50, mean = by_pycocotools(found, truth)
    assert 0.2 < values(rows, "mAP50")[0] < 0.9  # neither empty nor perfect
    np.testing.assert_allclose(values(rows, "AP50"), ap50, atol=1e-3)
    np.testing.assert_allclose(values(rows, "AP50"), by_torchmetrics(found, truth), atol=1e-3)
    assert values(rows, "mAP50")[0] == pytest.approx(ap50.mean(), abs=1e-3)
    assert values(rows, "mAP50-95")[0] == pytest.approx(mean, abs=1e-3)
    # the library's interpolation: the same points joined by lines
    np.testing.assert_allclose(values(rows, "AP50-yolo"), ap50, atol=0.05)


@pytest.mark.parametrize("seed", [3, 4])
def test_crowds_are_ignored_as_pycocotools_ignores_them(seed):
    from downstream.detection.evaluate import average_precision

    found, truth, sizes = scene(60, seed, crowds=0.4)
    rows = average_precision(found, truth, sizes, CLASSES)
    ap50, mean = by_pycocotools(found, truth)
    np.testing.assert_allclose(values(rows, "AP50"), ap50, atol=1e-3)
    assert values(rows, "mAP50-95")[0] == pytest.approx(mean, abs=1e-3)
    np.testing.assert_allclose(values(rows, "AP50-yolo"), ap50, atol=0.05)
    as_objects = {key: tuple(dataclasses.replace(b, crowd=False) for b in boxes) for key, boxes in truth.items()}
    left_out = {key: tuple(b for b in boxes if not b.crowd) for key, boxes in truth.items()}
    for other in (as_objects, left_out):  # neither objects nor nothing
        assert abs(values(average_precision(found, other, sizes, CLASSES), "mAP50")[0] - ap50.mean()) > 0.02


def test_perfect_and_hopeless_and_absent():
    from downstream.detection.evaluate import average_precision

    truth = {"a": (Box(0, 0.5, 0.5, 0.2, 0.2), Box(1, 0.2, 0.2, 0.2, 0.2)), "b": ()}
    sizes = dict.fromkeys(truth, (100, 100))
    perfect = {"a": [[*truth["a"][0].corners(100, 100), 0.9, 0]]}
    rows = average_precision(perfect, truth, sizes, CLASSES)
    assert values(rows, "AP50")[:2] == pytest.approx([1, 0]) and math.isnan(values(rows, "AP50")[2])
    assert values(rows, "mAP50")[0] == pytest.approx(0.5)  # over the classes that occur
    assert values(average_precision({}, truth, sizes, CLASSES), "mAP50")[0] == 0
    wrong_class = {"a": [[*truth["a"][0].corners(100, 100), 0.9, 1]]}
    assert values(average_precision(wrong_class, truth, sizes, CLASSES), "mAP50")[0] == 0

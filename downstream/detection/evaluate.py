"""From predicted boxes to average precision: the same path for every engine.

Detections by falling score each take the best free object of their class with IoU at or above the threshold.
AP is COCO's: the mean of the precision envelope at 101 recalls, equal to pycocotools and torchmetrics. ultralytics
joins the same points by straight lines and integrates; its value is given beside ("-yolo") because YOLO users print
it. On thousands of objects the two differ by about 0.001, on a hundred by up to 0.01.
Crowd regions are COCO's: no objects to find; a detection that hits no object and lies in one of its class (intersection
over the detection's own area at or above the threshold) is neither right nor wrong.
"""

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from downstream.detection.data.policy import Box

# one detection: x0, y0, x1, y1 in pixels of the picture, score, class index
Detection = Sequence[float]


def average_precision(predictions: Mapping[str, Sequence[Detection]], truth: Mapping[str, Sequence[Box]],
                      sizes: Mapping[str, tuple[int, int]], classes: Sequence[str]) -> list[dict]:
    """Score predictions.

    Args:
        predictions: picture id -> detections.
        truth: picture id -> boxes; its ids are the test set, pictures without predictions included.
        sizes: picture id -> (height, width).
        classes: names by index.
    Returns: {item, metric, value}: AP50 and AP50-yolo per class (nan for a class without objects), then with item
    "-": mAP50, mAP50-95, mAP50-yolo (means over the classes with objects), precision and recall (ultralytics: at the
    score of the best mean F1). All detections count; COCO's own limit of 100 a picture is not applied.
    """
    import torch

    from downstream.guard import torchvision_guard

    torchvision_guard()
    from ultralytics.engine.validator import BaseValidator
    from ultralytics.utils.metrics import ap_per_class, box_iou

    thresholds: Any = SimpleNamespace(iouv=torch.linspace(0.5, 0.95, 10))
    columns: list[tuple[np.ndarray, ...]] = []  # per picture: hits, ignored, scores, classes, classes of the objects
    for key, annotated in truth.items():
        boxes, crowds = [b for b in annotated if not b.crowd], [b for b in annotated if b.crowd]
        detections = np.asarray(predictions.get(key, ()), dtype=np.float64).reshape(-1, 6)
        detections = detections[np.argsort(-detections[:, 4], kind="stable")]
        labels = np.array([box.label for box in boxes], dtype=int)
        hit = np.zeros((len(detections), 10), dtype=bool)
        if len(detections) and len(boxes):
            corners = torch.tensor([box.corners(*sizes[key]) for box in boxes], dtype=torch.float64)
            iou = box_iou(corners, torch.from_numpy(detections[:, :4].copy()))
            hit = BaseValidator.match_predictions(thresholds, torch.from_numpy(detections[:, 5].copy()),
                                                  torch.from_numpy(labels), iou).numpy()
        ignored = ~hit & _in_crowd(detections, crowds, sizes[key], thresholds.iouv.numpy())
        columns.append((hit, ignored, detections[:, 4], detections[:, 5], labels))
    hits, ignored, scores, found, present = map(np.concatenate, zip(*columns, strict=True))
    counted = ~ignored[:, 0]  # at IoU 0.5, the threshold of what is taken from ultralytics
    result = ap_per_class(hits[counted], scores[counted], found[counted], present)
    precision, recall, yolo, indices = result[2], result[3], result[5], [int(i) for i in result[6]]
    coco = np.array([_coco_ap(hits[found == i], ignored[found == i], scores[found == i], int((present == i).sum()))
                     for i in indices])
    rows = []
    for number, name in enumerate(classes):
        at = indices.index(number) if number in indices else None
        rows += [{"item": name, "metric": metric, "value": math.nan if at is None else float(table[at][0])}
                 for metric, table in (("AP50", coco), ("AP50-yolo", yolo))]
    means = {"mAP50": coco[..., :1], "mAP50-95": coco, "mAP50-yolo": yolo[..., :1], "precision": precision,
             "recall": recall}
    return rows + [{"item": "-", "metric": metric, "value": float(values.mean()) if values.size else math.nan}
                   for metric, values in means.items()]


def _in_crowd(detections: np.ndarray, crowds: Sequence[Box], size: tuple[int, int],
              thresholds: np.ndarray) -> np.ndarray:
    """Whether a detection lies in a crowd region of its class: bool [N,10]. detections: [N,6]."""
    share = np.zeros(len(detections))
    area = np.prod(detections[:, 2:4] - detections[:, :2], axis=1)
    for crowd in crowds:
        x0, y0, x1, y1 = crowd.corners(*size)
        width = np.minimum(detections[:, 2], x1) - np.maximum(detections[:, 0], x0)
        height = np.minimum(detections[:, 3], y1) - np.maximum(detections[:, 1], y0)
        inside = np.divide(width.clip(0) * height.clip(0), area, out=np.zeros(len(area)), where=area > 0)
        share = np.maximum(share, np.where(detections[:, 5] == crowd.label, inside, 0))
    return share[:, None] >= np.minimum(thresholds, 1 - 1e-10)


def _coco_ap(hits: np.ndarray, ignored: np.ndarray, scores: np.ndarray, objects: int) -> np.ndarray:
    """COCO's AP of one class. hits, ignored: bool [N,10] (per IoU threshold), scores [N] -> float64 [10]."""
    order = np.argsort(-scores, kind="stable")
    hits, ignored = hits[order], ignored[order]
    right = hits.cumsum(0)
    precision = right / np.maximum((~ignored).cumsum(0), 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    values = np.zeros(hits.shape[1])
    for column in range(hits.shape[1]):
        first = np.searchsorted(right[:, column] / objects, np.linspace(0, 1, 101), side="left")
        values[column] = np.append(envelope[:, column], 0.0)[first].mean()
    return values

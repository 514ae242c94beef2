"""The confusion matrix and what is read from it: IoU and accuracy per class, their means, overall accuracy.

Counts are exact integers: mmsegmentation's IoUMetric adds float32 areas, which are not exact above 2^24 pixels (MFNet's
test split has 1.2e8). Definitions are the same: IoU = TP / (TP + FP + FN), Acc = TP / (TP + FN), over the whole set.
"""

from collections.abc import Sequence

import numpy as np


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """int64 [classes, classes] pixel counts, rows = truth, columns = prediction. Both inputs: ids of one shape."""
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction {predicted.shape}")
    flat = truth.astype(np.int64).ravel() * classes + predicted.astype(np.int64).ravel()
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def iou(matrix: np.ndarray) -> np.ndarray:
    """Per class TP / (TP + FP + FN), float64; nan for a class in neither truth nor prediction."""
    hit = np.diag(matrix).astype(np.float64)
    return _ratio(hit, matrix.sum(0) + matrix.sum(1) - hit)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Per class TP / (TP + FN), float64; nan for a class that the truth does not hold."""
    return _ratio(np.diag(matrix).astype(np.float64), matrix.sum(1))


def class_mean(values: np.ndarray, absent: str) -> float:
    """Mean over classes; a nan (absent class) is left out ("nan") or counted as 0 ("zero")."""
    values = np.asarray(values, dtype=np.float64)
    if absent == "zero":
        return float(np.nan_to_num(values, nan=0.0).mean())
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


def rows(matrix: np.ndarray, names: Sequence[str], absent: str) -> list[dict]:
    """Rows {item, metric, value}: IoU and Acc per class name, then mIoU, mAcc, aAcc with item "-"; values in 0..1."""
    per_class = {"IoU": iou(matrix), "Acc": accuracy(matrix)}
    if absent == "zero":
        per_class = {metric: np.nan_to_num(values, nan=0.0) for metric, values in per_class.items()}
    table = [{"item": name, "metric": metric, "value": float(value)}
             for metric, values in per_class.items() for name, value in zip(names, values, strict=True)]
    total = matrix.sum()
    overall = {"mIoU": class_mean(per_class["IoU"], absent), "mAcc": class_mean(per_class["Acc"], absent),
               "aAcc": float(np.trace(matrix) / total) if total else float("nan")}
    return table + [{"item": "-", "metric": metric, "value": value} for metric, value in overall.items()]


def background_baseline(matrix: np.ndarray, absent: str) -> float:
    """mIoU of answering class 0 everywhere, on the truth that `matrix` counts: what a training must beat."""
    trivial = np.zeros_like(matrix)
    trivial[:, 0] = matrix.sum(1)
    return class_mean(iou(trivial), absent)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
